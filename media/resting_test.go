package media

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"drawbridge/media/offer"
)

// rests is a realm whose sockets rest, on loops that the test drives: time is what it says.
type rests struct {
	e    *Engine
	p    *ports
	legs []*leg
}

func newRests(t *testing.T, loops int) *rests {
	t.Helper()
	e, err := New(Config{Loops: loops, Realms: map[string]Realm{"core": {Bind: localhost, PortMin: 20000, PortMax: 31999, AllowLoopback: true}}})
	if err != nil {
		t.Fatal(err)
	}
	r := &rests{e: e, p: e.realms.get("core").ports}
	t.Cleanup(func() {
		for _, g := range r.legs {
			g.abandon()
		}
		e.release()
	})
	return r
}

// leg makes the leg of a new call, which lives on loop 0.
func (r *rests) leg(t *testing.T) *leg {
	t.Helper()
	s := r.e.Open("call", func(Event) {})
	s.owner.Store(r.e.loops[0])
	g := newLeg(s, B, r.e.realms.get("core"), offer.RTP)
	if _, err := g.allocate(); err != nil {
		t.Fatal(err)
	}
	r.legs = append(r.legs, g)
	return g
}

// seat lets a leg arrive.
func (r *rests) seat(t *testing.T, g *leg) *leg {
	t.Helper()
	g.session.place(r.e.loops[0], g)
	return g
}

// crowd leaves n sockets at rest.
func (r *rests) crowd(t *testing.T, n int) {
	t.Helper()
	var all []*leg
	for range n {
		all = append(all, r.seat(t, r.leg(t)))
	}
	for _, g := range all {
		g.session.end(r.e.loops[0])
	}
}

// age makes everything that rests older.
func (r *rests) age(d time.Duration) {
	for _, sh := range r.p.shelves {
		for _, s := range sh.all {
			s.since = s.since.Add(-d)
		}
	}
}

// round serves what the sockets of loop 0 have heard.
func (r *rests) round(t *testing.T) {
	t.Helper()
	l := r.e.loops[0]
	n, err := unix.EpollWait(l.epoll, l.events[:], 0)
	if err != nil {
		t.Fatal(err)
	}
	l.commands()
	for i := range n {
		l.ready(l.events[i])
	}
}

// send sends one datagram to a port.
func (r *rests) send(t *testing.T, addr netip.AddrPort) {
	t.Helper()
	c, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(addr))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := c.Write(make([]byte, 172)); err != nil {
		t.Fatal(err)
	}
}

