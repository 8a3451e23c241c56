package media

import (
	"runtime"
	"testing"
	"time"
)

// What other goroutines want of a session reaches it while the loops end, each in its own time.

// Two loops that end have sessions for each other: neither keeps its own closed while it waits for the other.
func TestLoopsEndWithoutEachOther(t *testing.T) {
	e, moved, _, _ := movable(t)
	was, is := e.loops[0], e.loops[1]
	if !was.give(moved, is, soon) {
		t.Fatal("not given")
	}
	is.shut()
	ended := make(chan struct{}, 1)
	last := e.Open("last", func(Event) { // in the middle of the end
		is.inbox.late.Lock()
		was.inbox.sessions = append(was.inbox.sessions, moved) // by who has asked for its owner before it moved
	})
	last.owner.Store(was)
	was.sessions[last] = struct{}{}
	go func() {
		was.shut()
		ended <- struct{}{}
	}()
	free := make(chan struct{}, 1)
	go func() {
		for stopped := false; !stopped; runtime.Gosched() {
			was.inbox.mu.Lock()
			stopped = was.inbox.stopped
			was.inbox.mu.Unlock()
		}
		was.inbox.late.Lock()
		defer was.inbox.late.Unlock()
		free <- struct{}{}
	}()
	await(t, free)
	is.inbox.late.Unlock()
	await(t, ended)
}

// Who finds that the loop has ended which the session belonged to a moment ago leaves the session to the loop that has it now.
func TestNobodyServesWhatHasMoved(t *testing.T) {
	e, s, _, closed := movable(t)
	was, is := e.loops[0], e.loops[1]
	was.inbox.mu.Lock()
	called := make(chan struct{}, 1)
	go func() {
		s.Close()
		called <- struct{}{}
	}()
	for range 10_000 { // it is at the inbox by then, as a rule
		runtime.Gosched()
	}
	if !was.give(s, is, soon) {
		t.Fatal("not given")
	}
	was.inbox.stopped = true
	was.inbox.mu.Unlock()
	await(t, called)
	if *closed != 0 {
		t.Error("served on the caller's goroutine, while another loop has it")
	}
	is.commands()
	if *closed != 1 {
		t.Errorf("closed %d times", *closed)
	}
}

// await fails when nothing comes: only a command that was lost needs so long.
func await(t *testing.T, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(20 * time.Second):
		t.Fatal("a command waits for ever")
	}
}
