package media

import (
	"context"
	"math"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/pion/stun/v4"

	"drawbridge/media/offer"
)

// doors makes an engine with a realm that browsers reach, and the sides of a call through it.
func doors(t *testing.T, loops int) (e *Engine, browser, trunk Side) {
	t.Helper()
	e, err := New(Config{Loops: loops, Realms: map[string]Realm{
		"web": {WebRTC: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}, AllowLoopback: true},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return e, Side{Realm: "web", Profile: offer.WebRTC}, Side{Realm: Inside, Profile: offer.RTP}
}

// checkFor is a browser's connectivity check of a leg.
func checkFor(t *testing.T, local offer.Local) []byte {
	t.Helper()
	m, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(local.Ufrag+":far"),
		stun.NewShortTermIntegrity(local.Pwd), stun.Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	return m.Raw
}

// New legs, what is agreed on and that the call is answered wait for whatever comes first: a packet, a turn, a command that is not to wait.
func TestNobodyIsWokenForWhatCanWait(t *testing.T) {
	e, browser, trunk := doors(t, 1)
	defer e.release()
	l, s := e.loops[0], e.Open("c", func(Event) {})
	for id, side := range map[LegID]Side{A: browser, B: trunk} {
		if _, err := s.Add(id, side); err != nil {
			t.Fatal(err)
		}
	}
	s.Bind(A, &offer.Stream{})
	s.Talking()
	if l.inbox.rung.Load() {
		t.Error("the loop is woken")
	}
	placed := false
	s.Stats(func([2]LegStats) { placed = s.talking && s.legs[B] != nil && s.legs[A] != nil && s.legs[A].bound })
	if !l.inbox.rung.Swap(false) {
		t.Error("who waits for counters waits for somebody else")
	}
	l.commands()
	if !placed {
		t.Error("what was said first is not served first")
	}
	s.Close()
	if !l.inbox.rung.Swap(false) {
		t.Error("the call's end waits")
	}
	l.commands()
}

// What can wait does not wait for ever: not with an idle loop, from whichever moment of its coming to rest and getting up, and not with one
// that carries media.
func TestWhatCanWaitIsServed(t *testing.T) {
	e, _, _ := doors(t, 2)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	var callers sync.WaitGroup
	ask := func(l *loop, times int) {
		s := e.Open("c", func(Event) {})
		s.owner.Store(l)
		served := make(chan struct{}, 1)
		for range times {
			s.queue(func(*Session, *loop) { served <- struct{}{} }, inTime)
			select {
			case <-served:
			case <-time.After(20 * time.Second): // only a broken loop needs that long
				t.Error("a command waits for ever")
				return
			}
		}
		s.Close()
	}
	for _, l := range e.loops {
		for range 3 {
			callers.Go(func() { ask(l, 2000) })
		}
	}
	callers.Wait()
	l := e.loops[0]
	l.post(soon, func(l *loop) { l.pace.busy = math.MaxInt64 })
	ask(l, 20)
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// A browser's check that is faster than any further command finds its leg.
func TestACheckFindsTheLegThatWaits(t *testing.T) {
	e, browser, _ := doors(t, 1)
	defer e.release()
	l := e.loops[0]
	s := e.Open("c", func(Event) {})
	local, err := s.Add(A, browser)
	if err != nil {
		t.Fatal(err)
	}
	src := netip.AddrPortFrom(localhost, 9) // nobody answers the answer
	l.admit(l.doors[0], checkFor(t, local), src)
	if g := s.legs[A]; g == nil || g.ice.selected != src {
		t.Error("the check has come to nothing")
	}
	s.Close()
	l.commands()
}

// What waits at the former loop of a session follows it to the next, and what comes behind it overtakes nothing.
func TestWhatWaitsMovesWithItsSession(t *testing.T) {
	for _, more := range []bool{false, true} {
		e, browser, _ := doors(t, 2)
		s := e.Open("c", func(Event) {})
		from := s.owner.Load()
		to := e.loops[1-from.index]
		if _, err := s.Add(A, browser); err != nil {
			t.Fatal(err)
		}
		if !from.give(s, to, soon) {
			t.Fatal("not given")
		}
		answered := false
		if more {
			s.Stats(func([2]LegStats) { answered = s.legs[A] != nil })
			to.commands()
		}
		to.inbox.rung.Store(false)
		from.commands()
		if !to.inbox.rung.Load() {
			t.Errorf("more %t: the loop that the session has moved to is not woken", more)
		}
		to.commands()
		if answered != more || s.legs[A] == nil {
			t.Errorf("more %t: answered %t, leg %v", more, answered, s.legs[A])
		}
		s.Close()
		to.commands()
		e.release()
	}
}

// Several goroutines have something for a session of which a command waits for nothing: none of theirs is left behind it.
func TestNothingIsLeftBehindWhatWaits(t *testing.T) {
	e, browser, _ := doors(t, 2)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	for range 300 {
		closed := make(chan struct{})
		s := e.Open("c", func(ev Event) {
			if ev.Kind == EventClosed {
				close(closed)
			}
		})
		heard := make(chan struct{}, 3)
		var callers sync.WaitGroup
		callers.Go(func() {
			if _, err := s.Add(A, browser); err != nil {
				t.Error(err)
			}
		})
		for range cap(heard) {
			callers.Go(func() { s.Stats(func([2]LegStats) { heard <- struct{}{} }) })
		}
		callers.Wait()
		for range cap(heard) {
			await(t, heard)
		}
		s.Close()
		await(t, closed)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// A session whose only command waits when the engine ends is closed as any other.
func TestWhatWaitsIsClosedWithTheEngine(t *testing.T) {
	e, browser, _ := doors(t, 1)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	closed := make(chan struct{}, 1)
	s := e.Open("c", func(ev Event) {
		if ev.Kind == EventClosed {
			closed <- struct{}{}
		}
	})
	if _, err := s.Add(A, browser); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	await(t, closed)
	if _, err := s.Add(A, browser); err != nil { // Close has not been called
		t.Error(err)
	}
	s.Close()
	if n := len(e.ufrags); n != 0 {
		t.Errorf("%d credentials are left", n)
	}
}
