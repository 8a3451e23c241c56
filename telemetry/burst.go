package telemetry

import (
	"sync"
	"time"
)

// Chosen here.
const (
	burstWindow = time.Second // style: one line a kind and second
	burstKinds  = 256         // distinct kinds in one window; the rest share one line
)

// burstKey is what refusals are summed by. All parts come from the program or its configuration, never from the wire.
type burstKey struct{ Event, Kind, Realm string }

// bursts lets the first event of a key through at once and sums those that follow within a window into one more. It needs no
// goroutine: a timer exists only while a window is open.
type bursts struct {
	line func(k burstKey, n uint64, last any) // called outside the lock

	mu   sync.Mutex
	open map[burstKey]*burst
}

type burst struct {
	count uint64 // held back in this window
	last  any    // newest event held back, for its detail
	timer *time.Timer
}

func newBursts(line func(burstKey, uint64, any)) *bursts {
	return &bursts{line: line, open: map[burstKey]*burst{}}
}

// add counts n events of k; e is kept as the example of what was held back.
func (b *bursts) add(k burstKey, n uint64, e any) {
	if b.hold(&k, n, e) {
		return
	}
	b.line(k, n, e)
}

// hold sums the event when its window is open; otherwise it opens one and says false: the event is to be written now.
func (b *bursts) hold(k *burstKey, n uint64, e any) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	w, ok := b.open[*k]
	if !ok && len(b.open) >= burstKinds {
		*k = burstKey{Event: k.Event, Kind: "other"}
		w, ok = b.open[*k]
	}
	if !ok {
		key := *k
		b.open[key] = &burst{timer: time.AfterFunc(burstWindow, func() { b.tick(key) })}
		return false
	}
	w.count += n
	w.last = e
	return true
}

// tick ends a window: what was held back becomes a line and opens the next window, silence closes it.
func (b *bursts) tick(k burstKey) {
	b.mu.Lock()
	w, ok := b.open[k]
	if !ok {
		b.mu.Unlock()
		return
	}
	n, last := w.count, w.last
	w.count, w.last = 0, nil
	if n == 0 {
		delete(b.open, k)
	} else {
		w.timer.Reset(burstWindow)
	}
	b.mu.Unlock()
	if n > 0 {
		b.line(k, n, last)
	}
}

// flush writes what is held back and closes every window: the process is about to end.
func (b *bursts) flush() {
	b.mu.Lock()
	open := b.open
	b.open = map[burstKey]*burst{}
	b.mu.Unlock()
	for k, w := range open {
		w.timer.Stop()
		if w.count > 0 {
			b.line(k, w.count, w.last)
		}
	}
}
