package media

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// walk is a random life of calls, of one leg each, on two loops.
type walk struct {
	*rests
	rnd    *rand.Rand
	far    *net.UDPConn
	coming []*leg // allocated, not placed
	placed []*leg
	heard  []netip.AddrPort // ports that some call has had
	again  int              // sockets that were used before
}

// pick takes one leg out of a list.
func (w *walk) pick(from *[]*leg) *leg {
	i := w.rnd.IntN(len(*from))
	g := (*from)[i]
	*from = slices.Delete(*from, i, i+1)
	return g
}

// step does one thing that happens.
func (w *walk) step(t *testing.T) {
	t.Helper()
	switch op := w.rnd.IntN(16); {
	case op < 4:
		g := w.leg(t)
		w.legs = nil // this test ends them itself
		if g.pair.rest != nil {
			w.again++
		}
		w.heard = append(w.heard, g.pair.addr)
		w.coming = append(w.coming, g)
	case op < 7 && len(w.coming) > 0:
		g := w.pick(&w.coming)
		g.session.place(g.session.owner.Load(), g)
		w.placed = append(w.placed, g)
	case op < 9 && len(w.placed) > 0:
		g := w.pick(&w.placed)
		g.session.end(g.session.owner.Load())
	case op < 10 && len(w.coming) > 0: // the call ends before its leg comes
		g := w.pick(&w.coming)
		l := g.session.owner.Load()
		g.session.end(l)
		g.session.place(l, g)
	case op < 12 && len(w.placed)+len(w.coming) > 0:
		all := append(slices.Clone(w.placed), w.coming...)
		g := all[w.rnd.IntN(len(all))]
		l := g.session.owner.Load()
		if g.session.legs[B] != nil && w.rnd.IntN(2) == 0 {
			l.putOff(&g.rtp)
		}
		l.give(g.session, w.e.loops[1-l.index], soon)
	case op < 13:
		w.age([]time.Duration{stragglers, portRest}[w.rnd.IntN(2)])
		w.e.clearPorts(restLife, 1+w.rnd.IntN(crowd))
	case op < 14 && w.rnd.IntN(20) == 0:
		w.crowd(t, 2*crowd)
		w.legs = nil
	case op < 15 && len(w.heard) > 0:
		to := w.heard[w.rnd.IntN(len(w.heard))]
		_, _ = w.far.WriteToUDPAddrPort([]byte("late"), to) // nobody may be there
	}
}

// round serves a loop once.
func (w *walk) round(t *testing.T, l *loop) (events int) {
	t.Helper()
	n, err := unix.EpollWait(l.epoll, l.events[:], 0)
	if err != nil {
		t.Fatal(err)
	}
	l.commands()
	for i := range n {
		l.ready(l.events[i])
	}
	l.readLater()
	l.flush()
	l.in.next = 0
	return n
}

// quiet states that nothing is told of again and again once nothing comes.
func (w *walk) quiet(t *testing.T) {
	t.Helper()
	for _, l := range w.e.loops {
		for range 3 {
			w.round(t, l)
		}
		if n := w.round(t, l); n != 0 {
			t.Errorf("%d sockets are told of again and again", n)
		}
	}
}

// check states what must be true between two rounds.
func (w *walk) check(t *testing.T) {
	t.Helper()
	for _, g := range w.placed {
		if l := g.session.owner.Load(); l.socks[g.rtp.index] != &g.rtp {
			t.Fatalf("%s is not where it should be", g.pair.addr)
		}
	}
	rest := 0
	for l, sh := range w.p.shelves {
		for _, r := range sh.all {
			if r.state != asleep {
				continue
			}
			if rest++; l.socks[r.index] != &r.sock || r.loop != l {
				t.Fatalf("%s does not rest where it should", r.addr)
			}
		}
	}
	if rest != w.p.resting || w.p.inUse() != len(w.placed)+len(w.coming) {
		t.Fatalf("%d rest of %d, %d in use of %d", rest, w.p.resting, w.p.inUse(), len(w.placed)+len(w.coming))
	}
}

// TestSocketsComeToRest: whatever order calls come, move, end and are sent to in, epoll does not tell of any socket for ever, each is where
// its owner looks for it, and none is left open.
func TestSocketsComeToRest(t *testing.T) {
	far, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = far.Close() }()
	for seed := range uint64(8) {
		w := &walk{rests: newRests(t, 2), rnd: rand.New(rand.NewPCG(seed, 1)), far: far}
		w.crowd(t, 2*crowd)
		w.legs = nil
		w.age(portRest)
		files := openFiles(t) - w.p.resting
		for range 2000 {
			w.step(t)
			for _, l := range w.e.loops {
				w.round(t, l)
			}
			w.check(t)
		}
		if w.again == 0 {
			t.Errorf("seed %d: no socket was used again", seed)
		}
		for _, to := range w.heard {
			_, _ = far.WriteToUDPAddrPort([]byte("late"), to)
		}
		for range 1 + len(w.heard)/batchSize {
			for _, l := range w.e.loops {
				w.round(t, l)
			}
		}
		w.quiet(t)
		for len(w.placed) > 0 {
			g := w.pick(&w.placed)
			g.session.end(g.session.owner.Load())
		}
		for len(w.coming) > 0 {
			w.pick(&w.coming).abandon()
		}
		w.quiet(t)
		w.e.clearPorts(0, 1<<20)
		if n := openFiles(t); n != files {
			t.Errorf("seed %d: %d files are left", seed, n-files)
		}
	}
}
