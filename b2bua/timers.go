package b2bua

import (
	"slices"
	"time"
)

// Fixed by RFC 3261: table 4, sections 13.3.1.1, 13.3.1.4 and 16.6.
const (
	t1           = 500 * time.Millisecond
	t2           = 4 * time.Second
	lifetime     = 64 * t1           // 2xx waits for its ACK, CANCEL for its final response, a tombstone for stragglers
	timerC       = 185 * time.Second // longer than 3 minutes
	ringInterval = 60 * time.Second  // a provisional response each minute keeps proxies from cancelling
)

// Chosen here.
const (
	ringLimit     = 90 * time.Second // longer than carriers' own 60 s no-answer
	impatience    = 3 * time.Second  // to the first response of a target when another one waits
	mediaRetry    = 5 * time.Second  // Retry-After when no media ports are left: they rest a while after a call
	lookupLimit   = 6 * time.Second  // to the hops of a target: the resolver gives up before
	sessionLength = 30 * time.Minute // Session-Expires that we ask for (RFC 4028 section 4 suggests it)
)

// TimerKind names a duty of a timer. A leg or call has at most one of each.
type TimerKind uint8

const (
	ringTimer       TimerKind = iota // call: nobody answers, has reserved, or says how a transfer went
	lookupTimer                      // call: DNS does not answer
	progressTimer                    // UAC: Timer C
	patienceTimer                    // UAC: no response at all while another target waits
	refreshTimer                     // UAS: repeat the 1xx
	repeatTimer                      // UAS: repeat the 2xx
	ackTimer                         // UAS: give up on the ACK
	cancelTimer                      // UAC: give up on the answer to a cancelled INVITE
	sessionTimer                     // refresh the session
	expiryTimer                      // the session has expired
	glareTimer                       // try the re-INVITE again after 491
	prackTimer                       // UAS: repeat the reliable 18x
	prackLimitTimer                  // UAS: give up on its PRACK
)

// Timer is the key of a running timer.
type Timer struct {
	Leg  LegID
	Kind TimerKind
}

// ticking is a timer that runs.
type ticking struct {
	key Timer
	due time.Time
}

// timers are those of a call that run, in the order in which they were started. A call has a handful, and few of them ever run out: it keeps
// them itself, and its seat has one timer of the shard for whichever is due first.
type timers []ticking

// start sets a timer; one that runs already is set anew.
func (t *timers) start(key Timer, due time.Time) {
	const handful = 4
	t.stop(key)
	if *t == nil {
		*t = make(timers, 0, handful)
	}
	*t = append(*t, ticking{key, due})
}

// stop ends a timer, if it runs.
func (t *timers) stop(key Timer) {
	if i := slices.IndexFunc(*t, func(r ticking) bool { return r.key == key }); i >= 0 {
		*t = slices.Delete(*t, i, i+1)
	}
}

// first is the timer that is due first: of several the one that was started first. ok is false when none runs.
func (t timers) first() (next ticking, ok bool) {
	for i, r := range t {
		if i == 0 || r.due.Before(next.due) {
			next = r
		}
	}
	return next, len(t) > 0
}
