// Package health judges whether a target of a trunk is fit for calls: by the OPTIONS it is asked with, and by how calls to it fare. It is
// pure: a State is a value, whoever keeps it brings the time.
package health

import "time"

// Rules say when a target goes out of service and when it comes back. The zero value never takes one out.
type Rules struct {
	On      bool          // otherwise every target is fit
	Probed  bool          // by OPTIONS: only they bring a target back
	Down    int           // misses in a row that take it out
	Up      int           // good answers in a row that bring it back
	Failing int           // per cent of the last calls that take it out when they fail; 0: calls in a row only
	Hold    time.Duration // out of service at least, without OPTIONS or when it has come and gone lately; doubles each time
}

// Fate is how an OPTIONS or a call fared.
type Fate uint8

// Fates.
const (
	Good Fate = iota // an answer that says that the target lives
	Bad              // none, or one that says that it does not serve
	Busy             // 503: it lives, and has enough to do
)

// Chosen here.
const (
	window  = 20               // calls that the share of failures is taken of
	fewest  = 10               // of them, before a share says anything
	calm    = 10 * time.Minute // in service for so long, and what was before is forgotten
	longest = 10 * time.Minute // out of service without another try
)

// State is what is known of one target.
//
//	up --(Down misses in a row, or Failing % of the last calls)--> down --(Up good OPTIONS, not before the hold is over)--> up
//	                                                               down --(no OPTIONS: a call that is let through and is good)--> up
type State struct {
	down   bool
	misses uint8
	goods  uint8
	falls  uint8     // times it went down without having been calm
	recent uint32    // the last calls, the newest in the lowest bit; 1 failed
	seen   uint8     // of them
	since  time.Time // of the last change
	until  time.Time // down until then, whatever is heard
}

// Down reports whether the target is out of service, and since when it has been as it is.
func (s State) Down() (down bool, since time.Time) { return s.down, s.since }

// Fit reports whether a call may go to the target: it is in service, or it is not asked by OPTIONS and the time for a trial has come.
func (s State) Fit(r Rules, now time.Time) bool {
	return !r.On || !s.down || !r.Probed && !now.Before(s.until)
}

// Try notes that a call goes to the target. A trial is the only one until it has been judged, or until another hold is over.
func (s State) Try(r Rules, now time.Time) State {
	if s.down {
		s.until = now.Add(s.hold(r))
	}
	return s
}

// Probed judges an OPTIONS.
func (s State) Probed(f Fate, r Rules, now time.Time) State {
	switch {
	case f == Bad:
		return s.miss(r, now)
	case !s.down:
		s.misses = 0
		return s
	case f == Busy:
		s.goods = 0
		return s
	}
	s.goods = more(s.goods)
	if int(s.goods) >= r.Up && !now.Before(s.until) {
		return s.up(now)
	}
	return s
}

// Called judges a call: Bad is one that got no answer, or a refusal that speaks of the target and not of the callee.
func (s State) Called(f Fate, r Rules, now time.Time) State {
	switch {
	case f == Busy:
		return s
	case f == Good && s.down && !r.Probed:
		return s.up(now)
	case f == Good && !s.down:
		s.misses = 0
	}
	s.recent, s.seen = s.recent<<1&(1<<window-1), min(s.seen+1, window)
	if f == Good {
		return s
	}
	s.recent |= 1
	if !s.down && r.Failing > 0 && s.seen >= fewest && s.failed()*100 >= r.Failing*int(s.seen) {
		return s.fall(r, now)
	}
	return s.miss(r, now)
}

// Failing is how many of the last calls failed.
func (s State) Failing() (failed, of int) { return s.failed(), int(s.seen) }

func (s State) failed() (n int) {
	for bits := s.recent; bits != 0; bits &= bits - 1 {
		n++
	}
	return n
}

// miss counts something bad. A target that is down and is not asked by OPTIONS has failed its trial: it rests for longer.
func (s State) miss(r Rules, now time.Time) State {
	s.goods = 0
	if s.down {
		if !r.Probed && !now.Before(s.since.Add(s.hold(r))) {
			return s.fall(r, now)
		}
		return s
	}
	s.misses = more(s.misses)
	if int(s.misses) >= r.Down {
		return s.fall(r, now)
	}
	return s
}

func (s State) fall(r Rules, now time.Time) State {
	if s.down || !s.since.IsZero() && now.Sub(s.since) < calm {
		s.falls = more(s.falls)
	} else {
		s.falls = 0
	}
	s.down, s.since, s.misses, s.goods = true, now, 0, 0
	if s.until = now; !r.Probed || s.falls > 0 {
		s.until = now.Add(s.hold(r))
	}
	return s
}

func (s State) up(now time.Time) State {
	return State{since: now, falls: s.falls}
}

// hold is how long the target is out of service at least.
func (s State) hold(r Rules) time.Duration {
	n := int(s.falls)
	if r.Probed {
		n-- // the first fall is over when OPTIONS say so
	}
	d := r.Hold
	for ; n > 0 && d < longest; n-- {
		d *= 2
	}
	return min(d, longest)
}

// more counts without end.
func more(n uint8) uint8 { return min(n, 254) + 1 }
