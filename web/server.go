package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"drawbridge/b2bua"
	"drawbridge/telemetry"
)

// Server is the public port. New opens its listeners, Run serves them.
type Server struct {
	cfg       Config
	http      *http.Server
	listeners []net.Listener
	addrs     Addrs
	pages     pages
	welcome   atomic.Pointer[Guests]

	guests guests   // connections per source
	failed failures // failed hellos per source
	lines  lines    // authenticated JSON lines
	lineID atomic.Uint64

	buffers sync.Pool // write buffers of all WebSockets: a silent one holds none
	visits  visits    // upgraded connections, which net/http no longer knows

	helloWait time.Duration // helloTimeout; shorter in tests
}

// Addrs are the addresses the server listens on, with the ports the system chose.
type Addrs struct{ TLS, Plain []netip.AddrPort }

// New checks cfg and opens the listeners. Nothing is accepted before Run.
func New(cfg Config) (*Server, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	pages, err := loadPages()
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, pages: pages, helloWait: helloTimeout}
	s.Set(cfg.Guests)
	s.guests.limits = guestLimits{total: cfg.MaxConns, perSource: cfg.MaxConnsPerSource, rate: cfg.MaxConnRate}
	s.http = &http.Server{
		Handler:           s.guard(s.routes()),
		ReadHeaderTimeout: headerTimeout, // the TLS handshake's deadline, too
		ReadTimeout:       headerTimeout, // no request has a body
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          log.New(io.Discard, "", 0), // handshake failures and scans; panics are reported by guard
	}
	if err := s.open(); err != nil {
		return nil, errors.Join(err, s.closeListeners())
	}
	return s, nil
}

func (s *Server) open() error {
	for _, addr := range s.cfg.Listen {
		l, at, err := s.bind(addr)
		if err != nil {
			return err
		}
		s.listeners = append(s.listeners, tls.NewListener(s.door(l), s.tlsConfig()))
		s.addrs.TLS = append(s.addrs.TLS, at)
	}
	for _, addr := range s.cfg.Plain {
		if err := checkLoopback(addr); err != nil {
			return err
		}
		l, at, err := s.bind(addr)
		if err != nil {
			return err
		}
		s.listeners = append(s.listeners, s.door(l))
		s.addrs.Plain = append(s.addrs.Plain, at)
	}
	return nil
}

// tlsConfig leaves the certificates to the operator and the protocol to us: WebSocket upgrades need HTTP/1.1.
func (s *Server) tlsConfig() *tls.Config {
	c := s.cfg.TLS.Clone()
	c.NextProtos = []string{"http/1.1"}
	c.MinVersion = max(c.MinVersion, tls.VersionTLS12)
	return c
}

func (s *Server) bind(addr string) (net.Listener, netip.AddrPort, error) {
	c := net.ListenConfig{Control: s.cfg.Control}
	c.SetMultipathTCP(false) // its packets could not be marked on IPv6
	l, err := c.Listen(context.Background(), "tcp", addr)
	if err != nil {
		return nil, netip.AddrPort{}, fmt.Errorf("web: %w", err)
	}
	return l, addrPort(l.Addr()), nil
}

// checkLoopback refuses an address that another machine could reach. An empty host means every interface, so it is refused, too.
func checkLoopback(addr string) error {
	at, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return fmt.Errorf("web: plain %s: %w", addr, err)
	}
	if !at.IP.IsLoopback() {
		return fmt.Errorf("web: plain %s: %w", addr, ErrNotLoopback)
	}
	return nil
}

// Set changes who is let in from now on, and what they are told. A JSON line whose password CheckPassword knows no more begins no call and
// is not rung; the calls that it has go on. It may be called from any goroutine.
func (s *Server) Set(g Guests) {
	g = g.withDefaults()
	s.welcome.Store(&g)
	s.lines.judge(s.cfg.CheckPassword)
}

// Addrs returns the bound addresses, in the order of the configuration.
func (s *Server) Addrs() Addrs { return s.addrs }

// Lines returns the JSON lines of an account, oldest first.
func (s *Server) Lines(user string) []b2bua.Line { return s.lines.of(user) }

// Connections is the number of open connections, for a gauge.
func (s *Server) Connections() int { return s.guests.count() }

// Run serves until ctx ends or a listener fails, then closes every connection and waits for its goroutines. It returns nil when it
// was ctx that ended it.
func (s *Server) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	s.http.BaseContext = func(net.Listener) context.Context { return ctx }
	for _, l := range s.listeners {
		g.Go(func() error { return s.serve(ctx, l) })
	}
	g.Go(func() error {
		<-ctx.Done()
		return s.stop(ctx)
	})
	return g.Wait()
}

func (s *Server) serve(ctx context.Context, l net.Listener) error {
	err := s.http.Serve(l)
	if ctx.Err() != nil || errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("web: %s: %w", l.Addr(), err)
}

// stop ends the plain requests, then the upgraded connections, which have seen ctx end.
func (s *Server) stop(ctx context.Context) error {
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
	defer cancel()
	err := s.http.Shutdown(last)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close()
	}
	s.visits.closeAndWait()
	return err
}

// closeListeners undoes open.
func (s *Server) closeListeners() error {
	var errs []error
	for _, l := range s.listeners {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.root)
	mux.HandleFunc("GET /sip", s.sip)
	mux.HandleFunc("GET "+SignalPath, s.signal)
	mux.HandleFunc("GET /phone.json", s.phoneInfo)
	for path := range s.pages {
		if path != "/" {
			mux.HandleFunc("GET "+path, s.static)
		}
	}
	return mux
}

// root is the phone page for a browser that looks, and SIP for one that upgrades.
func (s *Server) root(w http.ResponseWriter, r *http.Request) {
	if isUpgrade(r) {
		s.sip(w, r)
		return
	}
	s.static(w, r)
}

// guard wraps every request: security headers, the Host check of plain listeners, and a panic that ends one request only.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				s.cfg.Events.EmitLifecycle(telemetry.Lifecycle{What: "panic", Detail: fmt.Sprintf("web: %v\n%s", p, debug.Stack())})
				panic(http.ErrAbortHandler) // closes the connection
			}
		}()
		secure(w.Header())
		if r.TLS == nil && !isLoopbackHost(r.Host) {
			// A foreign name that resolves to this machine: DNS rebinding.
			http.Error(w, "misdirected request", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// visits counts upgraded connections. After closeAndWait nobody enters.
type visits struct {
	mu     sync.Mutex
	closed bool
	wg     sync.WaitGroup
}

func (v *visits) enter() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return false
	}
	v.wg.Add(1)
	return true
}

func (v *visits) leave() { v.wg.Done() }

func (v *visits) closeAndWait() {
	v.mu.Lock()
	v.closed = true
	v.mu.Unlock()
	v.wg.Wait()
}

// now is the one clock of this package.
func now() time.Time { return time.Now() }
