package tests

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"drawbridge/tests/gateway"
)

// The documents are true: what they show is run.

var (
	yamlBlock   = regexp.MustCompile("(?s)```yaml\n(.*?)```")
	makeTarget  = regexp.MustCompile("`make ([a-z-]+)`")
	subCommand  = regexp.MustCompile("`drawbridge ([a-z]+)")
	metricName  = regexp.MustCompile(`drawbridge_[a-z_]+`)
	optionName  = regexp.MustCompile(`[a-z][a-z0-9_.]*`)
	inlineCode  = regexp.MustCompile("`[^`]+`")
	fencedBlock = regexp.MustCompile("(?s)```.*?```")
	fileName    = regexp.MustCompile(`\b[a-z0-9_]+\.go\b`)
)

func documents(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md"} {
		names, err := filepath.Glob(filepath.Join(gateway.Root(), pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			out[filepath.Base(name)] = string(text)
		}
	}
	if out["README.md"] == "" {
		t.Fatal("README.md is not where it was")
	}
	return out
}

func binary(t *testing.T) string {
	t.Helper()
	path, err := gateway.Binary()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDocumentedConfigurationsLoad(t *testing.T) {
	id := gateway.NewIdentity(t)
	n := 0
	for name, text := range documents(t) {
		for i, block := range yamlBlock.FindAllStringSubmatch(text, -1) {
			n++
			file := filepath.Join(t.TempDir(), fmt.Sprintf("%s-%d.yaml", name, i))
			body := strings.NewReplacer("/etc/drawbridge/cert.pem", id.CertFile, "/etc/drawbridge/key.pem", id.KeyFile, "/etc/drawbridge/carrier-ca.pem", id.CertFile).Replace(block[1])
			if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), binary(t), "check", file)
			cmd.Env = append(os.Environ(), "ALICE_PASSWORD=secret", "ACME_PASSWORD=secret")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s, yaml block %d: %v\n%s", name, i+1, err, out)
			}
		}
	}
	if n == 0 {
		t.Error("no yaml block in any document")
	}
}

func TestDocumentedCommandsExist(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(gateway.Root(), "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for name, text := range documents(t) {
		for _, m := range makeTarget.FindAllStringSubmatch(text, -1) {
			n++
			if !strings.Contains(string(makefile), "\n"+m[1]+":") {
				t.Errorf("%s: make %s is no target", name, m[1])
			}
		}
		for _, m := range subCommand.FindAllStringSubmatch(text, -1) {
			n++
			if out, err := exec.CommandContext(t.Context(), binary(t), m[1], "--help").CombinedOutput(); err != nil {
				t.Errorf("%s: drawbridge %s: %v\n%s", name, m[1], err, out)
			}
		}
	}
	if n < 10 {
		t.Errorf("found %d commands in the documents; the search is broken", n)
	}
}

func TestDocumentedMetricsExist(t *testing.T) {
	g := gateway.Start(t, gateway.Config{Trunks: []gateway.Trunk{{Name: "acme", Target: netip.AddrPortFrom(gateway.PhoneAddr, 5060), More: "register: {aor: 4930@provider.example}"}}}) // some are counted by trunk
	have := strings.Builder{}
	for name := range g.Metrics(t) {
		have.WriteString(name + "\n")
	}
	for name, text := range documents(t) {
		for _, m := range metricName.FindAllString(text, -1) {
			if !strings.Contains(have.String(), m) {
				t.Errorf("%s names the metric %s, which does not exist", name, m)
			}
		}
	}
}

// schema is the part of a JSON Schema that has the names of fields.
type schema struct {
	Properties map[string]*schema `json:"properties"`
	Items      *schema            `json:"items"`
	Additional json.RawMessage    `json:"additionalProperties"` // a schema, or false
}

// fields calls see with the path of each field.
func (s *schema) fields(path string, see func(path, name string)) {
	if s == nil {
		return
	}
	for name, sub := range s.Properties {
		see(path+name, name)
		sub.fields(path+name+".", see)
	}
	s.Items.fields(path, see)
	var values schema
	if json.Unmarshal(s.Additional, &values) == nil {
		values.fields(path+"*.", see)
	}
}

// say adds the names in a piece of code: a dotted one is a switch of a profile, or a path whose parts are fields.
func say(said map[string]bool, code string) {
	for _, w := range optionName.FindAllString(code, -1) {
		said[w] = true
		for part := range strings.SplitSeq(w, ".") {
			said[part] = true
		}
	}
}

