package web

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"drawbridge/telemetry"
)

// door is the accept loop's filter. It only accepts, counts and closes: the handshake and all reading happen in the connection's
// own goroutine, so nobody can hold it up.
type door struct {
	net.Listener
	srv *Server
}

func (s *Server) door(l net.Listener) *door { return &door{Listener: l, srv: s} }

// Accept returns the next connection that is within its source's share. Others are closed before a byte is read.
func (d *door) Accept() (net.Conn, error) {
	for {
		c, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if d.srv.denied(addrPort(c.RemoteAddr()).Addr()) {
			reset(c)
			continue
		}
		src := sourceOf(c.RemoteAddr())
		if why := d.srv.guests.enter(src, now()); why != "" {
			reset(c)
			d.srv.refused("ws-limit", addrPort(c.RemoteAddr()), why)
			continue
		}
		return &guest{Conn: c, leave: sync.OnceFunc(func() { d.srv.guests.leave(src) })}, nil
	}
}

func (s *Server) denied(src netip.Addr) bool { return s.cfg.Denied != nil && s.cfg.Denied(src) }

// reset closes without TIME_WAIT: a flood must not use up the kernel's memory, either.
func reset(c net.Conn) {
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetLinger(0) // fails on a dead socket only
	}
	_ = c.Close()
}

// guest is a counted connection.
type guest struct {
	net.Conn
	leave func()
}

func (g *guest) Close() error {
	defer g.leave()
	return g.Conn.Close()
}

// guests counts connections by source.
type guests struct {
	limits guestLimits

	mu    sync.Mutex
	open  int
	by    map[netip.Prefix]*share
	swept time.Time
}

type guestLimits struct{ total, perSource, rate int }

// share is what one source has of the server.
type share struct {
	open int
	rate bucket
}

// enter counts one connection, or says in a word why it may not come in.
func (g *guests) enter(src netip.Prefix, now time.Time) (why string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sweep(now)
	if g.open >= g.limits.total {
		return "connections"
	}
	sh := g.by[src]
	if sh == nil {
		if g.by == nil {
			g.by = make(map[netip.Prefix]*share)
		}
		sh = &share{}
		g.by[src] = sh
	}
	if sh.open >= g.limits.perSource {
		return "connections of one source"
	}
	if !sh.rate.take(now, float64(g.limits.rate), 4*g.limits.rate) {
		return "connection rate of one source"
	}
	sh.open++
	g.open++
	return ""
}

func (g *guests) leave(src netip.Prefix) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.by[src].open--
	g.open--
}

func (g *guests) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open
}

// sweep forgets sources that have gone, every ten seconds.
func (g *guests) sweep(now time.Time) {
	if now.Sub(g.swept) < 10*time.Second {
		return
	}
	g.swept = now
	for src, sh := range g.by {
		if sh.open == 0 && sh.rate.level(now, float64(g.limits.rate)) == 0 {
			delete(g.by, src)
		}
	}
}

// refused emits the one event of something turned away.
func (s *Server) refused(kind string, from netip.AddrPort, detail string) {
	src := ""
	if from.IsValid() {
		src = from.String()
	}
	s.cfg.Events.EmitRefused(telemetry.Refused{Kind: kind, Realm: s.cfg.Realm, Source: src, Detail: detail, Count: 1})
}
