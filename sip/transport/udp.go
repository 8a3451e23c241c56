package transport

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"drawbridge/sip/txn"
)

// packetConn is what a UDP socket must do; *net.UDPConn does it, and datagrams does it better.
type packetConn interface {
	ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error)
	WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error)
	LocalAddr() net.Addr
	Close() error
}

// udpSocket is one listener. It keeps nothing about peers.
type udpSocket struct {
	t       *Transport
	as      Listener
	realm   string
	conn    packetConn
	local   netip.AddrPort
	sentBy  netip.AddrPort
	host    string      // sentBy's, as text
	retired atomic.Bool // configured no more

	recent [recentFlows]*udpFlow // the reader's
}

// openUDP binds a listener. An IPv6 socket takes IPv6 only: which socket serves a peer must follow from its address.
func (t *Transport) openUDP(l Listener) (*udpSocket, error) {
	conn, err := t.cfg.listen("udp"+family(l.Addr.Addr()), l.Addr)
	if err != nil {
		return nil, err
	}
	local := addrPort(conn.LocalAddr())
	sentBy := l.advertised(local)
	s := &udpSocket{
		t: t, as: l, realm: l.Realm, conn: markOpen(conn, l.DSCP), local: local, sentBy: sentBy, host: sentBy.Addr().Unmap().WithZone("").String(),
	}
	if err := s.askForReturns(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// askForReturns hands on what comes back, if somebody wants it.
func (s *udpSocket) askForReturns() error {
	r, wants := s.t.cfg.Receiver.(txn.Informed)
	conn, able := s.conn.(returner)
	if !wants || !able {
		return nil
	}
	return conn.hearReturns(func(to netip.AddrPort, quote []byte) {
		r.Undelivered(txn.FlowKey{Realm: s.realm, Local: s.local, Remote: to}, quote)
	})
}

func (s *udpSocket) close() { _ = s.conn.Close() } // closing twice is fine, and there is nothing to flush

// serve hands on datagrams until the socket is closed. Any other error is the fault of one datagram or one moment, never of the
// listener.
func (s *udpSocket) serve(ctx context.Context) {
	for {
		if err := s.receive(); errors.Is(err, net.ErrClosed) {
			return
		}
		s.t.errors.Add(1)
		if !pause(ctx, time.Millisecond) { // an error that stays must not take a core
			return
		}
	}
}

// receive hands on datagrams until reading fails.
func (s *udpSocket) receive() error {
	if conn, ok := s.conn.(batchConn); ok {
		return conn.receive(s.t.cfg.MaxMessage, s.datagram)
	}
	b := make([]byte, s.t.cfg.MaxMessage+1) // one more tells what was too large
	var room []byte
	for {
		n, from, err := s.conn.ReadFromUDPAddrPort(b)
		if err != nil {
			return err
		}
		if room = s.datagram(b[:n], unmap(from), room[:0]); len(room) > 0 {
			_, _ = s.conn.WriteToUDPAddrPort(room, from) // lost like any datagram
		}
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// datagram takes one. What is answered without a look into it is appended to room.
func (s *udpSocket) datagram(b []byte, from netip.AddrPort, room []byte) (answer []byte) {
	if may := s.t.cfg.Datagram; may != nil && !may(s.realm, from.Addr()) {
		return nil
	}
	if allow := s.t.cfg.Allow; allow != nil && !allow(s.realm, "udp", from.Addr()) {
		s.t.refused("unknown-source", s.realm, from.Addr(), "")
		return nil
	}
	switch {
	case len(b) > s.t.cfg.MaxMessage:
		s.t.refused("malformed", s.realm, from.Addr(), "datagram too large")
	case string(b) == ping:
		return append(room, pong...)
	case stunRequest(b):
		return append(room, stunAnswer(b, from)...)
	case blank(b):
	default:
		return s.message(b, from, room)
	}
	return nil
}

// message hands a message on, unless there are too many of its kind.
func (s *udpSocket) message(b []byte, from netip.AddrPort, room []byte) []byte {
	if r, ok := s.t.cfg.Receiver.(txn.Shedder); ok {
		if answer, done := r.Shed(txn.FlowKey{Realm: s.realm, Local: s.local, Remote: from}, b, room); done {
			return answer
		}
	}
	s.t.cfg.Receiver.Receive(s.flow(from), b)
	return nil
}

// recentFlows is how many flows a socket remembers. Chosen here: those of some trunks.
const recentFlows = 16

// flow is the way to a peer. A flow never changes, so that one may serve for all messages of a peer that sends many.
func (s *udpSocket) flow(remote netip.AddrPort) *udpFlow {
	addr := remote.Addr().As16()
	known := &s.recent[(uint16(addr[15])^remote.Port())%recentFlows]
	if *known == nil || (*known).remote != remote {
		*known = &udpFlow{s, remote}
	}
	return *known
}

// ping and pong are the keepalive of RFC 5626 section 3.5.1, which phones use over UDP too.
const (
	ping = "\r\n\r\n"
	pong = "\r\n"
)

// blank finds the other things that are sent to keep a NAT open: nothing, CRLF, NUL.
func blank(b []byte) bool {
	return len(b) == 0 || b[0] <= ' ' && len(bytes.Trim(b, "\r\n \x00")) == 0
}

// udpFlow is a socket and a remote address.
type udpFlow struct {
	s      *udpSocket
	remote netip.AddrPort
}

// Send writes one datagram. It may be called from any goroutine.
func (f *udpFlow) Send(b []byte) error {
	_, err := f.s.conn.WriteToUDPAddrPort(b, f.remote)
	return err
}

// Key has no ID: the addresses are the flow.
func (f *udpFlow) Key() txn.FlowKey {
	return txn.FlowKey{Realm: f.s.realm, Local: f.s.local, Remote: f.remote}
}

// Reroute implements txn.Rerouter.
func (f *udpFlow) Reroute(port uint16) txn.Flow {
	return &udpFlow{f.s, netip.AddrPortFrom(f.remote.Addr(), port)}
}

// Retired implements txn.Retiring.
func (f *udpFlow) Retired() bool { return f.s.retired.Load() }

func (f *udpFlow) Reliable() bool         { return false }
func (f *udpFlow) Transport() string      { return "UDP" }
func (f *udpFlow) Realm() string          { return f.s.realm }
func (f *udpFlow) SentBy() netip.AddrPort { return f.s.sentBy }
func (f *udpFlow) SentByHost() string     { return f.s.host }
func (f *udpFlow) Remote() netip.AddrPort { return f.remote }

// addrPort takes the address of a socket apart; zero when it has none, as a pipe.
func addrPort(a net.Addr) netip.AddrPort {
	switch a := a.(type) {
	case *net.UDPAddr:
		return unmap(a.AddrPort())
	case *net.TCPAddr:
		return unmap(a.AddrPort())
	}
	return netip.AddrPort{}
}

func unmap(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }
