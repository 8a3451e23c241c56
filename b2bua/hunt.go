package b2bua

import (
	"cmp"
	"slices"

	"drawbridge/media"
	"drawbridge/media/offer"
	"drawbridge/policy"
	"drawbridge/sip/wire"
)

// hunt is the way through the candidates (RFC 3261 section 16.7 in spirit: we are a UA on both sides, but the caller sees one outcome).
type hunt struct {
	candidates []Candidate // not tried yet
	current    *Candidate  // nil before the first
	branches   []LegID     // legs of the current candidate
	alerted    bool        // a 18x of the current candidate has been passed on: no other one after that
	failures   []refused
	worst      outcome
	moves      *moves // 3xx; nil without
	round      int    // candidates turned to: tells a late answer of DNS
}

// maxRounds bounds the candidates that a call turns to. Chosen here: two trunks with all the hops that DNS may name, and a few more.
const maxRounds = 32

// outcome is what is known of the failed candidates.
type outcome struct {
	cause   Cause            // the last answer of a target
	spoke   bool             // some target has given a final response
	full    *policy.Decision // by a limit, of a candidate that was not tried; nil: none
	refusal *policy.Decision // by a rule, of a target that a trunk has named; nil: none
}

// refuse keeps the first refusal of a target that was not dialled.
func (w *outcome) refuse(d policy.Decision) {
	if w.refusal == nil {
		d.Status = cmp.Or(d.Status, 403)
		w.refusal = &d
	}
}

// tryNext turns to the next candidate: a slot of its trunk, then media in its realm, then its targets.
func (c *Call) tryNext() {
	h := c.hunt
	h.branches, h.failures = nil, nil
	if c.judgeMoved() {
		return
	}
	if len(h.candidates) == 0 {
		c.exhausted()
		return
	}
	h.current, h.candidates = &h.candidates[0], h.candidates[1:]
	if h.round++; h.round > maxRounds {
		c.exhausted()
		return
	}
	if h.current.unresolved() {
		c.out.do(AskHops{h.round, *h.current})
		c.out.start(noLeg, lookupTimer, lookupLimit)
		return
	}
	c.out.do(Claim{Callee: h.current.Callee, Mixed: c.mixed()})
}

// found puts the hops of a target where the target was; those that rest come last of all. None: DNS knows no way, or none in time.
func (c *Call) found(ev Found) {
	h := c.hunt
	if ev.Round != h.round || h.current == nil || !h.current.unresolved() {
		return
	}
	c.out.stop(noLeg, lookupTimer)
	ways, _ := c.passable(ev.Candidates)
	awake := ways
	for len(awake) > 0 && awake[len(awake)-1].resting {
		awake = awake[:len(awake)-1]
	}
	h.candidates = slices.Concat(awake, h.candidates, ways[len(awake):])
	c.tryNext()
}

func (c *Call) claimed(ev Claimed) {
	to := c.hunt.current
	if ev.Plain {
		to.Callee = to.Callee.speaking(c.near())
	}
	if !ev.Granted || ev.Plain && len(to.Callee.Codecs) == 0 {
		full := ev.Refusal
		c.hunt.worst.full = &full
		c.full(full)
		c.tryNext()
		return
	}
	c.out.do(AskMedia{media.B, to.Callee.mediaSide()})
}

// near are the codecs that the caller may come to speak.
func (c *Call) near() []offer.Codec {
	if said := c.a.Shared(); said != nil {
		return said
	}
	return c.setup.Caller.Codecs // it waits for our offer
}

// mixed reports whether the current candidate may answer with a codec that the caller does not speak.
func (c *Call) mixed() bool {
	near := c.near()
	return slices.ContainsFunc(c.hunt.current.Callee.Codecs, func(far offer.Codec) bool { return !speaks(near, far.Name) })
}

// speaking is the party with those of its codecs alone that somebody else speaks, too.
func (p *Party) speaking(near []offer.Codec) *Party {
	plain := *p
	plain.Codecs = slices.DeleteFunc(slices.Clone(p.Codecs), func(c offer.Codec) bool { return !speaks(near, c.Name) })
	return &plain
}

