package b2bua

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"drawbridge/sip/txn"
	"drawbridge/telemetry"
)

// Chosen here.
const (
	restFor  = 30 * time.Second // a target that is silent, or says 503 without Retry-After
	maxRest  = 10 * time.Minute // whatever Retry-After says: by then it is worth a try
	maxRests = 1024             // hops at a time
)

// rests are the hops that have failed lately. A call tries them last: rather a target in doubt than none.
type rests struct {
	some  atomic.Bool // there may be entries: most of the time nobody has to look
	mu    sync.Mutex
	until map[spot]time.Time
}

// spot is a hop out of a realm.
type spot struct {
	realm string
	hop   txn.Hop
}

// put lets a hop rest; news says that it did not rest before.
func (r *rests) put(p spot, until, now time.Time) (news bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.until == nil {
		r.until = map[spot]time.Time{}
	}
	old, known := r.until[p]
	if !known && len(r.until) >= maxRests {
		for k, t := range r.until {
			if now.After(t) {
				delete(r.until, k)
			}
		}
		if len(r.until) >= maxRests {
			return false
		}
	}
	r.until[p] = until
	r.some.Store(true)
	return !known || !now.Before(old)
}

// wake ends a rest: the hop has answered.
func (r *rests) wake(p spot) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop(p)
}

func (r *rests) drop(p spot) {
	delete(r.until, p)
	r.some.Store(len(r.until) > 0)
}

func (r *rests) on(realm string, hop txn.Hop, now time.Time) bool {
	if !r.some.Load() {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	p := spot{realm, hop}
	until, known := r.until[p]
	if known && !now.Before(until) {
		r.drop(p)
		return false
	}
	return known
}

// Resting is the number of hops that rest.
func (s *Switch) Resting() int {
	r, n, now := &s.rests, 0, s.cfg.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, until := range r.until {
		if now.Before(until) {
			n++
		}
	}
	return n
}

// rest lets a hop rest and tells the operator, once a rest.
func (s *Switch) rest(a Rest) {
	if !a.Hop.Addr.IsValid() {
		return
	}
	now, p := s.cfg.now(), spot{a.Realm, a.Hop}
	if a.For == 0 {
		s.rests.wake(p)
		return
	}
	if s.rests.put(p, now.Add(a.For), now) {
		s.cfg.Events.EmitLifecycle(telemetry.Lifecycle{
			What: "target resting", Detail: fmt.Sprintf("%s %s:%s for %s", a.Realm, a.Hop.Network, a.Hop.Addr, a.For),
		})
	}
}

// restingLast keeps the order of the candidates, but for those that rest.
func restingLast(all []Candidate) []Candidate {
	slices.SortStableFunc(all, func(a, b Candidate) int {
		switch {
		case a.resting == b.resting:
			return 0
		case a.resting:
			return 1
		}
		return -1
	})
	return all
}

// restOf is how long a target rests that has refused a call for the time being.
func restOf(no refused) time.Duration {
	if no.retryAfter == 0 {
		return restFor
	}
	return min(time.Duration(no.retryAfter)*time.Second, maxRest)
}

// tired lets the leg's target rest: it is out of service, or says nothing. Only a trunk's target has a hop.
func (l *sipLeg) tired(d time.Duration) {
	if l.uac == nil {
		return // answered long ago
	}
	if hop := l.uac.target.Hop; hop.Addr.IsValid() {
		l.do(Rest{Realm: l.party.Realm.Name, Hop: hop, For: d})
	}
}

// alive ends the rest of a target that was tried all the same.
func (l *sipLeg) alive() {
	if l.uac != nil && l.uac.target.Resting {
		l.uac.target.Resting = false
		l.tired(0)
	}
}
