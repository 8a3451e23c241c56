package media

// timer is a node of a loop's timer heap. It lives inside what it wakes, so arming allocates nothing; the zero value is not armed.
type timer struct {
	at   int64 // nanoseconds since the engine was made
	pos  int32 // index in the heap plus one; 0 when not armed
	kind timerKind
	leg  *leg
}

type timerKind uint8

const (
	timerPlay    timerKind = iota // a frame of the play-out ring is due
	timerDigit                    // a packet of a digit that we generate is due
	timerEvent                    // a telephone-event that comes in has fallen silent
	timerReport                   // RTCP
	timerConsent                  // no connectivity check for too long
	timerSilence                  // media that is due has to be looked for
	numTimers                     // of every leg
	timerCall                     // a peer that waits to be called, after a failure
)

// timers is a heap by due time. What decides stands in the heap itself, and the four below a place side by side: with a thousand calls, to look
// it up in the timers, which nobody has touched for seconds, was a cache miss for each comparison.
type timers []armed

// armed is one place of the heap.
type armed struct {
	at    int64 // the timer's
	timer *timer
}

const below = 4

// wait is how long epoll may sleep, in milliseconds rounded up; -1 when nothing is due ever.
func (h timers) wait(now int64) int {
	if len(h) == 0 {
		return -1
	}
	return millis(h[0].at - now)
}

// arm sets a timer, or moves it.
func (l *loop) arm(t *timer, at int64) {
	t.at = at
	if t.pos == 0 {
		l.timers = append(l.timers, armed{})
		t.pos = int32(len(l.timers))
	}
	l.timers.place(int(t.pos)-1, armed{at, t})
}

// disarm takes a timer out; harmless when it is not armed.
func (l *loop) disarm(t *timer) {
	if t.pos == 0 {
		return
	}
	i, last := int(t.pos)-1, len(l.timers)-1
	moved := l.timers[last]
	l.timers[last] = armed{}
	l.timers = l.timers[:last]
	t.pos = 0
	if i < last {
		l.timers.place(i, moved)
	}
}

// clock fires what is due, as far as the budget of frames goes.
func (l *loop) clock() {
	for plays := 0; len(l.timers) > 0 && l.timers[0].at <= l.now; {
		t := l.timers[0].timer
		if t.kind == timerPlay {
			if plays++; plays > frameBudget {
				return // in the next round
			}
		}
		l.late(l.now - t.at)
		l.disarm(t)
		t.leg.fire(l, t)
	}
}

// place puts a timer where it belongs; i is free.
func (h timers) place(i int, p armed) {
	i = h.up(i, p.at)
	i = h.down(i, p.at)
	h.put(i, p)
}

// up moves those above a free place that are due later than at, and returns the place that is free then.
func (h timers) up(i int, at int64) int {
	for i > 0 {
		parent := (i - 1) / below
		if h[parent].at <= at {
			break
		}
		h.put(i, h[parent])
		i = parent
	}
	return i
}

// down moves those below a free place that are due earlier than at, and returns the place that is free then.
func (h timers) down(i int, at int64) int {
	for {
		first := below*i + 1
		if first >= len(h) {
			return i
		}
		least := first
		for c := first + 1; c < min(first+below, len(h)); c++ {
			if h[c].at < h[least].at {
				least = c
			}
		}
		if h[least].at >= at {
			return i
		}
		h.put(i, h[least])
		i = least
	}
}

func (h timers) put(i int, p armed) {
	h[i] = p
	p.timer.pos = int32(i) + 1
}
