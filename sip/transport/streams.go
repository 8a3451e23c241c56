package transport

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"drawbridge/sip/txn"
)

// streams are the TCP and TLS flows that are open. A flow is found by where it goes to: realm, transport, address and the name that its
// peer has proved. What was dialled for one name is never used for another; what was accepted is used for its own dialogs only, unless
// its peer has asked for more (RFC 5923).
type streams struct {
	mu     sync.Mutex
	closed bool
	open   map[*streamFlow]struct{}
	to     map[way]*streamFlow
	hosts  map[netip.Addr]int // ways to each address: no peer takes the room of the others
	wg     sync.WaitGroup
}

// way is where a flow goes to.
type way struct {
	realm string
	hop   txn.Hop
}

// start runs a flow on a goroutine of its own; false after close.
func (s *streams) start(ctx context.Context, f *streamFlow, open opener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.run(ctx, f, open, way{})
}

// introduce lets an accepted flow be found. A newer one takes its place: the older may be half dead.
func (s *streams) introduce(f *streamFlow, w way) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, open := s.open[f]; open && s.room(w) {
		s.lead(w, f)
	}
}

// room reports whether one more way may be kept.
func (s *streams) room(w way) bool {
	return len(s.to) < maxDialled && s.hosts[w.hop.Addr.Addr()] < maxDialledEach
}

// lead makes f the flow that is found by w.
func (s *streams) lead(w way, f *streamFlow) {
	s.to[w] = f
	s.hosts[w.hop.Addr.Addr()]++
	f.ways = append(f.ways, w)
}

// find returns an open flow. A flow on its way out is not one.
func (s *streams) find(w way) *streamFlow {
	if f := s.to[w]; f != nil && !f.out.shut() {
		return f
	}
	return nil
}

// run is start with the lock held. w is zero for what was accepted.
func (s *streams) run(ctx context.Context, f *streamFlow, open opener, w way) bool {
	if s.closed {
		f.end(ErrClosed)
		f.reader.book(usage{})
		return false
	}
	if s.open == nil {
		s.open, s.to, s.hosts = map[*streamFlow]struct{}{}, map[way]*streamFlow{}, map[netip.Addr]int{}
	}
	s.open[f] = struct{}{}
	if f.dialled {
		s.lead(w, f)
	}
	s.wg.Go(func() {
		f.run(ctx, open)
		f.reader.book(usage{})
		s.forget(f)
	})
	return true
}

func (s *streams) forget(f *streamFlow) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, f)
	for _, w := range f.ways {
		if s.to[w] == f {
			delete(s.to, w)
		}
		host := w.hop.Addr.Addr()
		if s.hosts[host]--; s.hosts[host] == 0 {
			delete(s.hosts, host)
		}
	}
}

func (s *streams) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// close ends every flow when it has sent what it owes, and waits for them.
func (s *streams) close() {
	s.mu.Lock()
	s.closed = true
	for f := range s.open {
		f.finish(ErrClosed)
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// Stream returns a connection to a hop: one that is open, or one that is made now and takes its messages in the meantime. It does not
// block; when the connection cannot be made the receiver hears FlowLost. Errors: ErrNoListener, ErrLimit, ErrClosed.
func (t *Transport) Stream(realm string, hop txn.Hop) (txn.Flow, error) {
	hop.Addr = unmap(hop.Addr)
	if hop.Name = peerName(hop); hop.Network != "tls" {
		hop.Name = "" // nothing proves a name
	}
	l := t.streamListener(realm, hop)
	if l == nil {
		return nil, fmt.Errorf("%w: %s to %s in realm %q", ErrNoListener, hop.Network, hop.Addr, realm)
	}
	s := &t.streams
	s.mu.Lock()
	defer s.mu.Unlock()
	w := way{realm, hop}
	if f := s.find(w); f != nil {
		return f, nil
	}
	if !s.room(w) {
		return nil, ErrLimit
	}
	f, ctx := newStream(t.cfg.Receiver, realm, netip.AddrPort{}, hop.Addr)
	f.sentBy, f.secure, f.dialled = l.sentBy, hop.Network == "tls", true
	f.used.Store(true)
	f.dial, f.back = l.dial, func(port uint16) []txn.Hop {
		return []txn.Hop{{Network: hop.Network, Addr: netip.AddrPortFrom(hop.Addr.Addr(), port), Name: hop.Name}}
	}
	f.reader = reader{frames: framer{limit: t.cfg.MaxMessage}, known: true}
	if !s.run(ctx, f, l.dialler(hop), w) {
		return nil, ErrClosed
	}
	return f, nil
}

// streamListener is the realm's first listener that a connection to hop may come from: its sent-by is where the peer connects back to.
// Those that are retired come last.
func (t *Transport) streamListener(realm string, hop txn.Hop) *streamListener {
	for _, l := range t.sockets.Load().streams {
		if l.realm == realm && l.network == hop.Network && l.local.Addr().Is4() == hop.Addr.Addr().Is4() {
			return l
		}
	}
	return nil
}

// dialler connects from the listener's address: carriers know us by it.
func (l *streamListener) dialler(hop txn.Hop) opener {
	from := netip.AddrPortFrom(l.local.Addr(), 0)
	return func(ctx context.Context) (net.Conn, []string, error) {
		conn, err := l.t.cfg.dialStream(ctx, "tcp"+family(hop.Addr.Addr()), from, hop.Addr, l.dscp)
		if err != nil {
			return nil, nil, err
		}
		tune(conn)
		if hop.Network != "tls" {
			return conn, nil, nil
		}
		c, names, err := l.t.tls.Load().client(ctx, conn, l.realm, hop)
		if err != nil {
			l.t.refused("tls-peer", l.realm, hop.Addr.Addr(), handshakeFailure(err))
			_ = conn.Close()
			return nil, nil, err
		}
		return c, names, nil
	}
}