// fork dials every target of the candidate at once. They share one media endpoint: who answers first gets it.
func (c *Call) fork(ev Opened) {
	h := c.hunt
	if ev.Err != nil {
		c.noMedia()
		return
	}
	in := c.seed()
	c.tries.since = c.out.now
	for i := range h.current.Targets {
		t := &h.current.Targets[i]
		id := LegID(len(c.legs))
		core := newLegCore(c.out, id, h.current.Callee, c.cfg.serial+uint64(id))
		core.sdp.Suit(c.a.Shared()...)
		var leg Leg
		if t.Join != nil {
			c.partOf(c.setup.ID)
			leg = newAsking(core, t.Join, c.setup.Caller)
		} else if t.Line != nil {
			leg = newCalleeLine(core, t.Line, c.setup, c.private())
		} else {
			leg = newUAC(core, t, c.setup, c.cfg.session)
		}
		c.legs = append(c.legs, leg)
		h.branches = append(h.branches, id)
		if err := leg.Open(ev.Local); err != nil {
			c.hangup(failure(statusOf(err), byGateway))
			return
		}
		leg.Dial(in, len(h.candidates) == 0)
	}
	c.out.start(noLeg, ringTimer, c.cfg.ring)
}

// branchFailed waits for the last branch of a candidate; then the best answer counts.
func (c *Call) branchFailed(ev refused) {
	h := c.hunt
	h.failures = append(h.failures, ev)
	status := ev.cause.SIP
	if ev.unreachable {
		status = 0
	}
	c.tried(ev.leg, status, ev.cause)
	if ev.cause.SIP >= 600 && !ev.goesOn && !h.current.urgent { // a 6xx speaks for the user: it ends the hunt
		c.fail(ev)
		return
	}
	for _, id := range h.branches {
		if !c.failed(id) {
			return
		}
	}
	best := h.best()
	h.worst.cause = best.cause
	h.worst.spoke = h.worst.spoke || !best.unreachable
	if c.redirected(best) {
		return
	}
	c.handOn(best)
	if h.alerted || !h.current.urgent && !elsewhere(best, h.current.Callee.reroute()) {
		c.fail(best)
		return
	}
	c.tryNext()
}

// fail tells the caller what the callee's side has said, and when to try again if it said so.
func (c *Call) fail(no refused) {
	if l, ok := c.a.(*sipLeg); ok && callerStatus(no.cause, c.setup.Caller) == no.cause.SIP {
		l.retryAfter = no.retryAfter
	}
	c.hangup(no.cause)
}

// failed reports whether a branch of the current candidate has given up.
func (c *Call) failed(id LegID) bool {
	for _, f := range c.hunt.failures {
		if f.leg == id {
			return true
		}
	}
	return false
}

// best picks the answer that says most: what a target has said beats silence, a lower class beats a higher one (RFC 3261 section 16.7).
func (h *hunt) best() refused {
	best := h.failures[0]
	for _, f := range h.failures[1:] {
		switch {
		case best.unreachable != f.unreachable:
			if best.unreachable {
				best = f
			}
		case f.cause.SIP/100 < best.cause.SIP/100:
			best = f
		}
	}
	return best
}

// goesOn reports whether the hunt goes on behind a 6xx of the party.
func (p *Party) goesOn(m *wire.Message) bool {
	return m.Status >= 600 && p.Profile != nil && p.Profile.Call.On6xx == "next"
}

// exhausted tells the caller why no candidate was left.
func (c *Call) exhausted() {
	w := c.hunt.worst
	switch {
	case w.refusal != nil:
		c.refuse(*w.refusal)
	case w.spoke:
		c.hangup(w.cause)
	case w.cause.SIP != 0: // nobody was reachable
		c.hangup(Cause{SIP: c.cfg.allDown, Q850: w.cause.Q850, Text: "no target reachable", By: byGateway})
	case w.full != nil:
		c.refuse(*w.full)
	default:
		c.hangup(failure(c.cfg.allDown, byGateway))
	}
}
