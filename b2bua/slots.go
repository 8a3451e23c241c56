package b2bua

import (
	"drawbridge/media"
	"drawbridge/policy"
)

// slots are the places a call takes.
type slots struct {
	admitted bool
	a, b     *trunkSlots
}

// decide asks policy, with the call counted in, so that two calls cannot take the last slot. A call that has its slot takes no other.
func (s *Switch) decide(at *seat, a AskPolicy) policy.Decision {
	r := a.Request
	if a.Again {
		d := s.cfg.Decide(r)
		if d.Allow && a.Routed && len(s.cfg.Routes(r.Realm, r.To)) == 0 {
			return policy.Decision{Status: 404, Rule: "route/none"}
		}
		return d
	}
	r.Draining = s.draining.Load()
	r.Active = int(s.admitted.Add(1)) - 1
	at.slots.admitted = true
	t := s.trunks[r.Peer]
	if t != nil && at.call.setup.Caller.Trunk && at.call.setup.Link == nil {
		r.TrunkActive, r.TrunkLimit = int(t.used.Add(1))-1, t.trunk.MaxCalls
		at.slots.a = t
	}
	d := s.cfg.Decide(r)
	if !d.Allow {
		s.release(at)
	}
	return d
}

// claim takes a slot of a trunk for leg B, and gives back the one held before.
func (s *Switch) claim(at *seat, name string) bool {
	if at.slots.b != nil {
		at.slots.b.used.Add(-1)
		at.slots.b = nil
	}
	t := s.trunks[name]
	if t == nil {
		return true
	}
	if others := int(t.used.Add(1)) - 1; t.trunk.MaxCalls > 0 && others >= t.trunk.MaxCalls {
		t.used.Add(-1)
		return false
	}
	at.slots.b = t
	return true
}

// vacate gives back the slot of a leg that has left its call.
func (at *seat) vacate(side media.LegID) {
	slot := &at.slots.b
	if side == media.A {
		slot = &at.slots.a
	}
	if *slot != nil {
		(*slot).used.Add(-1)
		*slot = nil
	}
}

// release gives back every slot of a call. It may be called twice.
func (s *Switch) release(at *seat) {
	if at.slots.admitted {
		s.admitted.Add(-1)
	}
	if at.slots.a != nil {
		at.slots.a.used.Add(-1)
	}
	if at.slots.b != nil {
		at.slots.b.used.Add(-1)
	}
	at.slots = slots{}
}
