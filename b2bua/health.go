package b2bua

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"drawbridge/policy/health"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
	"drawbridge/telemetry"
)

// maxWatched bounds the hops of one trunk whose health is known. Chosen here: as many as are learned of a name.
const maxWatched = maxLearned

// trunkState is what is known of a trunk, whatever is configured of it.
type trunkState struct {
	watch watch

	enrolled     atomic.Int64                // Unix nanoseconds that our registration lasts until
	serviceRoute atomic.Pointer[[]wire.Addr] // Route of our requests; nil: none

	shard int           // that asks its targets whether they live; what follows is its goroutine's alone
	every time.Duration // how often it does now; 0: not at all
	round txn.Timer
}

// watch is what is known of the hops of a trunk. policy/health judges.
type watch struct {
	mu   sync.Mutex
	hops map[txn.Hop]health.State
}

// take reports whether a call may go to a hop of a trunk. A hop out of service that may be tried is given to this call, and to no other
// for the time being.
func (t *trunkSlots) take(hop txn.Hop, now time.Time) (fit bool) {
	rules := t.trunk.Failover.Health
	if !rules.On {
		return true
	}
	t.judge(hop, func(h health.State) health.State {
		if fit = h.Fit(rules, now); !fit {
			return h
		}
		return h.Try(rules, now)
	})
	return fit
}

// judge replaces what is known of a hop, and returns what was and what is.
func (t *trunkSlots) judge(hop txn.Hop, by func(health.State) health.State) (was, is health.State) {
	w := &t.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	was, known := w.hops[hop]
	if is = by(was); is == was {
		return was, is
	}
	if !known && len(w.hops) >= maxWatched {
		w.forget()
	}
	if w.hops == nil {
		w.hops = map[txn.Hop]health.State{}
	}
	if known || len(w.hops) < maxWatched {
		w.hops[hop] = is
	}
	return was, is
}

// forget makes room: hops in service are as good as unknown ones.
func (w *watch) forget() {
	for hop, s := range w.hops {
		if down, _ := s.Down(); !down {
			delete(w.hops, hop)
		}
	}
}

// fared judges a call to a hop, probed an OPTIONS.
func (s *Switch) fared(a Fared) {
	t := s.view().trunks[a.Trunk]
	if t == nil {
		return
	}
	now, rules := s.cfg.now(), t.trunk.Failover.Health
	was, is := t.judge(a.Hop, func(h health.State) health.State { return h.Called(a.Fate, rules, now) })
	s.tellHealth(t, a.Hop, was, is, "calls")
}

func (s *Switch) probed(t *trunkSlots, hop txn.Hop, f health.Fate) {
	now, rules := s.cfg.now(), t.trunk.Failover.Health
	was, is := t.judge(hop, func(h health.State) health.State { return h.Probed(f, rules, now) })
	s.tellHealth(t, hop, was, is, "OPTIONS")
}

// tellHealth tells the operator when a target has gone out of service, or has come back.
func (s *Switch) tellHealth(t *trunkSlots, hop txn.Hop, was, is health.State, by string) {
	before, _ := was.Down()
	after, _ := is.Down()
	if before == after {
		return
	}
	what := "target up"
	if after {
		what = "target down"
	} else {
		s.rests.wake(spot{t.trunk.Realm, hop})
	}
	s.cfg.Events.EmitLifecycle(telemetry.Lifecycle{What: what, Detail: fmt.Sprintf("trunk %s %s:%s by %s", t.trunk.Name, hop.Network, hop.Addr, by)})
}

// HopsDown is the number of targets out of service, by trunk: of those that DNS names now. Of a trunk that nobody watches there is none.
func (s *Switch) HopsDown() map[string]int {
	out := map[string]int{}
	for name := range s.view().trunks {
		out[name] = 0
		for _, h := range s.Targets(name) {
			if h.State == "down" || h.State == "trial" {
				out[name]++
			}
		}
	}
	return out
}
