package shield

import (
	"time"

	"drawbridge/policy/limit"
)

// Chosen here.
const (
	trustFor    = 2 * time.Hour // after a source has proved itself; phones register more often
	trustFactor = 10            // times as much is allowed to it: many phones may be behind it
)

// Rules are what sources are judged by.
type Rules struct {
	Classes   Table
	MaxSignal limit.Rate // messages of a source that has not proved itself; one that has may send more
	Strict    bool       // nobody proves itself: a login gives no more room
	Spare     bool       // nobody is banned: alarms are one step more severe instead
}

// Record is what is remembered of a source. The zero Record is one of whom nothing is known.
type Record struct {
	trusted int64      // until
	signal  limit.Cell // of what is beyond the rate of strangers
	tallies [numClasses]Tally
}

// Trusted reports whether the source has proved itself lately.
func (s *Record) Trusted(now int64) bool { return s.trusted > now }

// Offend counts an offence. Whoever has proved itself is given more room; whoever is spared, by itself or by the rules, is never banned.
func (s *Record) Offend(r *Rules, o Offence, now int64, spared bool) Verdict {
	factor := s.factor(r, now)
	if o.Class == Signal {
		factor = 1
	}
	t, v := r.Classes[o.Class].judge(s.tallies[o.Class], now, factor, spared || r.Spare)
	s.tallies[o.Class] = t
	return v
}

// Prove notes that the source has registered or that its call was answered: it is trusted for a while, and one challenge has been answered.
func (s *Record) Prove(now int64) {
	s.trusted = now + int64(trustFor)
	if t := &s.tallies[Unanswered]; t.cur > 0 {
		t.cur--
	}
}

// Owing reports whether the source has left so many challenges unanswered that it gets no further one. A ban waits for the rule's grace,
// since the phones of an office that start together are all challenged before the first has answered; whoever tries out names sends
// hundreds in that time, and would hear the answer to each. answers says that the request brings credentials: it makes up for an earlier
// one, unless there are ever more of them. over says that the grace is over: the request is an offence.
func (s *Record) Owing(r *Rules, now int64, answers bool) (owes, over bool) {
	rule := r.Classes[Unanswered]
	room := rule.Deny * s.factor(r, now)
	if answers {
		room *= 2
	}
	t := s.tallies[Unanswered].at(now, rule.Window)
	return rule.Deny > 0 && !r.Spare && t.count(now, rule.Window) >= room, !rule.young(t, now)
}

// factor is how many times as much as a stranger's the source's offences are borne.
func (s *Record) factor(r *Rules, now int64) int {
	if s.Trusted(now) && !r.Strict {
		return trustFactor
	}
	return 1
}

// Excess judges a message beyond MaxSignal. drop says that it is one too many; an offence is only that of a source that has not proved
// itself: the address of one that has may be forged by somebody who wants to see it banned, so it may send ten times as many, and what is
// too much even then is dropped. So may one that is spared, and what is dropped of it is an alarm.
func (s *Record) Excess(r *Rules, now int64) (drop, offence bool) {
	if !r.Spare && s.factor(r, now) == 1 {
		return true, true
	}
	rate := limit.Rate{Every: r.MaxSignal.Every / trustFactor, Burst: r.MaxSignal.Burst * trustFactor}
	next, wait := rate.Take(s.signal, now)
	s.signal = next
	return wait > 0, wait > 0 && r.Spare
}
