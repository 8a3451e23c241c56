package media

import (
	"testing"

	"golang.org/x/sys/unix"
)

// What is fetched ahead may be anything that epoll names: legs with keys and without, doors, sockets that have been closed. It changes and
// allocates nothing.
func TestAheadMeetsEverySocket(t *testing.T) {
	w := newBench(t, profiles["AES-CM"], opusCodec, opusCodec)
	if d := w.a.media(w.l, w.fromBrowser(t, make([]byte, 80)), w.src); d != Delivered {
		t.Fatal(d)
	}
	n := 0
	for range 3 {
		for k := range w.l.socks {
			w.l.events[n] = unix.EpollEvent{Fd: int32(k)}
			n++
		}
	}
	round := func() {
		for i := -headStart; i < n; i++ {
			w.l.ahead(i, n)
		}
	}
	before := w.b.stats(w.l)
	round()
	if !underRace {
		if allocs := testing.AllocsPerRun(100, round); allocs != 0 {
			t.Error(allocs)
		}
	}
	if after := w.b.stats(w.l); after != before {
		t.Errorf("%+v, then %+v", before, after)
	}
	var seen [2]bool
	for k := range n {
		g := w.l.legOf(k, n)
		seen[0] = seen[0] || g == w.b
		seen[1] = seen[1] || g == nil
	}
	if seen != [2]bool{true, true} {
		t.Error("the round has no leg, or nothing else")
	}
	w.l.unwatch(&w.b.rtp) // and what epoll has said of it is still to come
	round()
	w.b.crypt, w.b.onward = nil, nil
	round()
	_ = w.l.watch(&w.b.rtp)
}

// A browser's packets may come in where its call does not live: the loop that has it writes to the leg meanwhile.
func TestAheadLooksIntoNoCallOfAnotherLoop(t *testing.T) {
	w := newBench(t, profiles["AES-CM"], opusCodec, opusCodec)
	if w.l.mine(w.a) != w.a || w.l.mine(nil) != nil {
		t.Error("a call of this loop is taken for another's")
	}
	owner := w.s.owner.Swap(&loop{})
	defer w.s.owner.Store(owner)
	if w.l.mine(w.a) != nil {
		t.Error("a call of another loop is looked into")
	}
}