// pending is the length of the next datagram that a socket has for who reads it.
func pending(t *testing.T, fd int) int {
	t.Helper()
	n, err := unix.IoctlGetInt(fd, unix.SIOCINQ)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func openFiles(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// A socket is used again when enough of them have rested for long enough; until then ports are opened as if nothing rested.
func TestSocketsRest(t *testing.T) {
	r := newRests(t, 1)
	r.crowd(t, crowd)
	if r.p.resting != crowd || r.p.inUse() != 0 || r.e.Stats().Sockets != 0 {
		t.Fatalf("%d rest, %d in use", r.p.resting, r.p.inUse())
	}
	for k, row := range []struct {
		what string
		age  time.Duration
		want bool
	}{
		{"too early", portRest - time.Second/2, false},
		{"rested", time.Second / 2, true},
		{"too few are left", 0, false},
	} {
		r.age(row.age)
		g := r.seat(t, r.leg(t))
		if used := g.pair.rest != nil; used != row.want {
			t.Fatalf("%s: used again: %t", row.what, used)
		}
		if row.want && (r.p.inUse() != 2 || r.p.resting != crowd-1) {
			t.Errorf("%s: %d in use, %d rest", row.what, r.p.inUse(), r.p.resting)
		}
		r.send(t, g.pair.addr)
		r.round(t)
		if n := r.e.Stats().Drops[DropUnbound.String()]; n != uint64(k)+1 {
			t.Errorf("%s: the leg has heard %d datagrams", row.what, n)
		}
	}
}

// What came for the call before is thrown away, while the socket rests and as it is taken over.
func TestRestHearsNothing(t *testing.T) {
	r := newRests(t, 1)
	r.crowd(t, crowd)
	first := r.p.shelves[r.e.loops[0]].all[0]
	r.send(t, first.addr) // just after the end
	r.round(t)
	if first.state != asleep {
		t.Fatal("a straggler has closed the socket")
	}
	for _, s := range r.p.shelves[r.e.loops[0]].all {
		r.send(t, s.addr)
	}
	r.age(portRest)
	g := r.leg(t)
	r.send(t, g.pair.addr)
	r.seat(t, g)
	r.send(t, g.pair.addr) // this is for the new call
	r.round(t)
	if n := r.e.Stats().Drops[DropUnbound.String()]; n != 1 {
		t.Errorf("the leg has heard %d datagrams, want its own", n)
	}
}

// Who goes on sending after a call finds the port closed, and the next call does not get it.
func TestRestEndsWhenSentTo(t *testing.T) {
	r := newRests(t, 1)
	r.crowd(t, crowd+1)
	r.age(stragglers + time.Second/10)
	l := r.e.loops[0]
	first := r.p.shelves[l].all[0]
	free, room := r.p.n, r.e.files.room.Load()
	r.send(t, first.addr)
	r.round(t)
	if first.state != shut || l.socks[first.index] != nil || r.p.n != free+1 || r.p.resting != crowd || r.e.files.room.Load() != room+1 {
		t.Fatalf("state %d, %d pairs free, %d rest", first.state, r.p.n-free, r.p.resting)
	}
	if err := vacantAddr(first.addr); err != nil {
		t.Error(err)
	}
	r.age(portRest)
	for range 2 {
		if g := r.leg(t); g.pair.rest == first || g.pair.addr == first.addr {
			t.Error("the next call has the port")
		}
	}
}

// What rests is closed when nobody comes, when its realm goes and when the engine ends, and its loop forgets it.
func TestRestEnds(t *testing.T) {
	before := openFiles(t)
	r := newRests(t, 1)
	l := r.e.loops[0]
	idle, watched := openFiles(t), len(l.socks)-len(l.vacant)
	check := func(what string, rest int) {
		t.Helper()
		l.commands()
		if n := openFiles(t); n != idle+rest || r.p.resting != rest || len(l.socks)-len(l.vacant) != watched+rest {
			t.Errorf("%s: %d files, %d rest, %d watched; want %d", what, n-idle, r.p.resting, len(l.socks)-len(l.vacant)-watched, rest)
		}
	}
	r.crowd(t, crowd)
	r.age(restLife - time.Minute/10)
	r.e.clearPorts(restLife, clearBatch)
	check("not yet", crowd)
	r.age(time.Minute / 10)
	r.e.clearPorts(restLife, crowd/2)
	check("a part", crowd/2)
	r.e.clearPorts(restLife, clearBatch)
	check("nobody came", 0)

	r.crowd(t, crowd)
	held := r.seat(t, r.leg(t))
	if err := r.e.SetRealms(map[string]Realm{"other": {Bind: localhost, PortMin: 22000, PortMax: 22999}}); err != nil {
		t.Fatal(err)
	}
	held.session.end(l)
	check("the realm has gone", 0)

	if err := r.e.SetRealms(map[string]Realm{"core": {Bind: localhost, PortMin: 21000, PortMax: 21999}}); err != nil {
		t.Fatal(err)
	}
	r.p = r.e.realms.get("core").ports
	r.crowd(t, crowd)
	check("again", crowd)
	r.e.release()
	if n := openFiles(t); n != before {
		t.Errorf("%d files are left", n-before)
	}
	for _, l := range r.e.loops { // the test's cleanup releases once more
		l.wakeFD, l.epoll = -1, -1
	}
}

// A call that ends between its socket and its loop leaves neither behind.
func TestRestTakenInVain(t *testing.T) {
	r := newRests(t, 1)
	l := r.e.loops[0]
	idle, watched := openFiles(t), len(l.socks)-len(l.vacant)
	r.crowd(t, crowd)
	r.age(portRest)
	g := r.leg(t)
	if g.pair.rest == nil {
		t.Fatal("a new socket")
	}
	other := *g.pair.rest
	g.session.end(l)
	r.seat(t, g)
	if next, _, err := openUDP(other.addr, nil); err != nil || next != other.fd {
		t.Fatalf("file %d for %d, %v", next, other.fd, err)
	}
	r.send(t, other.addr)
	l.ready(unix.EpollEvent{Fd: other.index, Pad: other.gen}) // what epoll has said before comes late
	if n := pending(t, other.fd); n == 0 {
		t.Error("the next owner of the file has lost a datagram")
	}
	closeFD(other.fd)
	l.commands()
	if n := len(l.socks) - len(l.vacant) - watched; n != crowd-1 || openFiles(t) != idle+crowd-1 || r.p.inUse() != 0 {
		t.Errorf("%d watched, %d files, %d in use", n, openFiles(t)-idle, r.p.inUse())
	}
}

// A session may change loops while its next leg is made.
func TestRestOnAnotherLoop(t *testing.T) {
	r := newRests(t, 2)
	was, is := r.e.loops[0], r.e.loops[1]
	r.crowd(t, crowd)
	r.age(portRest)
	g := r.leg(t)
	index := g.pair.rest.index
	g.session.owner.Store(is)
	r.send(t, g.pair.addr)
	g.session.place(is, g)
	if pending(t, g.rtp.fd) != 0 {
		t.Error("what came before is heard")
	}
	r.send(t, g.pair.addr)
	was.ready(unix.EpollEvent{Fd: index}) // what epoll has said before comes late
	if pending(t, g.rtp.fd) == 0 {
		t.Error("the loop that it rested on has read it")
	}
	was.commands()
	if was.socks[index] != nil || is.socks[g.rtp.index] != &g.rtp {
		t.Error("the socket is where it was")
	}
	r.send(t, g.pair.addr)
	n, err := unix.EpollWait(is.epoll, is.events[:], 0)
	if err != nil || n != 1 || !is.ready(is.events[0]) {
		t.Errorf("%d events there, %v", n, err)
	}
	g.session.end(is)
	if sh := r.p.shelves[is]; sh == nil || len(sh.all) != 1 {
		t.Error("it does not rest there")
	}
}

// When no other pair is left, one that has rested is opened anew.
func TestRestGivesWay(t *testing.T) {
	r := newRests(t, 1)
	r.crowd(t, crowd)
	r.age(portRest)
	r.p.n = 0 // all others are in use
	rest := r.p.resting
	port, ok := r.p.take()
	if !ok || r.p.resting != rest-1 {
		t.Fatalf("took %d (%t), %d rest", port, ok, r.p.resting)
	}
	if err := vacantAddr(netip.AddrPortFrom(localhost, port)); err != nil {
		t.Error(err)
	}

}

// When no file is left for a call, those of what rests are given up.
func TestRestGivesFilesBack(t *testing.T) {
	r := newRests(t, 1)
	r.crowd(t, crowd)
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	less := limit
	less.Cur = 3
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &less); err != nil {
		t.Fatal(err)
	}
	_, err := r.p.open(localhost, r.e.loops[0])
	if e := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); e != nil {
		t.Fatal(e)
	}
	if !errors.Is(err, unix.EMFILE) || r.p.resting != 0 {
		t.Errorf("%v, %d rest", err, r.p.resting)
	}
}

