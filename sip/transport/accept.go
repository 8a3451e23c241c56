package transport

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"drawbridge/sip/txn"
)

// streamListener accepts the TCP or TLS connections of a realm at one address.
type streamListener struct {
	t       *Transport
	as      Listener
	realm   string
	network string
	ln      net.Listener
	local   netip.AddrPort
	sentBy  netip.AddrPort
	dscp    uint8
	limits  *flowLimits // of the realm
	retired atomic.Bool // configured no more: it accepts nothing, and may still be dialled from
}

func (t *Transport) openStream(l Listener, limits *flowLimits) (*streamListener, error) {
	ln, err := t.cfg.listenStream("tcp"+family(l.Addr.Addr()), l.Addr)
	if err != nil {
		return nil, err
	}
	local := addrPort(ln.Addr())
	return &streamListener{
		t: t, as: l, realm: l.Realm, network: l.Network, ln: markOpen(ln, l.DSCP), dscp: l.DSCP, local: local, sentBy: l.advertised(local), limits: limits,
	}, nil
}

func (l *streamListener) close() { _ = l.ln.Close() } // closing twice is fine

// serve takes connections until the listener is closed. It does no protocol work: a peer that does nothing holds up nobody.
func (l *streamListener) serve(ctx context.Context) {
	for {
		conn, err := l.ln.Accept()
		switch {
		case err == nil:
			l.take(conn) //nolint:contextcheck // a flow, accepted or dialled, lives under its own context; Run ends them all
		case errors.Is(err, net.ErrClosed):
			return
		default: // as no file descriptor left: it passes
			l.t.errors.Add(1)
			if !pause(ctx, acceptPause) {
				return
			}
		}
	}
}

// take makes a flow of a connection whose source may have one.
func (l *streamListener) take(conn net.Conn) {
	remote := addrPort(conn.RemoteAddr())
	from, fresh := source(remote.Addr()), usage{flows: 1, fresh: 1}
	known := l.t.cfg.Known == nil || l.t.cfg.Known(l.realm, remote.Addr())
	if l.t.denied(l.realm, remote.Addr()) {
		discard(conn)
		return
	}
	if allow := l.t.cfg.Allow; allow != nil && !allow(l.realm, l.network, remote.Addr()) {
		l.t.refused("unknown-source", l.realm, remote.Addr(), "")
		discard(conn)
		return
	}
	if !l.limits.take(from, fresh, known) {
		l.t.refused("stream-limit", l.realm, remote.Addr(), "")
		discard(conn)
		return
	}
	tune(conn)
	f, ctx := newStream(l.t.cfg.Receiver, l.realm, addrPort(conn.LocalAddr()), remote)
	f.sentBy, f.secure = l.sentBy, l.network == "tls"
	f.back, f.dial = l.returns(f, known), l.dial
	f.alias = func(port uint16) {
		for _, hop := range f.back(port) {
			l.t.streams.introduce(f, way{l.realm, hop})
		}
	}
	f.reader = reader{
		frames: framer{limit: l.t.cfg.MaxMessage}, limits: l.limits, source: from, held: fresh, known: known, denied: l.t.cfg.Denied,
		firstBy: time.Now().Add(openWait),
	}
	if !known {
		f.late = func() {
			l.t.refused("unproved", l.realm, remote.Addr(), "")
			f.end(ErrUnproved)
		}
	}
	if !l.t.streams.start(ctx, f, l.opener(f, conn)) {
		_ = conn.Close()
	}
}

// returns judges where an accepted flow's peer may be reached besides, to carry requests (RFC 5923) and late answers to it: over TLS it is
// the peers that it has proved to be, over TCP a source that is configured. The host is the flow's own: nobody takes over the port of
// another.
func (l *streamListener) returns(f *streamFlow, known bool) func(port uint16) []txn.Hop {
	return func(port uint16) (hops []txn.Hop) {
		names := l.t.tls.Load().expected(l.realm, f.Identity())
		if !f.secure && known {
			names = []string{""} // TCP proves none
		}
		for _, n := range names {
			at := netip.AddrPortFrom(f.key.Remote.Addr(), port)
			hops = append(hops, txn.Hop{Network: l.network, Addr: at, Name: n})
		}
		return hops
	}
}

// dial is Stream in the listener's realm.
func (l *streamListener) dial(hop txn.Hop) (txn.Flow, error) { return l.t.Stream(l.realm, hop) }

// opener is what is left to do with an accepted connection, on the flow's own goroutine.
func (l *streamListener) opener(f *streamFlow, conn net.Conn) opener {
	if !f.secure {
		return func(context.Context) (net.Conn, []string, error) { return conn, nil, nil }
	}
	return func(ctx context.Context) (net.Conn, []string, error) {
		c, names, err := l.t.tls.Load().server(ctx, conn, l.realm)
		if err != nil {
			l.t.refused("tls", l.realm, f.key.Remote.Addr(), handshakeFailure(err))
			_ = conn.Close()
			return nil, nil, err
		}
		if len(l.t.tls.Load().expected(l.realm, names)) > 0 {
			f.reader.known = true
			f.Proved()
		}
		return c, names, nil
	}
}

// discard closes without the wait for the peer, which may not even exist.
func discard(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // closed all the same
	}
	_ = conn.Close()
}
