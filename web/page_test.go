package web

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// get fetches url with a Host of its own when header has one. The body is read and closed.
func get(t *testing.T, url string, header http.Header) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		req.Header[k] = v
	}
	if host := header.Get("Host"); host != "" {
		req.Host = host
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(strings.NewReader(string(body)))
	return resp
}

func TestPagesAndTheirHeaders(t *testing.T) {
	h := open(t, nil)
	for path, kind := range map[string]string{
		"/": "text/html", "/phone": "text/html", "/phone.css": "text/css", "/phone.js": "text/javascript", "/drawbridge.js": "text/javascript",
	} {
		resp := get(t, "http://"+h.plain.String()+path, nil)
		if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), kind) {
			t.Errorf("%s: %d %s", path, resp.StatusCode, resp.Header.Get("Content-Type"))
		}
		csp := resp.Header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s: CSP %q lacks %q", path, csp, want)
			}
		}
		if strings.Contains(csp, "unsafe") || resp.Header.Get("X-Content-Type-Options") != "nosniff" ||
			!strings.Contains(resp.Header.Get("Permissions-Policy"), "microphone=(self)") {
			t.Errorf("%s: headers %v", path, resp.Header)
		}
		again := get(t, "http://"+h.plain.String()+path, http.Header{"If-None-Match": {resp.Header.Get("ETag")}})
		if again.StatusCode != http.StatusNotModified {
			t.Errorf("%s: asked again: %d, want 304", path, again.StatusCode)
		}
	}
	if resp := get(t, "http://"+h.plain.String()+"/static/index.html", nil); resp.StatusCode != http.StatusNotFound {
		t.Errorf("unknown path: %d", resp.StatusCode)
	}
}

// The policy forbids inline code, so a page that has some is broken in every browser.
func TestPageHasNothingInline(t *testing.T) {
	html, err := files.ReadFile("static/index.html")
	if err != nil {
		t.Fatal(err)
	}
	for what, re := range map[string]*regexp.Regexp{
		"inline script":   regexp.MustCompile(`(?is)<script(?:[^>]*)>\s*[^<\s]`),
		"event attribute": regexp.MustCompile(`(?i)<[^>]+\son[a-z]+\s*=`),
		"inline style":    regexp.MustCompile(`(?i)<style|<[^>]+\sstyle\s*=`),
		"foreign address": regexp.MustCompile(`(?i)(src|href)\s*=\s*"(https?:)?//`),
	} {
		if m := re.Find(html); m != nil {
			t.Errorf("%s: %s", what, m)
		}
	}
}

func TestDemoPasswordsStayOnThisMachine(t *testing.T) {
	h := open(t, func(c *Config) { c.Demo = &Demo{Users: []DemoUser{{Name: "alice", Password: "secret"}}} })
	info := func(host string) (int, *Demo) {
		resp := get(t, "http://"+h.plain.String()+"/phone.json", http.Header{"Host": {host}})
		var got struct{ Demo *Demo }
		if resp.StatusCode == http.StatusOK {
			if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
				t.Fatal(err)
			}
		}
		return resp.StatusCode, got.Demo
	}
	for _, host := range []string{"localhost:8080", "127.0.0.1", "[::1]:8080"} {
		if status, demo := info(host); status != http.StatusOK || demo == nil {
			t.Errorf("Host %s: %d, demo %v", host, status, demo)
		}
	}
	for _, host := range []string{"evil.com", "localhost.evil.com", "192.0.2.1"} {
		if status, demo := info(host); status != http.StatusMisdirectedRequest || demo != nil {
			t.Errorf("Host %s: %d, demo %v, want 421 and none", host, status, demo)
		}
	}
}
