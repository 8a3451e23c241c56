package b2bua

import (
	"sync"
	"testing"
	"time"

	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
)

// memDNS is the resolver of a flow: it knows what a "dns" step has said, and lets the rest wait for one.
type memDNS struct {
	w *world

	mu    sync.Mutex
	known []txn.Hop
	told  bool
	later []func([]txn.Hop)
}

// hops is Config.Hops.
func (d *memDNS) hops(realm string, u wire.URI, later func([]txn.Hop)) ([]txn.Hop, bool) {
	if hops, _ := numericHops(realm, u, nil); hops != nil {
		return hops, true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.told {
		return d.known, true
	}
	if later != nil {
		d.later = append(d.later, later)
	}
	return nil, false
}

// answer makes the name lead to peers, and tells who waits. Without a peer the name leads nowhere.
func (d *memDNS) answer(names []string) {
	d.mu.Lock()
	d.known, d.told = nil, true
	for _, n := range names {
		d.known = append(d.known, txn.Hop{Network: "udp", Addr: d.w.peers[n].flow.remote})
	}
	waiting, known := d.later, d.known
	d.later = nil
	d.mu.Unlock()
	for _, later := range waiting {
		later(known)
	}
}

// TestLearn: a trunk named by host is known by the addresses that its name leads to, for an hour behind the last time it did.
func TestLearn(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	core, err := txn.New(txn.Config{Shards: 1})
	if err != nil {
		t.Fatal(err)
	}
	s := New(Config{
		Settings: Settings{
			Realms: map[string]Realm{"carrier": {Name: "carrier"}},
			Trunks: []Trunk{{Name: "acme", Realm: "carrier", Targets: []wire.URI{{Scheme: "sip", Host: "trunk.example"}}}},
		},
		Core: core,
		now:  func() time.Time { return now },
	})
	first, second := hopTo("192.0.2.1:5060"), hopTo("192.0.2.2:5080")
	knows := func(what string, a, b bool) {
		t.Helper()
		if s.Knows("carrier", first.Addr.Addr()) != a || s.Knows("carrier", second.Addr.Addr()) != b {
			t.Errorf("%s: %t %t", what, !a, !b)
		}
	}
	knows("before", false, false)
	s.Learn("acme", []txn.Hop{first})
	knows("first", true, false)
	now = now.Add(learnedFor - time.Minute)
	s.Learn("acme", []txn.Hop{second})
	knows("both", true, true)
	if !s.view().trunks["acme"].aims(second.Addr) || s.view().trunks["acme"].aims(hopTo("192.0.2.2:5060").Addr) {
		t.Error("the target's port is not what DNS has said")
	}
	now = now.Add(2 * time.Minute)
	s.Learn("acme", []txn.Hop{second})
	knows("the first is gone", false, true)
	for i := range 200 {
		s.Learn("acme", []txn.Hop{{Network: "udp", Addr: hopTo("198.51.100.1:1").Addr}, hopTo("203.0.113.1:" + string(rune('1'+i%9)))})
	}
	if n := len(s.view().trunks["acme"].seen); n > maxLearned {
		t.Errorf("%d addresses", n)
	}
	s.Learn("nobody", []txn.Hop{first})
}
