package b2bua

import (
	"time"

	"drawbridge/sip/txn"
)

// TargetHealth is what is known of one hop of a trunk.
type TargetHealth struct {
	Target string     `json:"target"`          // as configured
	Hop    string     `json:"hop,omitempty"`   // "" while DNS has not said
	State  string     `json:"state"`           // "up", "resting": tried last, "down": gets no call, "trial": down, and the next call tries it, "unknown": no address yet
	Since  *time.Time `json:"since,omitempty"` // of its last change
	Failed int        `json:"failed"`          // of the last calls
	Calls  int        `json:"calls"`
}

// Targets are the targets of a trunk as they are now, in the order in which they are tried; nobody is asked. nil: there is no such trunk.
func (s *Switch) Targets(trunk string) []TargetHealth {
	t := s.view().trunks[trunk]
	if t == nil {
		return nil
	}
	var all []TargetHealth
	for _, u := range t.trunk.Targets {
		hops, _ := s.cfg.Hops(t.trunk.Realm, u, nil)
		if len(hops) == 0 {
			all = append(all, TargetHealth{Target: u.String(), State: "unknown"})
		}
		for _, hop := range hops {
			all = append(all, s.health(t, u.String(), t.party.named(hop)))
		}
	}
	return all
}

func (s *Switch) health(t *trunkSlots, target string, hop txn.Hop) TargetHealth {
	now, rules := s.cfg.now(), t.trunk.Failover.Health
	t.watch.mu.Lock()
	known := t.watch.hops[hop]
	t.watch.mu.Unlock()
	h := TargetHealth{Target: target, Hop: hop.Network + ":" + hop.Addr.String(), State: "up"}
	h.Failed, h.Calls = known.Failing()
	down, since := known.Down()
	if !since.IsZero() {
		h.Since = &since
	}
	switch {
	case down && known.Fit(rules, now):
		h.State = "trial"
	case down:
		h.State = "down"
	case s.rests.on(t.trunk.Realm, hop, now):
		h.State = "resting"
	}
	return h
}
