package media

import (
	"net/netip"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// inbox is how other goroutines reach a loop.
type inbox struct {
	mu       sync.Mutex
	sessions []*Session // with commands pending
	fns      []func(l *loop)
	parcels  []parcel // a ring of datagrams that came in on another loop's socket
	head, n  int
	stopping bool // Run ends
	stopped  bool // the goroutine has ended; what comes now is served under late
	rung     atomic.Bool
	late     sync.Mutex
}

// parcel is a datagram on its way to the loop that owns its leg.
type parcel struct {
	leg  *leg
	via  *loop
	door int
	src  netip.AddrPort
	n    int
	b    [slotSize - tailRoom]byte
}

// parcelRoom is the length of the ring: 256 packets are 5 ms of 50 000 packets/s, and a browser's packets are handed over
// only after it has roamed.
const parcelRoom = 256

// enlist notes that s has commands pending; it does not wake the loop. False when the loop has ended.
func (l *loop) enlist(s *Session) bool {
	in := &l.inbox
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.stopped {
		in.sessions = append(in.sessions, s)
	}
	return !in.stopped
}

// waiting tells whether there is anything that no wake-up has been asked for.
func (in *inbox) waiting() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.sessions) > 0 || len(in.fns) > 0
}

// serveLate serves a session whose loop has ended, on the caller's goroutine.
func (l *loop) serveLate(s *Session) {
	l.inbox.late.Lock()
	defer l.inbox.late.Unlock()
	s.serve(l)
}

// post runs fn on the loop, after what was posted before it; false when the loop has ended.
func (l *loop) post(when haste, fn func(l *loop)) bool {
	l.inbox.mu.Lock()
	if l.inbox.stopped {
		l.inbox.mu.Unlock()
		return false
	}
	l.inbox.fns = append(l.inbox.fns, fn)
	l.inbox.mu.Unlock()
	l.call(when)
	return true
}

// commands takes what was posted; true when the loop is to stop.
func (l *loop) commands() bool {
	stopping := l.obey()
	l.forward()
	return stopping
}

// obey serves what was posted, but for sessions that have moved.
func (l *loop) obey() bool {
	in := &l.inbox
	in.mu.Lock()
	stopping := in.stopping
	l.fns, in.fns = in.fns, l.fns[:0]
	l.called, in.sessions = in.sessions, l.called[:0]
	in.mu.Unlock()
	for _, fn := range l.fns {
		fn(l)
	}
	for _, s := range l.called {
		if s.owner.Load() != l || s.coming { // or gone and back meanwhile: what it brings along comes first
			l.moved = append(l.moved, s)
			continue
		}
		s.serve(l)
	}
	clear(l.fns)
	clear(l.called)
	return stopping
}

// forward tells the loops that sessions have moved to, which may be this one, of their commands. The caller does not hold late: such a loop may be ending as well.
func (l *loop) forward() {
	for _, s := range l.moved {
		s.summon(soon)
	}
	clear(l.moved)
	l.moved = l.moved[:0]
}

// shutInbox takes what was posted last.
func (l *loop) shutInbox() {
	l.inbox.late.Lock()
	l.inbox.mu.Lock()
	l.inbox.stopped = true
	l.inbox.mu.Unlock()
	l.obey()
	l.inbox.late.Unlock()
	l.forward()
}

// wake makes the loop look at its inbox. Ringing twice before it looks costs nothing.
func (l *loop) wake() {
	if l.inbox.rung.Swap(true) || l.lobby.call() {
		return
	}
	one := [8]byte{1}
	_, _ = unix.Write(l.wakeFD, one[:]) // fails only when the counter is full, which rings as well
}

// call is wake for what may be able to wait. A loop that carries media comes round in time by itself; to wake it costs a browser's call
// several percent of its set-up.
func (l *loop) call(when haste) {
	if when != inTime || l.lobby.taken.Load() {
		l.wake()
	}
}

// handOver gives a datagram to the loop that owns its leg.
func (l *loop) handOver(to *loop, g *leg, door int, via *loop, b []byte, src netip.AddrPort) Drop {
	in := &to.inbox
	in.mu.Lock()
	if in.n == len(in.parcels) || in.stopped {
		in.mu.Unlock()
		return DropHandover
	}
	p := &in.parcels[(in.head+in.n)%len(in.parcels)]
	p.leg, p.via, p.door, p.src = g, via, door, src
	p.n = copy(p.b[:], b)
	in.n++
	in.mu.Unlock()
	to.wake()
	return Delivered
}

// unpack serves the datagrams that other loops handed over, as if they had come in here.
func (l *loop) unpack() {
	in := &l.inbox
	for range parcelRoom {
		in.mu.Lock()
		n := in.n
		in.mu.Unlock()
		if n == 0 {
			return
		}
		l.commands() // its session may just have been given to this loop, or be about to leave it
		p := &in.parcels[in.head]
		g, via, door, src := p.leg, p.via, p.door, p.src
		b := l.slot()[:p.n]
		copy(b, p.b[:p.n])
		in.mu.Lock()
		in.head, in.n = (in.head+1)%len(in.parcels), in.n-1
		in.mu.Unlock()
		if owner := g.session.owner.Load(); owner != l {
			l.drop(l.handOver(owner, g, door, via, b, src), src, g)
			continue
		}
		l.drop(l.browser(l.doors[door], via, g, b, src), src, g)
	}
}
