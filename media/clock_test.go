package media

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestTimers: whatever is armed, moved and disarmed, timers are taken in order, and each knows its place.
func TestTimers(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	l := &loop{}
	var all [200]timer
	for range 5000 {
		each := &all[rnd.IntN(len(all))]
		if rnd.IntN(3) == 0 {
			l.disarm(each)
		} else {
			l.arm(each, rnd.Int64N(1000))
		}
		for i, p := range l.timers {
			if int(p.timer.pos) != i+1 || p.timer.at != p.at {
				t.Fatalf("place %d: the timer is at %d, due at %d, not %d", i, p.timer.pos-1, p.timer.at, p.at)
			}
		}
		if n := slices.IndexFunc(all[:], func(each timer) bool { return each.pos > int32(len(l.timers)) }); n >= 0 {
			t.Fatalf("timer %d is disarmed and has a place", n)
		}
	}
	if len(l.timers) < len(all)/2 {
		t.Fatalf("%d timers are armed", len(l.timers))
	}
	for before := int64(0); len(l.timers) > 0; {
		first := l.timers[0].timer
		if first.at < before {
			t.Fatalf("%d behind %d", first.at, before)
		}
		before = first.at
		l.disarm(first)
	}
}

// BenchmarkTimers is a leg that comes and one that goes, among 500 whose timers lie far apart.
func BenchmarkTimers(b *testing.B) {
	type far struct {
		timer
		_ [4 << 10]byte
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	l := &loop{}
	all := make([]far, 500)
	for i := range all {
		l.arm(&all[i].timer, rnd.Int64N(1000))
	}
	b.ReportAllocs()
	for at := int64(1000); b.Loop(); at++ {
		t := &all[rnd.IntN(len(all))].timer
		l.disarm(t)
		l.arm(t, at)
	}
}
