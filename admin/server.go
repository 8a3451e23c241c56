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
	"strings"
	"time"
)

// Chosen here.
const (
	headerTimeout = 5 * time.Second
	writeTimeout  = 2 * time.Minute // a CPU profile takes its time
	stopTimeout   = 2 * time.Second
	maxHeader     = 16 << 10
)

// ErrNotLoopback refuses a public address that was not asked for in so many words.
var ErrNotLoopback = errors.New("the private port listens on loopback only, unless admin.public is set")

// Config configures a Server. Each function may be called from any goroutine and must not block for long.
type Config struct {
	Listen   string       // host:port; the host is a loopback address
	Public   bool         // allow another address
	PProf    bool         // serve profiles
	Metrics  http.Handler // required
	Info     func() any   // required; marshalled as JSON
	Calls    func() any   // required; marshalled as JSON
	Draining func() bool  // required
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
	mux.HandleFunc("GET /v1/info", s.json(s.cfg.Info))
	mux.HandleFunc("GET /v1/calls", s.json(s.cfg.Calls))
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

func (s *Server) json(value func() any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		body, err := json.MarshalIndent(value(), "", "  ")
		if err != nil {
			s.cfg.Log.Error("admin answer", "error", err)
			text(w, http.StatusInternalServerError, "internal error")
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write(append(body, '\n')) // the client has gone
	}
}

// guard keeps web pages out: a name that was rebound to loopback shows in Host, a foreign page in Origin.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Origin") != "" || (!s.cfg.Public && !localName(r.Host)) {
			text(w, http.StatusForbidden, "forbidden")
			return
		}
		next.ServeHTTP(w, r)
	})
}

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
