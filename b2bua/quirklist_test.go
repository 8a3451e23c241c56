package b2bua

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEveryQuirkHasATest: Q01 to Q55 each have a file in testdata/quirks and a row in docs/profiles.md.
func TestEveryQuirkHasATest(t *testing.T) {
	doc, err := os.ReadFile("../docs/profiles.md")
	if err != nil {
		t.Fatal(err)
	}
	for n := range 55 {
		quirk := fmt.Sprintf("Q%02d", n+1)
		files, err := filepath.Glob("testdata/quirks/" + quirk + "-*.txt")
		if err != nil {
			t.Fatal(err)
		}
		var row bool
		for line := range strings.Lines(string(doc)) {
			row = row || strings.HasPrefix(line, "| Q") && strings.Contains(strings.SplitN(line, "|", 3)[1], quirk)
		}
		if len(files) == 0 {
			t.Errorf("%s has no file in testdata/quirks", quirk)
		}
		if !row {
			t.Errorf("%s has no row in docs/profiles.md", quirk)
		}
	}
}

// TestEveryProfileHasATest: each profile that comes with the gateway has a file of a call from such a peer, one of a call to it, and a row in
// docs/profiles.md.
func TestEveryProfileHasATest(t *testing.T) {
	doc, err := os.ReadFile("../docs/profiles.md")
	if err != nil {
		t.Fatal(err)
	}
	profiles, err := filepath.Glob("../config/profiles/*.yaml")
	if err != nil || len(profiles) < 2 {
		t.Fatal("no profiles", err)
	}
	for _, f := range profiles {
		name := strings.TrimSuffix(filepath.Base(f), ".yaml")
		if name == "generic" { // every other file shows it
			continue
		}
		for trunk, suffix := range map[string]string{"acme": "in", "backup": "out"} {
			text, err := os.ReadFile(filepath.Join("testdata/profiles", name+"-"+suffix+".txt"))
			if err != nil || !strings.Contains(string(text), "trunk "+trunk+"\n  profile: "+name+"\n") {
				t.Errorf("%s: no file for its calls %s: %v", name, suffix, err)
			}
		}
		if !strings.Contains(string(doc), "\n| `"+name+"`") {
			t.Errorf("%s has no row in docs/profiles.md", name)
		}
	}
}

// TestQuirksNameTests: the tests of media that files of quirks refer to exist.
func TestQuirksNameTests(t *testing.T) {
	var code strings.Builder
	for _, dir := range []string{"../media/*_test.go", "../media/*/*_test.go"} {
		files, err := filepath.Glob(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			code.Write(text)
		}
	}
	files, err := filepath.Glob("testdata/quirks/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(string(text), "\n") {
			if !strings.HasPrefix(line, "# media: see ") {
				continue
			}
			for _, name := range regexp.MustCompile(`Test\w+`).FindAllString(line, -1) {
				named++
				if !strings.Contains(code.String(), "func "+name+"(") {
					t.Errorf("%s: there is no %s in media", f, name)
				}
			}
		}
	}
	if named == 0 {
		t.Error("no file names a test of media")
	}
}
