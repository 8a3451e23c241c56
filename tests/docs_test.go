package tests

import (
	"fmt"
	"go/ast"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"drawbridge/tests/gateway"
)

// The documents are true: what they show is run.

var (
	yamlBlock  = regexp.MustCompile("(?s)```yaml\n(.*?)```")
	makeTarget = regexp.MustCompile("`make ([a-z-]+)`")
	subCommand = regexp.MustCompile("`drawbridge ([a-z]+)")
	metricName = regexp.MustCompile(`drawbridge_[a-z_]+`)
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
