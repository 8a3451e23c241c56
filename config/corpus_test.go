package config

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the expectations in testdata and the schema")

// testEnv is what the corpus may refer to.
var testEnv = []string{"ALICE_PASSWORD=secret"}

func TestGoodFilesLoad(t *testing.T) {
	for _, file := range corpus(t, "*.good.yaml") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			snap, err := Parse(file, read(t, file), testEnv)
			if err != nil {
				t.Fatal(err)
			}
			if err := snap.Validate(); err != nil {
				t.Errorf("a loaded configuration is valid: %v", err)
			}
		})
	}
}

// TestBadFilesFail compares the problems with the comment at the top of each file, one a line without the file's name.
func TestBadFilesFail(t *testing.T) {
	for _, file := range corpus(t, "*.bad.yaml") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text := read(t, file)
			_, err := Parse("F", text, testEnv)
			report, ok := errors.AsType[*Report](err)
			if !ok {
				t.Fatalf("got %v, want a Report", err)
			}
			var got []string
			for line := range strings.Lines(report.Error()) {
				got = append(got, strings.TrimPrefix(strings.TrimSpace(line), "F:"))
			}
			want := expected(text)
			if *update {
				rewrite(t, file, text, got, len(want))
				return
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// expected reads the comment at the top, up to its empty line.
func expected(text []byte) (want []string) {
	for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
		line, ok := strings.CutPrefix(s.Text(), "# ")
		if !ok {
			break
		}
		want = append(want, line)
	}
	return want
}

// rewrite puts got on top of the file. The positions move with the number of lines, so a second run settles them.
func rewrite(t *testing.T, file string, text []byte, got []string, had int) {
	t.Helper()
	rest := text
	for range had {
		_, rest, _ = bytes.Cut(rest, []byte("\n"))
	}
	out := []byte("# " + strings.Join(got, "\n# ") + "\n")
	if err := os.WriteFile(file, append(out, rest...), 0o644); err != nil {
		t.Fatal(err)
	}
	if had != len(got) {
		t.Log("run once more with -update: the lines have moved")
	}
}

func corpus(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no %s: %v", pattern, err)
	}
	return files
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
