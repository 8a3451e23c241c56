package transport

import (
	"net/netip"
	"sync"
	"time"

	"drawbridge/sip/txn"
)

// Chosen here.
const (
	narrowFor = 10 * time.Minute // a peer that takes no connections gets datagrams of any size (sip.md section 3)
	maxNarrow = 1024
)

// widened is a UDP flow to a target of ours that knows the connection to the same place, for what does not fit into a datagram (RFC 3261
// section 18.1.1). It needs a TCP listener in the realm: the Via names it.
type widened struct{ *udpFlow }

// Upgrade implements txn.Upgrader.
func (f *widened) Upgrade() txn.Upgraded {
	t, at := f.s.t, reach{f.s.realm, f.remote}
	if t.narrow.has(at, time.Now()) {
		return nil
	}
	way, err := t.Stream(at.realm, txn.Hop{Network: "tcp", Addr: at.to})
	if err != nil {
		return nil
	}
	stream, ok := way.(*streamFlow)
	if !ok {
		return nil
	}
	return &wider{stream, &t.narrow, at}
}

// wider is the connection.
type wider struct {
	*streamFlow
	narrow *narrow
	at     reach
}

// Connected implements txn.Upgraded.
func (f *wider) Connected() bool { return f.up.Load() }

// GiveUp implements txn.Upgraded.
func (f *wider) GiveUp() {
	if !f.up.Load() {
		f.narrow.put(f.at, time.Now())
		f.end(ErrUnwanted)
	}
}

// reach is a peer of a realm.
type reach struct {
	realm string
	to    netip.AddrPort
}

// narrow are the peers that took no connection lately. Only targets of ours get in.
type narrow struct {
	mu    sync.Mutex
	until map[reach]time.Time
}

func (n *narrow) has(at reach, now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return now.Before(n.until[at])
}

func (n *narrow) put(at reach, now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.until == nil {
		n.until = make(map[reach]time.Time)
	}
	if len(n.until) >= maxNarrow {
		clear(n.until) // they are asked once more, and found out again
	}
	n.until[at] = now.Add(narrowFor)
}
