package b2bua

import (
	"time"

	"drawbridge/media"
)

// phase is where a call stands.
type phase uint8

const (
	admitting phase = iota
	routing
	opening
	dialling
	answering
	talking
	ending
)

var phaseNames = [ending + 1]string{"admitting", "routing", "opening", "dialling", "answering", "talking", "ending"}

func (p phase) String() string { return phaseNames[p] }

// Call pairs the caller's leg with the callee's. It lives on one shard and is touched by that shard's goroutine alone.
type Call struct {
	out   *outbox
	cfg   callConfig
	setup *Setup
	phase phase

	legs []Leg // by LegID
	a    Leg   // legs[0]
	b    Leg   // the callee's leg, once it has answered

	origin origin // the caller's INVITE, once setup no longer has it
	hunt   *hunt  // from the candidates till long after the answer
	tries  tries
	swap   swap
	met    Leg // who answered first: the callee of the CDR
	times  times
	media  mediaState
	over   closing

	moved CallID // the transfer that this call is part of, named after its first call
}

// callConfig is what a call takes from its switch at INVITE and keeps till BYE.
type callConfig struct {
	ring    time.Duration
	session time.Duration
	allDown int    // status when no target can be reached
	serial  uint64 // o= session ids of the legs start here
}

// times of the CDR.
type times struct{ start, answer time.Time }

// mediaState says what of the media session exists.
type mediaState struct {
	open   bool
	early  bool               // the callee's side is bound from a preview
	stats  *[2]media.LegStats // when it is closed
	closed bool
}

// newCall returns a call that waits for its Invited event. mint makes the tokens of its shard.
func newCall(cfg callConfig, mint func() string) *Call {
	return &Call{cfg: cfg, out: &outbox{mint: mint}}
}

// Handle takes the call one event further and returns what is to be done, in order. It is pure: now is the only clock it knows.
func (c *Call) Handle(ev Event, now time.Time) []Action {
	c.out.begin(now)
	if id := addressed(ev); id == noLeg {
		c.next(ev)
	} else {
		for _, e := range c.atLeg(id, ev) {
			c.next(e)
		}
	}
	c.bury()
	return c.out.acts
}

// atLeg lets the leg that an event is addressed to settle it first; what comes back is for the coordinator.
func (c *Call) atLeg(id LegID, ev Event) []Event {
	if int(id) >= len(c.legs) {
		return nil
	}
	return c.legs[id].Handle(ev)
}

// addressed is the leg that an event is for, noLeg when it is for the call.
func addressed(ev Event) LegID {
	id := noLeg
	switch ev := ev.(type) {
	case Request:
		id = ev.Leg
	case Response:
		id = ev.Leg
	case Failed:
		id = ev.Leg
	case Heard:
		id = ev.Leg
	case Lost:
		id = ev.Leg
	case Linked:
		id = ev.Leg
	case Cancelled:
		id = legA
	case Fired:
		id = ev.Timer.Leg
	}
	return id
}

// next takes the call one event further. The phases are in wire order.
func (c *Call) next(ev Event) {
	if cause, over := c.interrupted(ev); over {
		c.hangup(cause)
		return
	}
	if j, ok := ev.(Joining); ok { // another call wants the place of one of our legs
		c.joined(j)
		return
	}
	if w, ok := ev.(circled); ok {
		c.circled(w)
		return
	}
	switch c.phase {
	case admitting: // policy: may this caller call at all?
		c.admit(ev)
	case routing: // policy/route: candidates, best first
		c.route(ev)
	case opening: // media: the caller's endpoint, and the answer to its offer
		c.openMedia(ev)
	case dialling: // the callee's INVITE: forks, failover through the candidates
		c.dial(ev)
	case answering: // the caller has its 2xx; wait for the ACK
		c.answer(ev)
	case talking: // re-offers, digits, until somebody hangs up
		c.talk(ev)
	case ending: // one cause: both legs, media, one CallEnded
		c.end(ev)
	}
}

// interrupted says whether an event ends the call whatever it was about to do.
func (c *Call) interrupted(ev Event) (Cause, bool) {
	if c.phase == ending {
		return Cause{}, false
	}
	switch ev := ev.(type) {
	case cancelled:
		return ev.cause, true
	case ended:
		return ev.cause, c.concerns(ev.leg) && !c.leaving(ev.leg)
	case Stop:
		c.over.stopped = ev.Rule
		return ev.Cause, true
	case Media:
		switch ev.Event.Kind {
		case media.EventFailed:
			return mediaFailed(ev.Event.Reason), true
		case media.EventClosed: // the media plane stops under us
			c.media.closed, c.media.stats = true, &ev.Event.Stats
			return causeNoMedia, true
		case media.EventICE, media.EventDTLS, media.EventRTP, media.EventDTMF: // report's
		}
	}
	return Cause{}, false
}

// concerns tells the legs of the call from branches that have lost.
func (c *Call) concerns(id LegID) bool { return c.b == nil || c.legs[id] == c.a || c.legs[id] == c.b }

// other is the leg on the far side of id, nil while there is none.
func (c *Call) other(id LegID) Leg {
	if c.sideOf(id) == media.A {
		return c.b
	}
	return c.a
}
