package b2bua

// A call both of whose sides are links is held up by the calls at their other ends. Transfers that join both ends of two calls close a ring
// in which nobody is left to hang up, and packets go round for ever. So a call that has become such a piece of a chain sends a word along
// it: a call with somebody at its far end lets it drop, any other passes it on, and the call that gets its own back ends.

// circled: a word that a call has sent along its links comes by.
type circled struct {
	leg    LegID
	origin CallID
}

func (circled) event() {}

// search looks for a ring that this call may have closed.
func (c *Call) search() {
	_, chained := c.a.(*linkLeg)
	if l, ok := c.b.(*linkLeg); ok && chained {
		l.pass(c.setup.ID)
	}
}

// circled passes the word on, or ends the ring.
func (c *Call) circled(ev circled) {
	from := c.legs[ev.leg]
	if c.b == nil || from != c.a && from != c.b {
		return
	}
	far, ok := c.other(ev.leg).(*linkLeg)
	switch {
	case !ok:
	case ev.origin == c.setup.ID:
		c.hangup(causeRing)
	default:
		far.pass(ev.origin)
	}
}

// pass sends the word of a call to the other end of the link.
func (l *linkLeg) pass(origin CallID) {
	if l.state == Confirmed {
		l.do(LinkTo{Leg: l.id, To: l.peer, Word: linkCircle, Origin: origin})
	}
}
