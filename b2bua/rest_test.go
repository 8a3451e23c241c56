package b2bua

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"drawbridge/sip/txn"
)

func hopTo(addr string) txn.Hop { return txn.Hop{Network: "udp", Addr: netip.MustParseAddrPort(addr)} }

func TestRests(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	a, b := spot{"r", hopTo("192.0.2.1:5060")}, spot{"s", hopTo("192.0.2.1:5060")}
	var r rests
	on := func(p spot, want bool) {
		t.Helper()
		if got := r.on(p.realm, p.hop, now); got != want {
			t.Errorf("%+v rests: %t", p, got)
		}
	}
	on(a, false)
	if !r.put(a, now.Add(restFor), now) || r.put(a, now.Add(2*restFor), now) {
		t.Error("only the first one is news")
	}
	on(a, true)
	on(b, false) // the same address in another realm is another target
	now = now.Add(2 * restFor)
	on(a, false)
	if !r.put(a, now.Add(restFor), now) {
		t.Error("a new rest is news")
	}
	r.wake(a)
	on(a, false)
	if r.some.Load() {
		t.Error("empty, and still looked into")
	}
	for i := range 2 * maxRests {
		r.put(spot{"r", hopTo(fmt.Sprintf("192.0.2.1:%d", i+1))}, now.Add(restFor), now)
	}
	if n := len(r.until); n != maxRests {
		t.Errorf("%d hops rest", n)
	}
	now = now.Add(2 * restFor)
	if !r.put(a, now.Add(restFor), now) {
		t.Error("those whose rest is over make room")
	}
}

func TestResting(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s := &Switch{cfg: Config{now: func() time.Time { return now }}}
	s.rest(Rest{Realm: "r", Hop: hopTo("192.0.2.1:5060"), For: restFor})
	s.rest(Rest{Realm: "r", Hop: hopTo("192.0.2.2:5060"), For: 2 * restFor})
	for _, want := range []int{2, 1, 0} {
		if n := s.Resting(); n != want {
			t.Errorf("%d rest, want %d", n, want)
		}
		now = now.Add(restFor)
	}
}

func TestRestOf(t *testing.T) {
	for seconds, want := range map[int]time.Duration{0: restFor, 5: 5 * time.Second, 120: 2 * time.Minute, 18000: maxRest} {
		if got := restOf(refused{retryAfter: seconds}); got != want {
			t.Errorf("%d: %s, want %s", seconds, got, want)
		}
	}
}
