package b2bua

import (
	"drawbridge/media"
	"drawbridge/media/offer"
)

// talk settles what arises on one leg on that leg; the other one learns what its media needs to know.
func (c *Call) talk(ev Event) {
	if c.swapping(ev) {
		return
	}
	switch ev := ev.(type) {
	case confirmed:
		if ev.stream != nil {
			c.rebind(ev.leg, ev.stream)
		}
	case moved:
		c.rebind(ev.leg, ev.stream)
	case dialled:
		c.play(ev)
	case referred:
		c.referred(ev)
	case said:
		c.convey(ev)
	case heard:
		c.hear(ev)
	case answered: // a branch that answered too late
		c.legs[ev.leg].Hangup(causeElsewhere)
	case Media:
		c.report(ev.Event)
	}
}

// rebind gives the media plane a leg's new stream; who watches the other side learns of hold.
func (c *Call) rebind(id LegID, st *offer.Stream) {
	if !c.concerns(id) {
		return
	}
	c.out.do(Bind{c.sideOf(id), st})
	if l, ok := c.other(id).(watcher); ok {
		l.farHold(!st.MaySend)
	}
}

// within is the leg behind a side of the media: before the answer the only branch that rings, if it is the only one.
func (c *Call) within(l Leg) Leg {
	if l == nil && c.hunt != nil && len(c.hunt.branches) == 1 {
		return c.legs[c.hunt.branches[0]]
	}
	return l
}

// play hands digits that came by signalling to media, which knows whether they have come by another way as well, and where they go: back
// to the call by an event where that is signalling, too.
func (c *Call) play(ev dialled) {
	if !c.concerns(ev.leg) {
		return
	}
	to := media.A
	if c.sideOf(ev.leg) == media.A {
		to = media.B
	}
	for _, d := range ev.digits {
		c.out.do(PlayDTMF{to, d.key, d.duration})
	}
}

// report passes on what media has seen: a leg's own stages, and the digits of the far side, by whatever way they have come.
func (c *Call) report(ev media.Event) {
	own, far := c.a, c.b
	if ev.Leg == media.B {
		own, far = far, own
	}
	switch ev.Kind {
	case media.EventICE, media.EventDTLS, media.EventRTP:
		if l, ok := own.(watcher); ok {
			l.stage(ev.Kind)
		}
	case media.EventDTMF:
		if l, ok := c.within(far).(listener); ok {
			l.digits([]digit{{key: ev.Digit, duration: ev.Duration}})
		}
	case media.EventFailed, media.EventClosed: // interrupted has ended the call
	}
}
