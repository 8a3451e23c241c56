package tests

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// An importRule says which packages alone may import a path, and why.
type importRule struct {
	path    string   // import path, or a prefix when it ends in "/..."
	allowed []string // packages of this module; "x/..." covers what lies below
	why     string
}

// restricted lists the imports that have one home.
var restricted = []importRule{
	{"github.com/emiago/sipgo/...", []string{"sip/..."}, "the codec can be replaced without touching call logic"},
	{"github.com/gorilla/websocket", []string{"sip/transport", "web", "admin"}, "sockets live at the edge"},
	{"github.com/miekg/dns", []string{"sip/resolve"}, "host names end there; everything else sees numbers"},
	{"github.com/hraban/opus", []string{"transcode"}, "the only cgo; everything else builds without it"},
	{"github.com/pion/webrtc/...", []string{"cmd/drawbridge/..."}, "a PeerConnection costs 20 goroutines: built-in caller only, never in the media path"},
	{"github.com/pion/dtls/...", []string{"media"}, "keys stay inside the media plane"},
	{"github.com/pion/srtp/...", []string{"media"}, "keys stay inside the media plane"},
	{"github.com/pion/stun/...", []string{"media"}, "ICE-lite is the media plane's own"},
	{"github.com/pion/sdp/...", nil, "SDP is read and written in media/offer; another reader only judges it in tests"},
	{"github.com/pion/rtcp", []string{"media", "cmd/drawbridge/..."}, "RTCP ends on each leg"},
	{"github.com/prometheus/...", []string{"telemetry/metrics", "admin"}, "events are the only source of numbers"},
	{"go.yaml.in/yaml/...", []string{"config"}, "the decoder can be replaced in one place"},
	{"github.com/alecthomas/kong", []string{"cmd/drawbridge"}, "sub-commands are wiring"},
	{"drawbridge/config", []string{"cmd/drawbridge/...", "admin"}, "every other package takes its own small Config"},
	{"drawbridge/b2bua", []string{"cmd/drawbridge/...", "web"}, "web carries JSON legs; nobody else drives calls"},
	{"drawbridge/web", []string{"cmd/drawbridge/..."}, "the public port is an edge"},
	{"drawbridge/admin", []string{"cmd/drawbridge/..."}, "the private port is an edge"},
}

// A pureRule keeps a package to values: no socket, clock, lock, random source or logger.
type pureRule struct {
	pkg  string
	only []string // when set: the imports beyond the standard library
	why  string
}

var pure = []pureRule{
	{"policy", []string{"drawbridge/policy/limit"}, "a decision can be logged, tested, replayed and shown"},
	{"policy/score", nil, "what is known of a trunk's calls is a value"},
	{"policy/health", nil, "what is known of a target is a value"},
	{"policy/route", []string{"drawbridge/policy", "drawbridge/policy/number"}, "a routing decision can be explained"},
	{"policy/limit", nil, "a rate is judged by value, whoever keeps the cells"},
	{"policy/shield", []string{"drawbridge/policy/limit"}, "an offence is judged by value, whoever keeps the records"},
	{"policy/profile", nil, "what a peer is like is data"},
	{"policy/classify", nil, "who is meant can be said without asking anybody"},
	{"policy/number", nil, "two ways to write a number are compared without asking anybody"},
	{"policy/fraud", []string{"drawbridge/policy", "drawbridge/policy/number"}, "an alarm can be replayed and explained"},
	{"policy/rules", []string{"drawbridge/sip/wire"}, "a dry run is the run"},
	{"topology", []string{"drawbridge/sip/wire", "drawbridge/policy", "drawbridge/policy/profile"}, "what the far side sees is a function of the message"},
	{"sip/wire", []string{"github.com/emiago/sipgo/sip"}, "parsing never waits"},
	{"sip/dialog", []string{"drawbridge/sip/wire"}, "a dialog is a value; time is passed in"},
	{"sip/digest", []string{"drawbridge/sip/wire"}, "credentials are a function of challenge and request"},
	{"media/offer", nil, "offer/answer is a table, not a process"},
	{"media/rtpmath", nil, "golden values only need numbers"},
	{"media/srtp", []string{"golang.org/x/sys/cpu", "drawbridge/media/fetch"}, "protection is a function of keys and packets"},
}

// impure are the standard packages that a pure package does not touch.
var impure = []string{"net/http", "os", "log", "log/slog", "sync", "sync/atomic", "math/rand", "math/rand/v2", "crypto/rand", "os/exec", "syscall"}

// leaves import the standard library and the named value types only.
var leaves = []pureRule{
	{"telemetry", nil, "everything emits events, so events import nothing"},
	{"media/offer", nil, "b2bua and media share it"},
	{"media/rtpmath", nil, "media and tests share it"},
	{"media/srtp", []string{"golang.org/x/sys/cpu", "drawbridge/media/fetch"}, "nothing but packets comes near the keys"},
}

type source struct {
	pkg  string // module-relative directory
	path string
	file *ast.File
	fset *token.FileSet
}

func (s source) imports() []string {
	var out []string
	for _, spec := range s.file.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err == nil {
			out = append(out, p)
		}
	}
	return out
}

func (s source) test() bool { return strings.HasSuffix(s.path, "_test.go") }

// sources parses every Go file of the product; each test here reads them.
func sources(t *testing.T) []source {
	t.Helper()
	var out []source
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if path != ".." && (strings.HasPrefix(name, ".") || slices.Contains([]string{"tools", "bin", "node_modules"}, name)) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		pkg, err := filepath.Rel("..", filepath.Dir(path))
		if err != nil {
			return err
		}
		out = append(out, source{pkg: filepath.ToSlash(pkg), path: path, file: file, fset: fset})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 50 {
		t.Fatalf("found %d Go files; the walk is broken", len(out))
	}
	return out
}

