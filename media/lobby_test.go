package media

import (
	"context"
	"sync"
	"testing"
	"time"
)

// An idle loop hears every command, from whichever moment of its coming to rest and getting up it was called: one lost call hangs here.
func TestNoCallIsLostInTheLobby(t *testing.T) {
	e, err := New(Config{Loops: 2})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	var callers sync.WaitGroup
	for _, l := range e.loops {
		for range 3 {
			callers.Go(func() {
				served := make(chan struct{}, 1)
				for range 2000 {
					l.post(soon, func(*loop) { served <- struct{}{} })
					select {
					case <-served:
					case <-time.After(20 * time.Second): // only a broken loop needs that long
						t.Error("a command waits for ever")
						return
					}
				}
			})
		}
	}
	callers.Wait()
	for _, l := range e.loops {
		if l.count.busy.Load() {
			t.Error("commands alone make a loop busy")
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// A timer gets a loop out of the lobby too.
func TestATimerEndsTheWait(t *testing.T) {
	e, err := New(Config{Loops: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer e.release()
	l := e.loops[0]
	begin := time.Now()
	if n, err := l.lobby.sit(l, 30); n != 0 || err != nil {
		t.Errorf("%d events, %v", n, err)
	}
	if d := time.Since(begin); d < 30*time.Millisecond {
		t.Errorf("waited %v", d)
	}
}

// The program is told how many loops carry media, once for each change.
func TestSpare(t *testing.T) {
	var told []int
	e, err := New(Config{Loops: 2, Spare: func(busy int) { told = append(told, busy) }})
	if err != nil {
		t.Fatal(err)
	}
	defer e.release()
	e.spare()
	for _, l := range e.loops {
		l.now = int64(time.Minute)
		l.yield(true)
		e.spare()
		e.spare()
	}
	e.loops[1].now += int64(2 * lull)
	e.loops[1].yield(false)
	e.spare()
	if len(told) != 3 || told[0] != 1 || told[1] != 2 || told[2] != 1 {
		t.Errorf("told %v, want [1 2 1]", told)
	}
}
