package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"drawbridge/tests/gateway"
	"drawbridge/tests/phone"
)

// Site serves the page of the tests from loopback: a secure context, and the same host as the gateway.
type Site struct {
	Origin string
	script string // file with the page's script
}

// Serve builds the page and serves it until the test ends.
func Serve(t testing.TB) Site {
	t.Helper()
	phone.Need(t, "npm")
	script, err := bundle()
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /page.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, script) })
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, `<!doctype html><title>Drawbridge tests</title><link rel="icon" href="data:,"><script src="/page.js"></script>`)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return Site{Origin: s.URL, script: script}
}

// bundle installs the locked packages when they are not there, and puts the page together. It is done once in a process.
var bundle = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(gateway.Root(), "tests", "browser")
	if stale(filepath.Join(dir, "node_modules", ".package-lock.json"), filepath.Join(dir, "package-lock.json")) {
		if err := command(dir, "npm", "ci", "--no-progress"); err != nil {
			return "", err
		}
	}
	return filepath.Join(dir, "dist", "page.js"), command(dir, "npm", "run", "--silent", "build")
})

// stale reports whether made is missing or older than its source.
func stale(made, source string) bool {
	m, err := os.Stat(made)
	if err != nil {
		return true
	}
	s, err := os.Stat(source)
	return err != nil || m.ModTime().Before(s.ModTime())
}

func command(dir, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %v: %w\n%s", name, args, err, out)
	}
	return nil
}
