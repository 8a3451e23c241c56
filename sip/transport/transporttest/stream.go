package transporttest

import (
	"net/netip"
	"sync/atomic"

	"drawbridge/sip/txn"
)

// End describes one end of a reliable pair. Transport "" means "WS".
type End struct {
	Realm     string
	Addr      netip.AddrPort
	Transport string
	Recv      txn.Receiver
}

// Stream is one end of a reliable pair: what is sent arrives at the other end's Receiver, in order, on the sender's goroutine.
type Stream struct {
	end   End
	key   txn.FlowKey
	other *Stream
	lost  *atomic.Bool // of the pair
}

// Pair connects two ends. id tells the pair's flows from those of others.
func Pair(id uint64, a, b End) (*Stream, *Stream) {
	lost := new(atomic.Bool)
	x := &Stream{end: a, lost: lost, key: txn.FlowKey{Realm: a.Realm, ID: id, Local: a.Addr, Remote: b.Addr}}
	y := &Stream{end: b, lost: lost, key: txn.FlowKey{Realm: b.Realm, ID: id, Local: b.Addr, Remote: a.Addr}}
	x.other, y.other = y, x
	return x, y
}

// Send delivers a message to the other end. Error: txn.ErrFlowLost after Break.
func (s *Stream) Send(b []byte) error {
	if s.lost.Load() {
		return txn.ErrFlowLost
	}
	s.other.end.Recv.Receive(s.other, b)
	return nil
}

// Break ends the connection: both receivers hear FlowLost, once.
func (s *Stream) Break(why error) {
	if s.lost.Swap(true) {
		return
	}
	s.end.Recv.FlowLost(s, why)
	s.other.end.Recv.FlowLost(s.other, why)
}

// Key identifies the flow.
func (s *Stream) Key() txn.FlowKey { return s.key }

// Reliable is true.
func (s *Stream) Reliable() bool { return true }

// Transport is the End's, "WS" by default.
func (s *Stream) Transport() string {
	if s.end.Transport == "" {
		return "WS"
	}
	return s.end.Transport
}

// Realm is the End's.
func (s *Stream) Realm() string { return s.end.Realm }

// SentBy is this end's address.
func (s *Stream) SentBy() netip.AddrPort { return s.end.Addr }

// Remote is the other end's address.
func (s *Stream) Remote() netip.AddrPort { return s.other.end.Addr }
