package txn

import (
	"net/netip"
	"testing"
	"time"
)

// TestGrace: a source has its share, a realm a bound that forged sources do not move, and another realm does not notice.
func TestGrace(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var g graceTable
	// flood sends one malformed request from each of n sources and counts the answers.
	flood := func(realm string, n int) (answers int) {
		source := netip.MustParseAddr("198.51.0.0")
		for range n {
			if source = source.Next(); g.allow(realm, source, now) {
				answers++
			}
		}
		return answers
	}
	one := netip.MustParseAddr("192.0.2.1")
	for i := range 2 * graceBurst {
		if got, want := g.allow("other", one, now), i < graceBurst; got != want {
			t.Fatalf("request %d of one source: answered %t", i, got)
		}
	}
	now = now.Add(time.Second)
	if got := flood("access", 10_000); got != graceRealmBurst {
		t.Errorf("%d answers to 10 000 sources at once, want %d", got, graceRealmBurst)
	}
	now = now.Add(time.Second)
	if got := flood("access", 10_000); got != graceRealmRate {
		t.Errorf("%d answers a second later, want %d", got, graceRealmRate)
	}
	now = now.Add(10 * time.Second) // the sources, which share cells, have their tokens back
	if got := flood("carrier", 10); got != 10 {
		t.Errorf("%d of 10 in another realm", got)
	}
	if len(g.realms) != 3 {
		t.Errorf("%d realms are kept", len(g.realms))
	}
}
