package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Chosen here.
const (
	headerTimeout = 5 * time.Second
	writeTimeout  = 2 * time.Minute // a CPU profile takes its time
	stopTimeout   = 2 * time.Second
	maxHeader     = 16 << 10
	askTimeout    = 2 * time.Second // for the parts of the gateway to say what they know
	defaultCalls  = 100             // listed by /v1/calls
	mostCalls     = 1000
)

// ErrNotLoopback refuses a public address that was not asked for in so many words.
var ErrNotLoopback = errors.New("the private port listens on loopback only, unless admin.public is set")

// Config configures a Server. Each function may be called from any goroutine and must not block for long.
type Config struct {
	Listen   string                                                 // host:port; the host is a loopback address
	Public   bool                                                   // allow another address
	PProf    bool                                                   // serve profiles
	Metrics  http.Handler                                           // required
	Info     func() any                                             // required; marshalled as JSON
	Calls    func(ctx context.Context, limit int) any               // required; the newest calls, marshalled as JSON
	Call     func(ctx context.Context, id string) any               // one call; nil is none of that id. nil serves none
	Route    func(ctx context.Context, ask url.Values) (any, error) // explains where a call would go; nil does not
	Blocks   func() any                                             // who is blocked by fraud rules; nil serves none
	Unblock  func(account string) int                               // ends the blocks of an account; it says how many
	Reload   func(ctx context.Context) (any, error)                 // reads the configuration again; nil cannot
	Draining func() bool                                            // required
	Lists    Lists
	Log      *slog.Logger // nil means slog.Default
}

// Server is the private port.
type Server struct {
	cfg  Config
	ln   net.Listener
	http *http.Server
}

// New opens the port. Errors: ErrNotLoopback, and those of the listener.
func New(cfg Config) (*Server, error) {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	ln, err := new(net.ListenConfig).Listen(context.Background(), "tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("admin: %w", err)
	}
	if addr, ok := ln.Addr().(*net.TCPAddr); !cfg.Public && (!ok || !addr.IP.IsLoopback()) {
		_ = ln.Close() // nobody has connected yet
		return nil, fmt.Errorf("admin: listen on %s: %w", cfg.Listen, ErrNotLoopback)
	}
	s := &Server{cfg: cfg, ln: ln}
	s.http = &http.Server{
		Handler: s.guard(s.routes()), ReadHeaderTimeout: headerTimeout, WriteTimeout: writeTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// Addr is the address in use.
func (s *Server) Addr() netip.AddrPort {
	addr, _ := netip.ParseAddrPort(s.ln.Addr().String())
	return addr
}

// Run serves until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	failed := make(chan error, 1)
	go func() { failed <- s.http.Serve(s.ln) }()
	select {
	case err := <-failed:
		return fmt.Errorf("admin: %w", err)
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if s.http.Shutdown(last) != nil {
		_ = s.http.Close() // time is up
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("admin: %w", err)
	}
	return nil
}

func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { text(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", s.ready)
	mux.Handle("GET /metrics", s.cfg.Metrics)
	mux.HandleFunc("GET /v1/info", func(w http.ResponseWriter, _ *http.Request) { s.json(w, s.cfg.Info()) })
	mux.HandleFunc("POST /v1/reload", s.reload)
	mux.HandleFunc("GET /v1/calls", s.calls)
	mux.HandleFunc("GET /v1/route/explain", s.route)
	mux.HandleFunc("GET /v1/calls/{id}", s.call)
	s.lists(mux)
	mux.HandleFunc("GET /v1/fraud", s.frauds)
	mux.HandleFunc("DELETE /v1/fraud/{account}", s.unblock)
	if s.cfg.PProf {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	return mux
}

func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	if s.cfg.Draining() {
		text(w, http.StatusServiceUnavailable, "draining")
		return
	}
	text(w, http.StatusOK, "ready")
}

// calls lists the newest calls, as many as ?limit= says.
func (s *Server) calls(w http.ResponseWriter, r *http.Request) {
	limit := defaultCalls
	if v := r.URL.Query().Get("limit"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > mostCalls {
			text(w, http.StatusBadRequest, fmt.Sprintf("limit is a number from 1 to %d", mostCalls))
			return
		}
		limit = n
	}
	ctx, cancel := context.WithTimeout(r.Context(), askTimeout)
	defer cancel()
	s.json(w, s.cfg.Calls(ctx, limit))
}

// call shows one call.
func (s *Server) call(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), askTimeout)
	defer cancel()
	if s.cfg.Call != nil {
		if v := s.cfg.Call(ctx, r.PathValue("id")); v != nil {
			s.json(w, v)
			return
		}
	}
	text(w, http.StatusNotFound, "no such call")
}

// route explains where a call would go that nobody has placed.
func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	if s.cfg.Route == nil {
		text(w, http.StatusNotFound, "no routes")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), askTimeout)
	defer cancel()
	v, err := s.cfg.Route(ctx, r.URL.Query())
	if err != nil {
		text(w, http.StatusBadRequest, err.Error())
		return
	}
	s.json(w, v)
}

func (s *Server) json(w http.ResponseWriter, value any) {
	body, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		s.cfg.Log.Error("admin answer", "error", err)
		text(w, http.StatusInternalServerError, "internal error")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(append(body, '\n')) // the client has gone
}

// guard keeps web pages out: a name that was rebound to loopback shows in Host, a foreign page in Origin, and an image or script that it
// names, which has none, in Sec-Fetch-Site.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Origin") != "" || fromPage(r.Header.Get("Sec-Fetch-Site")) || (!s.cfg.Public && !localName(r.Host)) {
			text(w, http.StatusForbidden, "forbidden")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// fromPage reports whether some page has made a browser ask (Fetch Metadata): "none" is a person who has typed the address.
func fromPage(site string) bool { return site != "" && site != "none" }

func localName(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.IsLoopback()
}

func text(w http.ResponseWriter, status int, s string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(s + "\n")) // the client has gone
}
