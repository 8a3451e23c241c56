package b2bua

import (
	"slices"
	"time"

	"drawbridge/policy"
	"drawbridge/telemetry"
)

// tries is what the hunt has tried so far, for the record. A call that is answered where it was sent first has none: its leg says all.
type tries struct {
	since time.Time // when the targets of the current candidate were called
	all   []telemetry.Attempt
}

// mostTries bounds what a record says of a hunt. Chosen here: two candidates of an account with all its devices, or every round of a call.
const mostTries = maxRounds

func (t *tries) add(a telemetry.Attempt) {
	if len(t.all) < mostTries {
		t.all = append(t.all, a)
	}
}

// tried notes how a target has answered; cause is why it was left, status 0 that no answer came.
func (c *Call) tried(id LegID, status int, cause Cause) {
	h := c.hunt
	i := slices.Index(h.branches, id)
	if i < 0 || h.current == nil || i >= len(h.current.Targets) { // a leg that a transfer has made
		return
	}
	a := telemetry.Attempt{
		Peer: h.current.Callee.Name, Start: c.tries.since.UTC(), MS: c.out.now.Sub(c.tries.since).Milliseconds(),
		Status: status, Q850: cause.Q850, Text: cause.Text,
	}
	if hop := h.current.Targets[i].Hop; h.current.Callee.Trunk && hop.Addr.IsValid() { // where an account is, is nobody's business
		a.Target = hop.Network + ":" + hop.Addr.String()
	}
	c.tries.add(a)
}

// full notes a candidate that was not called, by which rule.
func (c *Call) full(no policy.Decision) {
	c.tries.add(telemetry.Attempt{Peer: c.hunt.current.Callee.Name, Start: c.out.now.UTC(), Rule: no.Rule})
}

// settle notes what became of the targets that had not answered when the hunt ended; winner is the leg that has.
func (c *Call) settle(winner LegID, others Cause) {
	if c.hunt == nil || len(c.tries.all) == 0 && len(c.hunt.branches) < 2 {
		return
	}
	for _, id := range c.hunt.branches {
		switch {
		case id == winner:
			c.tried(id, 200, Cause{})
		case !c.failed(id):
			c.tried(id, 0, others)
		}
	}
}
