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
	numTimers
)

// timers is a binary heap by due time.
type timers []*timer

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
		l.timers = append(l.timers, t)
		t.pos = int32(len(l.timers))
		l.timers.up(int(t.pos) - 1)
		return
	}
	l.timers.fix(int(t.pos) - 1)
}

// disarm takes a timer out; harmless when it is not armed.
func (l *loop) disarm(t *timer) {
	if t.pos == 0 {
		return
	}
	i, last := int(t.pos)-1, len(l.timers)-1
	l.timers.swap(i, last)
	l.timers[last] = nil
	l.timers = l.timers[:last]
	t.pos = 0
	if i < last {
		l.timers.fix(i)
	}
}

// clock fires what is due, as far as the budget of frames goes.
func (l *loop) clock() {
	for plays := 0; len(l.timers) > 0 && l.timers[0].at <= l.now; {
		t := l.timers[0]
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

func (h timers) fix(i int) {
	if !h.up(i) {
		h.down(i)
	}
}

func (h timers) up(i int) (moved bool) {
	for i > 0 {
		parent := (i - 1) / 2
		if h[parent].at <= h[i].at {
			break
		}
		h.swap(i, parent)
		i, moved = parent, true
	}
	return moved
}

func (h timers) down(i int) {
	for {
		least := i
		for c := 2*i + 1; c <= 2*i+2 && c < len(h); c++ {
			if h[c].at < h[least].at {
				least = c
			}
		}
		if least == i {
			return
		}
		h.swap(i, least)
		i = least
	}
}

func (h timers) swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].pos, h[j].pos = int32(i)+1, int32(j)+1
}
