package main

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"drawbridge/config"
	"drawbridge/sip/wire"
)

var update = flag.Bool("update", false, "write what was printed into docs/rules.md")

// TestRecipesAreTrue runs the recipes of docs/rules.md on the message above them: what it shows is what is printed.
func TestRecipesAreTrue(t *testing.T) {
	const document = "../../docs/rules.md"
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	var m *wire.Message
	out := regexp.MustCompile("(?s)```message\n[^`]*```|```yaml\n[^`]*```\n```diff\n[^`]*```").ReplaceAllStringFunc(string(text), func(recipe string) string {
		if message, ok := strings.CutPrefix(recipe, "```message\n"); ok { // that the recipes behind it are run on
			var err error
			if m, err = parseMessage([]byte(strings.TrimSuffix(message, "```"))); err != nil {
				t.Fatalf("%v: %s", err, message)
			}
			return recipe
		}
		n++
		parts := strings.SplitN(strings.TrimPrefix(recipe, "```yaml\n"), "```\n```diff\n", 2)
		file := filepath.Join(t.TempDir(), "rules.yaml")
		if err := os.WriteFile(file, []byte(parts[0]), 0o600); err != nil {
			t.Fatal(err)
		}
		book, err := config.LoadRules(file)
		if err != nil {
			t.Fatal(err)
		}
		var printed strings.Builder
		if m == nil {
			t.Fatal("no message in the document")
		}
		if _, err := (rulesTestCommand{Set: book.Names()[:1], Direction: "in"}).try(&printed, book, m); err != nil {
			t.Errorf("%v: %s", err, parts[0])
		}
		want := strings.TrimSuffix(parts[1], "```")
		if d := cmp.Diff(want, printed.String()); d != "" && !*update {
			t.Errorf("%s-document +printed\n%s", parts[0], d)
		}
		return "```yaml\n" + parts[0] + "```\n```diff\n" + printed.String() + "```"
	})
	if n < 40 {
		t.Errorf("found %d recipes; the search is broken", n)
	}
	if *update {
		if err := os.WriteFile(document, []byte(out), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
