package b2bua

import (
	"cmp"

	"drawbridge/media"
	"drawbridge/policy"
	"drawbridge/telemetry"
)

// closing is the end of a call in the making.
type closing struct {
	cause    Cause
	rule     string // that refused it
	stopped  string // the rule that ended it while it was up
	recorded bool
	buried   bool
}

// refuse ends an attempt because a rule says so.
func (c *Call) refuse(d policy.Decision) {
	if d.Status == 0 {
		d.Status = 403 // policy would rather be silent; by now the caller has its 100
	}
	cause := failure(d.Status, byGateway)
	if d.Reason != "" {
		cause.Text = d.Reason
	}
	if d.Cause != 0 {
		cause.Q850 = d.Cause
	}
	c.turnAway(cause, d.Rule, d.RetryAfter)
}

// noMedia ends an attempt that the media plane has no room for: the ports of a realm are used up.
func (c *Call) noMedia() { c.turnAway(causeNoMedia, "media/ports", int(mediaRetry.Seconds())) }

// turnAway ends an attempt by a rule; retry is the Retry-After in seconds, 0 sends none.
func (c *Call) turnAway(cause Cause, rule string, retry int) {
	c.over.rule = rule
	if l, ok := c.a.(*sipLeg); ok {
		l.retryAfter = retry
	}
	c.hangup(cause)
}

// hangup is the one place where a call begins to end: the cause is set once, every leg is ended in the way its state asks for, and the
// media session is closed. The CDR follows when media has counted.
func (c *Call) hangup(cause Cause) {
	if c.phase == ending {
		return
	}
	c.phase, c.over.cause = ending, cause
	c.out.stop(noLeg, ringTimer, lookupTimer)
	if c.met == nil {
		c.settle(noLeg, cause)
	}
	if c.over.rule != "" {
		c.reject()
	}
	for _, l := range c.legs {
		l.Hangup(cause)
	}
	switch {
	case !c.media.open || c.media.closed:
		c.record()
	default:
		c.out.do(CloseMedia{})
	}
}

// reject reports a refusal by rule, also to a caller whose realm is told.
func (c *Call) reject() {
	if l, ok := c.a.(*sipLeg); ok && c.setup.Caller.Realm.TellRules {
		l.rule = c.over.rule
	}
	r := telemetry.Rejected{Realm: c.setup.Caller.Realm.Name, Method: "INVITE", Status: c.over.cause.SIP, Rule: c.over.rule}
	if c.setup.Flow != nil {
		r.Source = c.setup.Flow.Remote().Addr().String()
	}
	c.out.do(Rejected(r))
}

// end waits for the media's counters, and for late answers of legs that are on their way out.
func (c *Call) end(ev Event) {
	switch ev := ev.(type) {
	case Media:
		if ev.Event.Kind == media.EventClosed {
			c.media.closed, c.media.stats = true, &ev.Event.Stats
			c.record()
		}
	case Opened: // media that was asked for before the end
		if !c.media.open {
			c.media.open = true
			c.out.do(CloseMedia{})
		}
	}
}

// record writes the CDR: once.
func (c *Call) record() {
	if c.over.recorded {
		return
	}
	c.over.recorded = true
	e := &telemetry.CallEnded{
		Call: string(c.setup.ID), From: c.setup.From, To: c.setup.To,
		Start: c.times.start, Answer: c.times.answer, End: c.out.now,
		Setup: c.out.now.Sub(c.times.start), Cause: c.over.cause, Rule: cmp.Or(c.over.rule, c.over.stopped),
		Transfer: string(c.moved), A: c.legs[legA].Record(), Attempts: c.tries.all,
	}
	if !e.Answer.IsZero() {
		e.Setup, e.Duration = e.Answer.Sub(e.Start), e.End.Sub(e.Answer)
	}
	if b := c.callee(); b != nil {
		e.B = b.Record()
	}
	if st := c.media.stats; st != nil {
		measure(&e.A, st[media.A])
		measure(&e.B, st[media.B])
	}
	c.out.do(Ended{e})
}

// callee is the leg that the CDR shows as B: who answered, else the last one tried.
func (c *Call) callee() Leg {
	switch {
	case c.met != nil:
		return c.met
	case len(c.legs) > 1:
		return c.legs[len(c.legs)-1]
	}
	return nil
}

// bury asks the switch to forget the call once nothing can come of it any more.
func (c *Call) bury() {
	if !c.over.recorded || c.over.buried {
		return
	}
	for _, l := range c.legs {
		if l.State() != Gone {
			return
		}
	}
	tombs := make([]Tomb, 0, len(c.legs))
	for _, l := range c.legs {
		tombs = l.Tombs(tombs)
	}
	c.over.buried = true
	c.out.do(Buried{tombs})
}