// How many rest is bounded: by the range, by the files that the process may open, and by how many of them are open.
func TestRestIsBounded(t *testing.T) {
	r := newRests(t, 1)
	room, half, most := r.e.files.room.Load(), r.e.files.half, r.p.most
	for _, row := range []struct {
		what       string
		room       int64
		half, most int
		want       int
	}{
		{"as it is", room, half, most, 10},
		{"range", room, half, 5, 5},
		{"files", 4, half, most, 4},
		{"files in use", room, 0, most, 0},
	} {
		r.e.files.half, r.p.most = row.half, row.most
		r.e.files.room.Store(row.room)
		r.crowd(t, 10)
		if r.p.resting != row.want {
			t.Errorf("%s: %d rest, want %d", row.what, r.p.resting, row.want)
		}
		r.e.clearPorts(0, 10)
		if n := r.e.files.room.Load(); n != row.room {
			t.Errorf("%s: room for %d afterwards, was %d", row.what, n, row.room)
		}
	}
	for _, row := range []struct {
		low, high uint16
		want      int
	}{{0, 0, 0}, {21000, 21499, 0}, {21000, 21999, 125}} {
		if p := newPorts(row.low, row.high, r.e.files); p.most != row.want {
			t.Errorf("%d-%d: %d may rest, want %d", row.low, row.high, p.most, row.want)
		}
	}
}

// Calls come and go on loops that run, peers send wherever a call has been, and in the end every file is closed.
func TestRestUnderWay(t *testing.T) {
	before := openFiles(t)
	r := newRests(t, 2)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.e.Run(ctx) }()
	again := 0
	for range 20 {
		for range 2 * crowd {
			closed := make(chan struct{})
			s := r.e.Open("call", func(ev Event) {
				if ev.Kind == EventClosed {
					close(closed)
				}
			})
			local, err := s.Add(B, Side{Realm: "core", Profile: offer.RTP})
			if err != nil {
				t.Fatal(err)
			}
			r.send(t, local.RTP)
			s.Stats(func([2]LegStats) {
				if s.legs[B].pair.rest != nil {
					again++ // of one loop at a time: the next line waits
				}
			})
			s.Close()
			<-closed
			r.send(t, local.RTP)
		}
		r.p.mu.Lock()
		r.age(portRest)
		r.p.mu.Unlock()
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if again == 0 {
		t.Error("no socket was used again")
	}
	if n := openFiles(t); n != before {
		t.Errorf("%d files are left", n-before)
	}
}
