package media

import (
	"errors"
	"runtime"
	"testing"

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
	if len(was.later) != 0 || g.rtp.waits || g.rtcp.waits {
		t.Errorf("%d sockets wait", len(was.later))
	}
	was.readLater()
	is.putOff(&g.rtp)
	is.readLater()
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
