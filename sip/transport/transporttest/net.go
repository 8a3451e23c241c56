package transporttest

import (
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Datagram is what Net.Fate judges. Seq counts the datagrams of the network from 0.
type Datagram struct {
	From, To netip.AddrPort
	Seq      int
	Bytes    []byte
}

// Fate says what becomes of a datagram: one copy is delivered after each of the delays. None is a loss, two are a duplicate, a
// longer delay than the next one's re-orders. It is called for one datagram at a time, with the network locked.
type Fate func(Datagram) []time.Duration

// Net is a memory network. The zero value delivers everything at once.
type Net struct {
	mu    sync.Mutex
	ends  map[netip.AddrPort]endpoint
	fate  Fate
	count int
}

// endpoint takes a datagram; it may keep b.
type endpoint interface {
	deliver(from netip.AddrPort, b []byte)
}

// SetFate decides over datagrams from now on; nil delivers all.
func (n *Net) SetFate(f Fate) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fate = f
}

// Sent returns how many datagrams were sent, whatever became of them.
func (n *Net) Sent() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.count
}

func (n *Net) attach(at netip.AddrPort, e endpoint) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ends == nil {
		n.ends = make(map[netip.AddrPort]endpoint)
	}
	n.ends[at] = e
}

func (n *Net) detach(at netip.AddrPort) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.ends, at)
}

// send carries a copy of b.
func (n *Net) send(from, to netip.AddrPort, b []byte) {
	b = slices.Clone(b)
	for _, d := range n.judge(Datagram{From: from, To: to, Bytes: b}) {
		if d == 0 {
			n.arrive(from, to, b)
		} else {
			time.AfterFunc(d, func() { n.arrive(from, to, b) })
		}
	}
}

func (n *Net) judge(d Datagram) []time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	d.Seq = n.count
	n.count++
	if n.fate == nil {
		return []time.Duration{0}
	}
	return n.fate(d)
}

// arrive delivers a copy of its own to whoever is there by then.
func (n *Net) arrive(from, to netip.AddrPort, b []byte) {
	n.mu.Lock()
	e := n.ends[to]
	n.mu.Unlock()
	if e != nil {
		e.deliver(from, slices.Clone(b))
	}
}
