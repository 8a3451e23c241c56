package media

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"drawbridge/media/offer"
)

// movable is a session with one leg, on loop 0 of two that the test drives.
func movable(t *testing.T) (e *Engine, s *Session, g *leg, closed *int) {
	t.Helper()
	e, err := New(Config{Loops: 2, Realms: map[string]Realm{"core": {Bind: localhost, AllowLoopback: true}}})
	if err != nil {
		t.Fatal(err)
	}
	closed = new(int)
	s = e.Open("call", func(ev Event) {
		if ev.Kind == EventClosed {
			*closed++
		}
	})
	s.owner.Store(e.loops[0])
	g = newLeg(s, B, e.realms.get("core"), offer.RTP)
	if _, err := g.allocate(); err != nil {
		t.Fatal(err)
	}
	s.place(e.loops[0], g)
	t.Cleanup(func() {
		s.end(s.owner.Load())
		e.release()
	})
	return e, s, g, closed
}

// back has a call come back to its loop, which does not know it yet: sockets and timers are still on their way.
func back(t *testing.T, s *Session, away, home *loop) {
	t.Helper()
	away.commands()
	if !away.give(s, home, soon) || s.owner.Load() != home {
		t.Fatal("not given")
	}
}

// A call leaves its loop and comes back while the loop serves what was posted before: its commands wait for what the call brings along.
func TestGivenBackAmongCommands(t *testing.T) {
	e, s, g, closed := movable(t)
	was, is := e.loops[0], e.loops[1]
	for range 3 { // the indexes of one loop mean nothing in another
		is.socks = append(is.socks, nil)
	}
	s.Close()
	if !was.give(s, is, soon) {
		t.Fatal("not given")
	}
	was.post(soon, func(*loop) { back(t, s, is, was) })
	was.commands()
	was.commands()
	if *closed != 1 || len(was.sessions) != 0 || slices.Contains(was.socks, &g.rtp) || len(was.timers) != 0 {
		t.Errorf("closed %d times, %d sessions and %d timers are left", *closed, len(was.sessions), len(was.timers))
	}
}

// A check that another loop has handed over finds a call that has left and come back, and is still on its way: it is answered, and a later
// one moves the call.
func TestACheckDoesNotMoveACallOnItsWay(t *testing.T) {
	s, was, is, local := answered(t, true)
	was.commands()
	back(t, s, is, was)
	third := s.engine.loops[3-was.index-is.index]
	check := func() {
		if drop := was.browser(was.doors[0], third, s.legs[A], checkFor(t, local), netip.AddrPortFrom(localhost, 9)); drop != Delivered {
			t.Error(drop)
		}
	}
	was.now = 1
	if check(); s.owner.Load() != was || s.legs[A].ice.last == 0 {
		t.Fatalf("the call is on loop %d, not %d; verified at %d", s.owner.Load().index, was.index, s.legs[A].ice.last)
	}
	was.commands()
	atHome(t, s, was)
	check()
	third.commands()
	atHome(t, s, third)
}

// A socket that was put off is read by the loop that has it now, and its former one does not look at it.
func TestPutOffAndGiven(t *testing.T) {
	e, s, g, _ := movable(t)
	was, is := e.loops[0], e.loops[1]
	for range 3 { // the indexes of one loop mean nothing in another
		is.socks = append(is.socks, nil)
	}
	was.putOff(&g.rtcp.sock)
	was.putOff(&g.rtp)
	if !was.give(s, is, soon) {
		t.Fatal("not given")
	}
	is.commands()
	is.putOff(&g.rtp)
	was.readLater()
	if len(was.later) != 0 || !g.rtp.waits || g.rtcp.waits {
		t.Errorf("%d sockets wait, of the call's RTP %t, RTCP %t", len(was.later), g.rtp.waits, g.rtcp.waits)
	}
	is.readLater()
}