// TestDocumentedOptions: each field of the configuration stands in a page, in an example or as code.
func TestDocumentedOptions(t *testing.T) {
	text, err := exec.CommandContext(t.Context(), binary(t), "schema").Output()
	if err != nil {
		t.Fatal(err)
	}
	var whole schema
	if err := json.Unmarshal(text, &whole); err != nil {
		t.Fatal(err)
	}
	said := map[string]bool{}
	for name, text := range documents(t) {
		if name == "CHANGELOG.md" {
			continue
		}
		for _, block := range yamlBlock.FindAllString(text, -1) {
			say(said, block)
		}
		for _, code := range inlineCode.FindAllString(fencedBlock.ReplaceAllString(text, ""), -1) {
			say(said, code)
		}
	}
	n := 0
	whole.fields("", func(path, name string) {
		n++
		if !said[name] {
			t.Errorf("no page says what %s is", path)
		}
	})
	if n < 200 {
		t.Errorf("the schema has %d fields; the search is broken", n)
	}
}

// TestDocumentedPages: README.md leads to every page of docs and names every sub-command, ARCHITECTURE.md names every package of the product.
func TestDocumentedPages(t *testing.T) {
	docs := documents(t)
	pages, err := filepath.Glob(filepath.Join(gateway.Root(), "docs", "*.md"))
	if err != nil || len(pages) < 10 {
		t.Fatalf("%d pages in docs: %v", len(pages), err)
	}
	for _, page := range pages {
		if link := "(docs/" + filepath.Base(page) + ")"; !strings.Contains(docs["README.md"], link) {
			t.Errorf("README.md does not lead to %s", link)
		}
	}
	help, err := exec.CommandContext(t.Context(), binary(t), "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	commands := regexp.MustCompile(`(?m)^  ([a-z]+)( [a-z]+)?  +[A-Z]`).FindAllStringSubmatch(string(help), -1)
	if len(commands) < 9 {
		t.Errorf("found %d sub-commands in the help; the search is broken", len(commands))
	}
	for _, c := range commands {
		if !strings.Contains(docs["README.md"], "`drawbridge "+c[1]) {
			t.Errorf("README.md does not name drawbridge %s", c[1])
		}
	}
	for _, src := range sources(t) {
		inner := strings.Contains(src.pkg, "/internal/") || strings.HasSuffix(src.pkg, "test") // named with the package that they serve
		if !src.test() && !inner && !matches("tests/...", src.pkg) && !strings.Contains(docs["ARCHITECTURE.md"], "`"+src.pkg+"`") {
			t.Errorf("ARCHITECTURE.md does not name the package of %s", src.path)
		}
	}
}

// TestDocumentedReadingOrders: a package comment that guides through the files of its package leaves none out, and names none that is not
// there. What doc.go, config.go and errors.go hold is the same everywhere; they need no mention.
func TestDocumentedReadingOrders(t *testing.T) {
	files, named := map[string]map[string]bool{}, map[string]map[string]bool{}
	for _, src := range sources(t) {
		if src.test() {
			continue
		}
		if files[src.pkg] == nil {
			files[src.pkg], named[src.pkg] = map[string]bool{}, map[string]bool{}
		}
		files[src.pkg][filepath.Base(src.path)] = true
		for _, name := range fileName.FindAllString(src.file.Doc.Text(), -1) {
			named[src.pkg][name] = true
		}
	}
	guided := 0
	for pkg, names := range named {
		if len(names) < 3 { // a word about a file is no guide
			continue
		}
		guided++
		for name := range names {
			if !files[pkg][name] {
				t.Errorf("the comment of package %s names %s, which is not there", pkg, name)
			}
		}
		for name := range files[pkg] {
			if !names[name] && !slices.Contains([]string{"doc.go", "config.go", "errors.go"}, name) {
				t.Errorf("the comment of package %s leaves %s out", pkg, name)
			}
		}
	}
	if guided < 20 {
		t.Errorf("%d packages have a guide; the search is broken", guided)
	}
}

// TestFuzzTargetsAreRecorded: docs/torture.md lists every target of the tree, and nothing else.
func TestFuzzTargetsAreRecorded(t *testing.T) {
	found := map[string]bool{}
	for _, src := range sources(t) {
		for _, d := range src.file.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && src.test() && strings.HasPrefix(fn.Name.Name, "Fuzz") {
				found[src.pkg+" "+fn.Name.Name] = true
			}
		}
	}
	recorded := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z0-9/]+)` \\| (Fuzz[A-Za-z0-9, ]+) \\|").FindAllStringSubmatch(documents(t)["torture.md"], -1) {
		for target := range strings.SplitSeq(row[2], ", ") {
			recorded[row[1]+" "+target] = true
		}
	}
	if d := cmp.Diff(found, recorded); d != "" || len(found) < 20 {
		t.Errorf("targets (-) and docs/torture.md (+) differ, of %d:\n%s", len(found), d)
	}
}
