package media

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestPortsRest: a range that is used up says so, and a pair that is given back is used again when it has rested, not before.
func TestPortsRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const low = 20100
		p := newPorts(low, low+5, newFiles(func() {}))
		used := map[uint16]bool{}
		for range 3 {
			port, ok := p.take()
			if !ok || port%2 != 0 || port < low || port > low+4 || used[port] {
				t.Fatalf("took %d (%t) beside %v", port, ok, used)
			}
			used[port] = true
		}
		if _, ok := p.take(); ok || p.inUse() != 3 {
			t.Errorf("a fourth pair was found, %d in use", p.inUse())
		}
		if _, err := p.open(localhost, nil); !errors.Is(err, ErrNoPorts) {
			t.Errorf("open: %v", err)
		}
		p.give(low + 2)
		time.Sleep(portRest - time.Millisecond)
		if _, ok := p.take(); ok {
			t.Error("a pair was used before it had rested")
		}
		time.Sleep(time.Millisecond)
		if port, ok := p.take(); !ok || port != low+2 {
			t.Errorf("took %d (%t) when it had rested", port, ok)
		}
	})
}

// The pair that has rested longest goes first, so that one that has just been given back is the last to be heard of again.
func TestPortsQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPorts(20100, 20199, newFiles(func() {}))
		first, _ := p.take()
		p.give(first)
		time.Sleep(time.Hour)
		for range 49 {
			if port, ok := p.take(); !ok || port == first {
				t.Fatalf("took %d (%t) before all others", port, ok)
			}
		}
		if port, ok := p.take(); !ok || port != first {
			t.Errorf("took %d (%t) at last, want %d", port, ok, first)
		}
	})
}