// A browser socket that was put off holds a check of a call whose commands have to be served first, and with them the answer of another call:
// that one leaves, while its sockets are in the list that is being read. One of them may have had its turn, and been put off anew.
func TestGivenWhileOthersAreReadLater(t *testing.T) {
	for _, turn := range []string{"has its turn after the check", "has had its turn", "has been put off anew"} {
		s, was, is, _ := answered(t, true)
		sock, door := &s.legs[B].rtp, &was.doors[0].sock
		was.now = s.engine.now()
		switch turn {
		case "has its turn after the check":
			was.putOff(door)
			was.putOff(sock)
		case "has had its turn":
			was.putOff(sock)
			was.putOff(door)
		default: // more has come than a turn reads
			heap(t, sock, 30)
			sock.last = uint32(was.now >> tickBits)
			was.putOff(sock)
			was.putOff(door)
		}
		overtaker(t, s.engine, was)
		was.readLater()
		if s.owner.Load() != is {
			t.Fatalf("%s: the call has not moved", turn)
		}
		is.commands()
		is.putOff(sock)
		was.readLater()
		if len(was.later) != 0 || !sock.waits {
			t.Errorf("%s: %d sockets wait; the call's, where it is now: %t", turn, len(was.later), sock.waits)
		}
		atHome(t, s, is)
	}
}

// heap sends more to a leg's own socket than is read at once.
func heap(t *testing.T, s *sock, packets int) {
	t.Helper()
	far, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(localhost, s.leg.pair.addr.Port())))
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	for range packets {
		if _, err := far.Write([]byte{1}); err != nil {
			t.Fatal(err)
		}
	}
}

// overtaker is a call on a loop whose browser's check waits in the loop's browser socket, and whose leg the loop does not know yet.
func overtaker(t *testing.T, e *Engine, l *loop) {
	t.Helper()
	s := e.Open("overtaker", func(Event) {})
	s.owner.Store(l)
	local, err := s.Add(A, Side{Realm: "web", Profile: offer.WebRTC})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close) // before answered has the loops serve it
	for range 100 {
		far, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		defer far.Close()
		if loopOf(far.LocalAddr().(*net.UDPAddr).AddrPort().Port(), len(e.loops)) != l.index {
			continue
		}
		if _, err := far.WriteToUDPAddrPort(checkFor(t, local), local.RTP); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatal("no port leads to the loop")
}

// Whoever finds the new owner of a session comes there after it: what the loop knows of the session is there when its commands are.
func TestGivenBeforeItIsOwned(t *testing.T) {
	e, s, g, closed := movable(t)
	was, is := e.loops[0], e.loops[1]
	is.inbox.mu.Lock()
	given := make(chan bool)
	go func() { given <- was.give(s, is, soon) }()
	for ev := (unix.EpollEvent{Events: unix.EPOLLIN}); !errors.Is(unix.EpollCtl(was.epoll, unix.EPOLL_CTL_MOD, int(g.pair.rtcp), &ev), unix.ENOENT); {
		runtime.Gosched()
	}
	for range 1000 {
		runtime.Gosched()
	}
	if s.owner.Load() == is {
		t.Error("the session belongs to a loop that does not know it yet")
	}
	is.inbox.mu.Unlock()
	if !<-given || s.owner.Load() != is {
		t.Fatal("not given")
	}
	s.Close()
	is.commands()
	if *closed != 1 || len(is.sessions) != 0 {
		t.Errorf("%d times closed, %d sessions are left", *closed, len(is.sessions))
	}
}

// A session that moves while the engine ends is closed like every other one: where it goes to, or where it has to stay.
func TestGivenToALoopThatEnds(t *testing.T) {
	for _, ended := range []bool{false, true} {
		e, s, _, closed := movable(t)
		was, is := e.loops[0], e.loops[1]
		if ended {
			is.shut()
		}
		is.stopped = true
		if given := was.give(s, is, soon); given == ended || len(was.sessions) == 1 != ended {
			t.Errorf("ended %t: given %t, %d sessions are left", ended, given, len(was.sessions))
		}
		is.commands()
		if ended {
			was.shut()
		}
		if *closed != 1 {
			t.Errorf("ended %t: closed %d times", ended, *closed)
		}
	}
}

// answered is a call whose browser leg has an answer that waits for its loop, of several that the test drives: the call is to go to
// another loop with it.
func answered(t *testing.T, legsServed bool) (s *Session, was, is *loop, local offer.Local) {
	t.Helper()
	e, browser, trunk := doors(t, 3)
	s = e.Open("c", func(Event) {})
	was = s.owner.Load()
	is = e.loops[(was.index+1)%3]
	local, err := s.Add(A, browser)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Add(B, trunk); err != nil {
		t.Fatal(err)
	}
	if legsServed {
		was.commands()
	}
	s.Bind(A, &offer.Stream{Remote: netip.AddrPortFrom(localhost, portOf(is))})
	t.Cleanup(func() {
		s.Close()
		for _, l := range e.loops {
			l.commands()
		}
		e.release()
	})
	return s, was, is, local
}

