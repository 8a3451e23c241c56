package b2bua

import (
	"drawbridge/media"
	"drawbridge/telemetry"
)

// admit asks whether this caller may call that number at all.
func (c *Call) admit(ev Event) {
	switch ev := ev.(type) {
	case Invited:
		c.begin(ev.Setup)
		if no := ev.Setup.Refusal; no != nil {
			c.refuse(*no)
			return
		}
		c.out.do(AskPolicy{Request: c.setup.Caller.attempt(c.setup.From, c.setup.To)})
	case Decided:
		if !ev.Decision.Allow {
			c.refuse(ev.Decision)
			return
		}
		c.phase = routing
		if r := c.setup.Replaces; r != nil {
			c.route(Routed{Candidates: joins(*r)})
			return
		}
		c.out.do(c.setup.routesTo(c.setup.To))
	}
}

// begin makes the caller's leg and reports the attempt.
func (c *Call) begin(s *Setup) {
	c.setup, c.times.start = s, c.out.now
	c.origin.private, c.moved = s.Private, s.Moved
	switch {
	case s.Link != nil:
		c.a = newAsked(newLegCore(c.out, legA, inside(""), c.cfg.serial), *s.Link, s.Caller)
	case s.Line != nil:
		c.a = newCallerLine(newLegCore(c.out, legA, s.Caller, c.cfg.serial), s)
	default:
		c.a = newUAS(newLegCore(c.out, legA, s.Caller, c.cfg.serial), s, c.cfg.session)
	}
	c.legs = append(c.legs, c.a)
	c.out.do(Started(telemetry.CallStarted{
		Call: string(s.ID), At: c.out.now, From: s.From, To: s.To, Realm: s.party().Realm.Name, Peer: s.party().Name,
	}))
}

// route takes the candidates for the number, and asks for the caller's media.
func (c *Call) route(ev Event) {
	found, ok := ev.(Routed)
	if !ok {
		return
	}
	if found.Full != nil {
		c.refuse(*found.Full)
		return
	}
	if len(found.Candidates) == 0 {
		c.over.rule = found.Rule
		c.hangup(failure(found.Status, byGateway))
		return
	}
	ways, no := c.passable(found.Candidates)
	if no != nil {
		c.refuse(*no)
		return
	}
	c.hunt = &hunt{candidates: ways}
	c.phase = opening
	c.out.do(AskMedia{media.A, c.setup.mediaSide()})
}

// mediaSide is where the caller's media is.
func (s *Setup) mediaSide() media.Side {
	return s.party().mediaSide()
}

// party is who is at the far end of the caller's leg: within the gateway the caller is another call.
func (s *Setup) party() *Party {
	if s.Link != nil {
		return inside("")
	}
	return s.Caller
}

func (p *Party) mediaSide() media.Side {
	return media.Side{
		Realm: p.Realm.Name, Profile: p.profile(), SRTP: p.SRTP, DTMF: p.DTMF.media(), Prefixes: p.Prefixes, Inactivity: p.Inactivity,
	}
}

// openMedia waits for the caller's endpoint, and for the resources that the caller may have to reserve.
func (c *Call) openMedia(ev Event) {
	switch ev := ev.(type) {
	case Opened:
		c.open(ev)
	case moved:
		c.reserved(ev)
	case Fired:
		c.hangup(causeUnreserved)
	}
}

// open settles the caller's offer before anybody is disturbed.
func (c *Call) open(ev Opened) {
	c.media.open = true
	if ev.Err != nil {
		c.noMedia()
		return
	}
	if err := c.a.Open(ev.Local); err != nil {
		c.hangup(failure(statusOf(err), byGateway))
		return
	}
	c.proceed(true)
}
