package b2bua

import (
	"drawbridge/media"
	"drawbridge/telemetry"
)

// dial sees the candidates through until one answers.
func (c *Call) dial(ev Event) {
	if c.swapping(ev) {
		return
	}
	switch ev := ev.(type) {
	case Found:
		c.found(ev)
	case Claimed:
		c.claimed(ev)
	case Decided: // about a target that a trunk has named
		c.judged(ev.Decision)
	case Routed:
		c.rerouted(ev)
	case Opened:
		c.fork(ev)
	case rang:
		c.alert(ev)
	case answered:
		c.connect(ev)
	case refused:
		c.branchFailed(ev)
	case moved:
		c.preview(ev)
	case Fired:
		c.waited(ev.Timer)
	case dialled: // into early media
		c.play(ev)
	case Media:
		c.report(ev.Event)
	}
}

// waited: DNS has not answered in time, or nobody has answered the call.
func (c *Call) waited(t Timer) {
	if t.Kind == lookupTimer {
		c.found(Found{Round: c.hunt.round})
		return
	}
	c.hangup(causeNoAnswer)
}

// alert passes the ringing on. To the caller it is one dialog with one SDP, however many branches ring and however often they fork:
// its media is switched to whoever spoke of media last.
func (c *Call) alert(ev rang) {
	c.hunt.alerted = true
	if ev.early != nil {
		c.out.do(Bind{media.B, ev.early})
		c.media.early = true
		c.a.Suit(ev.early.Send)
	}
	c.pass(ev.leg, ev.said)
	c.a.Ring(c.media.early)
}

// preview takes a stream that was renegotiated before the answer: the caller's own, or a branch's early one.
func (c *Call) preview(ev moved) {
	c.out.do(Bind{c.sideOf(ev.leg), ev.stream})
	if ev.leg != legA && !c.media.early {
		c.media.early = true
		c.a.Suit(ev.stream.Send)
		c.a.Ring(true)
	}
}

// connect takes the first branch that answers, lets the others go and answers the caller.
func (c *Call) connect(ev answered) {
	c.b = c.legs[ev.leg]
	c.met = c.b
	c.settle(ev.leg, causeElsewhere)
	for _, id := range c.hunt.branches {
		if id != ev.leg {
			c.legs[id].Hangup(causeElsewhere)
		}
	}
	c.out.stop(noLeg, ringTimer)
	c.out.do(Bind{media.B, ev.stream})
	c.phase, c.times.answer = answering, c.out.now
	c.a.Suit(ev.stream.Send)
	c.pass(ev.leg, ev.said)
	if st := c.a.Accept(); st != nil {
		c.out.do(Bind{media.A, st})
	}
	c.out.do(Answered(telemetry.CallAnswered{Call: string(c.setup.ID), At: c.out.now}))
	if c.a.State() == Confirmed { // a JSON line has no ACK to wait for
		c.phase = talking
	}
	c.search()
}

// answer waits for the caller to take our 2xx.
func (c *Call) answer(ev Event) {
	up, ok := ev.(confirmed)
	if !ok || c.legs[up.leg] != c.a {
		c.talk(ev) // the callee's side may talk already, and acknowledge an offer of ours
		return
	}
	if up.stream != nil {
		c.out.do(Bind{media.A, up.stream})
	}
	c.phase = talking
	c.search()
}
