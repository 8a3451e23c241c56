package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"time"
)

//go:embed static
var files embed.FS

// pages maps a URL path to a static file.
type pages map[string]page

type page struct {
	body []byte
	kind string // media type
	etag string
}

// kinds are fixed here: the system's media type table is not the same everywhere.
var kinds = map[string]string{
	".html":        "text/html; charset=utf-8",
	".css":         "text/css; charset=utf-8",
	".js":          "text/javascript; charset=utf-8",
	".svg":         "image/svg+xml",
	".webmanifest": "application/manifest+json",
}

// loadPages reads the embedded files. The phone page is served at / and at /phone.
func loadPages() (pages, error) {
	entries, err := files.ReadDir("static")
	if err != nil {
		return nil, fmt.Errorf("web: static files: %w", err)
	}
	out := make(pages, len(entries)+1)
	for _, e := range entries {
		body, err := files.ReadFile("static/" + e.Name())
		if err != nil {
			return nil, fmt.Errorf("web: static file %s: %w", e.Name(), err)
		}
		p := page{body: body, kind: kinds[path.Ext(e.Name())], etag: etag(body)}
		if p.kind == "" {
			return nil, fmt.Errorf("web: static file %s has no media type", e.Name())
		}
		if e.Name() == "index.html" {
			out["/"], out["/phone"] = p, p
			continue
		}
		out["/"+e.Name()] = p
	}
	return out, nil
}

func etag(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + hex.EncodeToString(sum[:8]) + `"`
}

// static serves one embedded file. Browsers ask each time and mostly hear 304, so a new version is seen at once.
func (s *Server) static(w http.ResponseWriter, r *http.Request) {
	p, ok := s.pages[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", p.kind)
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", p.etag)
	if r.URL.Path == "/drawbridge.js" {
		h.Set("Access-Control-Allow-Origin", "*") // other sites import the module; their sockets still need an allowed Origin
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(p.body))
}

// phoneInfo tells the page whose it is. Demonstration passwords are told to this machine only.
func (s *Server) phoneInfo(w http.ResponseWriter, r *http.Request) {
	info := struct {
		Name string `json:"name"`
		Demo *Demo  `json:"demo,omitempty"`
	}{Name: s.welcome.Load().Name}
	if remoteOf(r).Addr().IsLoopback() && isLoopbackHost(r.Host) {
		info.Demo = s.cfg.Demo
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(info) // the browser has gone
}
