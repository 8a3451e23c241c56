package main

import (
	"runtime"
	"testing"
)

// Memory goes back when there is much of it and the heap is at rest.
func TestMemoryIsReleasedAtRest(t *testing.T) {
	const mb = 1 << 20
	for _, c := range []struct {
		what        string
		before, now heap
		want        bool
	}{
		{"after a burst", heap{allocated: 500 * mb}, heap{allocated: 502 * mb, live: 20 * mb, free: 80 * mb}, true},
		{"in a burst", heap{allocated: 500 * mb}, heap{allocated: 600 * mb, live: 20 * mb, free: 80 * mb}, false},
		{"little to give", heap{allocated: 500 * mb}, heap{allocated: 500 * mb, live: 4 * mb, free: 15 * mb}, false},
		{"in use", heap{allocated: 500 * mb}, heap{allocated: 501 * mb, live: 100 * mb, free: 60 * mb}, false},
	} {
		if got := c.now.rests(c.before); got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
	}
}

// The collector takes its time under load, and not by turns.
func TestCollectorsPace(t *testing.T) {
	percent := gcQuiet
	for i, c := range []struct {
		mb   uint64 // allocated in a second
		want int
	}{{0, gcQuiet}, {18, gcQuiet}, {20, gcPercent}, {18, gcPercent}, {13, gcQuiet}, {18, gcQuiet}, {500, gcPercent}} {
		if percent = (heap{allocated: c.mb << 20}).percent(heap{}, percent); percent != c.want {
			t.Errorf("second %d: %d, want %d", i, percent, c.want)
		}
	}
}

// The figures are those of the runtime: what is allocated shows.
func TestHeapNow(t *testing.T) {
	before := heapNow()
	b := make([]byte, 8<<20)
	now := heapNow()
	runtime.KeepAlive(b)
	if now.allocated-before.allocated < 8<<20 || now.free == 0 {
		t.Errorf("%+v, then %+v", before, now)
	}
}
