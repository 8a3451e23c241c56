package txn

import "time"

// expirer is what a timer wakes: a transaction, which knows its timers by kind, or a user's function.
type expirer interface{ expire(kind timerKind) }

type timerKind uint8

const (
	retry timerKind = iota // A, E, G, and the wait for 100 Trying: something is sent again
	life                   // B, D, F, H, I, J, L, M: a state ends
)

type userTimer func()

func (fn userTimer) expire(timerKind) { fn() }

// Timer is a timer of a shard's heap. The zero value is a stopped timer. It belongs to the shard's goroutine.
type Timer struct {
	clock *clock
	entry *timerEntry
	gen   uint32
}

// Stop ends the timer; its function will not run. A timer that has fired or was stopped stays so.
func (t *Timer) Stop() {
	if t.Active() {
		if t.entry.slot != nil {
			t.clock.leave(t.entry)
		} else {
			t.clock.heap.remove(t.entry.at)
		}
		t.clock.release(t.entry)
	}
	*t = Timer{}
}

// Active reports whether the timer is going to fire.
func (t *Timer) Active() bool { return t.entry != nil && t.entry.gen == t.gen }

// timerEntry is used again after it has fired or was stopped; gen tells the uses apart.
type timerEntry struct {
	due   time.Duration // since clock.start
	seq   uint64        // timers due at the same time fire in the order they were set
	owner expirer
	kind  timerKind
	at    int   // place in the heap, or in the slot
	slot  *slot // nil: the timer stands in the heap by itself
	gen   uint32
}

// clock is a shard's timer heap, driven by one time.Timer.
type clock struct {
	start time.Time
	tick  *time.Timer
	armed time.Duration // when tick fires, 0 when it does not
	seq   uint64
	set   int // timers that run
	heap  timerHeap
	slots map[time.Duration]*slot // by due
	spare []*slot                 // empty
	free  []*timerEntry

	near [nearSlots]*slot // those that were joined last, by their points of the grid
}

// grid is what the ends of long timers are moved to. Each call leaves half a dozen behind that run for half a minute; one by one they would
// wake an idle process a thousand times a second at a few hundred calls/s. Chosen here: a twentieth of a second in no less than
// longTimer is nobody's concern. What is sent again is sent on time.
const (
	grid      = 50 * time.Millisecond
	longTimer = 2 * time.Second
)

// spareTimers is how many stopped timers are kept to be set again. Chosen here: a second's, of many calls.
const spareTimers = 2048

// newClock makes a clock. The grids and the days of all clocks are the same.
func newClock() *clock {
	now := time.Now()
	return &clock{start: now.Add(-time.Duration(now.UnixNano() % int64(dayLength))), slots: make(map[time.Duration]*slot)}
}

// gridded reports whether the end of a timer is moved to the grid.
func gridded(d time.Duration, kind timerKind) bool { return kind == life && d >= longTimer }

// due is when a timer fires that is set for d from now.
func (c *clock) due(d time.Duration, kind timerKind) time.Duration {
	at := c.now() + max(d, 0)
	if gridded(d, kind) {
		at = (at + grid - 1) / grid * grid
	}
	return at
}

func (c *clock) now() time.Duration { return time.Since(c.start) }

// entry takes a timer that is free.
func (c *clock) entry(owner expirer, kind timerKind) *timerEntry {
	var e *timerEntry
	if n := len(c.free); n > 0 {
		e, c.free = c.free[n-1], c.free[:n-1]
	} else {
		e = new(timerEntry)
	}
	c.seq++
	c.set++
	e.seq, e.owner, e.kind = c.seq, owner, kind
	return e
}

func (c *clock) after(d time.Duration, owner expirer, kind timerKind) Timer {
	e := c.entry(owner, kind)
	e.due = c.due(d, kind)
	if gridded(d, kind) {
		c.join(e)
	} else {
		c.heap.push(e)
	}
	return Timer{clock: c, entry: e, gen: e.gen}
}

// at wakes owner at a point of the grid.
func (c *clock) at(due time.Duration, owner expirer) Timer {
	e := c.entry(owner, life)
	e.due = due
	c.join(e)
	return Timer{clock: c, entry: e, gen: e.gen}
}

func (c *clock) release(e *timerEntry) {
	e.gen++
	e.owner, e.slot = nil, nil
	c.set--
	if len(c.free) < spareTimers {
		c.free = append(c.free, e)
	}
}

// next takes the timer that is due, if there is one that was set up to last.
func (c *clock) next(last uint64) (expirer, timerKind, bool) {
	if len(c.heap) == 0 || c.heap[0].due > c.now() || c.heap[0].seq > last {
		return nil, 0, false
	}
	e := c.heap[0].entry
	if s, ok := e.owner.(*slot); ok {
		e = s.timers[s.first]
		c.leave(e)
	} else {
		c.heap.remove(0)
	}
	owner, kind := e.owner, e.kind
	c.release(e)
	return owner, kind, true
}

// arm sets tick to the first timer.
func (c *clock) arm() {
	if len(c.heap) == 0 {
		if c.armed != 0 {
			c.tick.Stop()
			c.armed = 0
		}
		return
	}
	if due := c.heap[0].due; due != c.armed {
		c.armed = due
		c.tick.Reset(due - c.now())
	}
}