// atHome tells whether a loop, and nobody else, has what belongs to a session.
func atHome(t *testing.T, s *Session, home *loop) {
	t.Helper()
	if s.owner.Load() != home {
		t.Fatalf("the call is on loop %d, not %d", s.owner.Load().index, home.index)
	}
	if g := s.legs[B]; int(g.rtp.index) >= len(home.socks) || home.socks[g.rtp.index] != &g.rtp {
		t.Error("the loop does not know the trunk's socket")
	}
	for _, l := range s.engine.loops {
		for _, a := range l.timers {
			if a.timer.leg.session == s && l != home {
				t.Errorf("a timer of kind %d is in the heap of loop %d, the call on %d", a.timer.kind, l.index, home.index)
			}
		}
	}
}

// The answer that moves a call comes in the same round as a check that another loop has handed over: the check follows the call.
func TestAHandedOverCheckFollowsItsCall(t *testing.T) {
	s, was, is, local := answered(t, true)
	is.admit(is.doors[0], checkFor(t, local), netip.AddrPortFrom(localhost, portOf(is)))
	was.unpack()
	if s.owner.Load() != is || s.adopted || len(is.inbox.fns) != 1 {
		t.Errorf("the call is on loop %d, not %d; its check was served by the former: %t; %d commands for the new one",
			s.owner.Load().index, is.index, s.adopted, len(is.inbox.fns))
	}
	is.now = 1
	is.commands()
	is.unpack()
	if !s.adopted || s.legs[A].ice.last == 0 {
		t.Error("the check has come to nothing")
	}
	atHome(t, s, is)
}

// A check that is faster than the commands for its call, one of which moves the call: the check follows.
func TestACheckFollowsACallThatItOvertook(t *testing.T) {
	s, was, is, local := answered(t, false)
	was.now = 1
	was.admit(was.doors[0], checkFor(t, local), netip.AddrPortFrom(localhost, 9)) // another port than was said
	if s.owner.Load() != is || s.adopted {
		t.Fatalf("the call is on loop %d, not %d; its check was served by the former: %t", s.owner.Load().index, is.index, s.adopted)
	}
	is.commands()
	is.unpack() // the check has come in on the former loop, for good
	was.commands()
	was.unpack()
	if !s.adopted || s.legs[A].ice.last == 0 {
		t.Error("the check has come to nothing")
	}
	atHome(t, s, was)
}

// What a loop does before it unpacks a datagram leaves the datagram as it came.
func TestCommandsLeaveAParcelAlone(t *testing.T) {
	first, second, g, local := twoLoops(t)
	second.admit(second.doors[0], binding(local), netip.MustParseAddrPort("192.0.2.1:1000"))
	first.post(soon, func(l *loop) {
		for range 2 * len(l.made.all) {
			clear(l.slot())
		}
	})
	first.unpack()
	second.commands()
	second.unpack()
	if g.ice.last == 0 {
		t.Error("the check has come to nothing")
	}
}

// Browsers check as their answers come, on all loops at once.
func TestAnswersAndChecksAtOnce(t *testing.T) {
	e, browser, trunk := doors(t, 2)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			for range 75 {
				answerAndCheck(t, e, browser, trunk)
			}
		})
	}
	callers.Wait()
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// answerAndCheck is a call that is answered while its browser checks, and ends when the check has come to something.
func answerAndCheck(t *testing.T, e *Engine, browser, trunk Side) {
	far, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Error(err)
		return
	}
	defer far.Close()
	verified := make(chan struct{}, 1)
	s := e.Open("c", func(ev Event) {
		if ev.Kind == EventICE {
			verified <- struct{}{}
		}
	})
	defer s.Close()
	local, err := s.Add(A, browser)
	if err == nil {
		_, err = s.Add(B, trunk)
	}
	if err != nil {
		t.Error(err)
		return
	}
	check := checkFor(t, local)
	placed := make(chan struct{})
	s.Stats(func([2]LegStats) { close(placed) })
	<-placed
	if _, err := far.WriteToUDPAddrPort(check, local.RTP); err != nil {
		t.Error(err)
		return
	}
	for until := time.Now().Add(rand.N(100 * time.Microsecond)); time.Now().Before(until); { // as the loops hand the check over
	}
	s.Bind(A, &offer.Stream{Remote: far.LocalAddr().(*net.UDPAddr).AddrPort()})
	select {
	case <-verified:
	case <-time.After(20 * time.Second):
		t.Error("a check has come to nothing")
	}
}