func matches(pattern, s string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "/..."); ok {
		return s == prefix || strings.HasPrefix(s, prefix+"/")
	}
	return s == pattern
}

func TestArchRestrictedImports(t *testing.T) {
	for _, src := range sources(t) {
		if src.test() || matches("tests/...", src.pkg) {
			continue // tests may use real peers
		}
		for _, imp := range src.imports() {
			for _, rule := range restricted {
				if !matches(rule.path, imp) || slices.ContainsFunc(rule.allowed, func(p string) bool { return matches(p, src.pkg) }) {
					continue
				}
				t.Errorf("%s imports %s: %s", src.path, imp, rule.why)
			}
		}
	}
}

func TestArchPurePackages(t *testing.T) {
	for _, src := range sources(t) {
		if src.test() {
			continue
		}
		for _, rule := range pure {
			if src.pkg != rule.pkg {
				continue
			}
			for _, imp := range src.imports() {
				if slices.Contains(impure, imp) {
					t.Errorf("%s imports %s: %s", src.path, imp, rule.why)
				}
				if foreign(imp) && !slices.Contains(rule.only, imp) {
					t.Errorf("%s imports %s, which its rule does not name: %s", src.path, imp, rule.why)
				}
			}
			if at, ok := callsClock(src); ok {
				t.Errorf("%s: reads the clock: %s", at, rule.why)
			}
		}
	}
}

func TestArchLeaves(t *testing.T) {
	for _, src := range sources(t) {
		for _, rule := range leaves {
			if src.test() || src.pkg != rule.pkg {
				continue
			}
			for _, imp := range src.imports() {
				if foreign(imp) && !slices.Contains(rule.only, imp) {
					t.Errorf("%s imports %s: %s", src.path, imp, rule.why)
				}
			}
		}
	}
}

// TestArchBlackBox keeps the black-box tests outside the product: binary, sockets and admin API only.
func TestArchBlackBox(t *testing.T) {
	allowed := []string{"drawbridge/tests/...", "drawbridge/transcode/tone", "drawbridge/transcode", "drawbridge/transcode/transcodetest", "drawbridge/media/rtpmath"}
	for _, src := range sources(t) {
		if !matches("tests/...", src.pkg) {
			continue
		}
		for _, imp := range src.imports() {
			if strings.HasPrefix(imp, "drawbridge/") && !slices.ContainsFunc(allowed, func(p string) bool { return matches(p, imp) }) {
				t.Errorf("%s imports %s: tests reach the product through its binary, sockets and admin API", src.path, imp)
			}
		}
	}
}

// TestArchNoDumpingGround refuses packages named after nothing.
func TestArchNoDumpingGround(t *testing.T) {
	for _, src := range sources(t) {
		for part := range strings.SplitSeq(src.pkg, "/") {
			if slices.Contains([]string{"pkg", "util", "utils", "common", "types", "helpers", "misc"}, part) {
				t.Errorf("%s: package path %q names no idea", src.path, src.pkg)
			}
		}
	}
}

// TestArchPackagesAreDocumented wants one package comment in every product package.
func TestArchPackagesAreDocumented(t *testing.T) {
	documented := map[string]bool{}
	for _, src := range sources(t) {
		if src.test() {
			continue
		}
		documented[src.pkg] = documented[src.pkg] || src.file.Doc != nil
	}
	for pkg, ok := range documented {
		if !ok {
			t.Errorf("package %s has no package comment", pkg)
		}
	}
}

// TestArchNoSleepingTests allows time.Sleep in a test only in a file that uses synctest, where it is virtual.
func TestArchNoSleepingTests(t *testing.T) {
	for _, src := range sources(t) {
		if !src.test() && !matches("tests/...", src.pkg) {
			continue
		}
		if slices.Contains(src.imports(), "testing/synctest") {
			continue
		}
		if at, ok := calls(src, "time", "Sleep"); ok {
			t.Errorf("%s: a real sleep; wait for an event or a channel", at)
		}
	}
}

// TestArchSpeaksOfItselfAlone searches the tree for paths of one machine.
func TestArchSpeaksOfItselfAlone(t *testing.T) {
	banned := []string{"/" + "work/", "/" + "root/", "/home/" + "user"}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if path != ".." && (strings.HasPrefix(d.Name(), ".git") || slices.Contains([]string{"bin", "node_modules", "dist", "out"}, d.Name())) {
				return filepath.SkipDir
			}
			return nil
		}
		if d.Name() == ".git" { // a linked worktree says in a file where its repository is
			return nil
		}
		info, err := d.Info()
		if err != nil || info.Size() > 1<<20 {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, b := range banned {
			if strings.Contains(string(data), b) {
				t.Errorf("%s names %s: a path of one machine", path, b)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func foreign(imp string) bool {
	first, _, _ := strings.Cut(imp, "/")
	return strings.Contains(first, ".") || first == "drawbridge"
}

func callsClock(src source) (string, bool) {
	for _, fn := range []string{"Now", "Since", "Until", "After", "AfterFunc", "NewTimer", "Sleep", "Tick", "NewTicker"} {
		if at, ok := calls(src, "time", fn); ok {
			return at, true
		}
	}
	return "", false
}

func calls(src source, pkg, fn string) (string, bool) {
	var at string
	ast.Inspect(src.file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return at == ""
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if id, ok := sel.X.(*ast.Ident); ok && id.Name == pkg && sel.Sel.Name == fn {
			at = src.fset.Position(call.Pos()).String()
		}
		return at == ""
	})
	return at, at != ""
}
