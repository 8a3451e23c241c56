// Package corpora finds the collections of foreign messages, SDP and vectors that tests read. They are not part of the repository:
// a test whose collection is absent is skipped with a word.
package corpora

import (
	"os"
	"path/filepath"
	"testing"
)

// Variable names the directory of the collections; unset means ../shared/corpora beside the repository.
const Variable = "DRAWBRIDGE_CORPORA"

// Dir is the directory of one collection ("sdp", "rfc4475", "vectors"). It skips the test when there is none.
func Dir(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv(Variable)
	if dir == "" {
		dir = filepath.Join(root(t), "..", "shared", "corpora")
	}
	dir = filepath.Join(dir, name)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		t.Skipf("corpora: no %q here; set %s", name, Variable)
	}
	return dir
}

// root is the directory of go.mod, at or above the test's.
func root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("corpora: not inside a module")
		}
		dir = up
	}
}
