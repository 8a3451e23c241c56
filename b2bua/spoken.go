package b2bua

import (
	"errors"

	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
	"drawbridge/topology"
)

// maxSpoken is how many messages of a call may be on their way to one side. Chosen here: more than anybody types in a round trip.
const maxSpoken = 16

// What is said in a call (RFC 3428 section 7) is the one thing that a leg does not settle by itself: who said it learns whether it was heard.
type (
	// said: a leg's peer has sent a MESSAGE whose text may cross.
	said struct {
		req  Request
		kind string
		body []byte
	}
	// heard: the other leg's peer has taken it, or not.
	heard struct {
		req    Request
		status int
	}
)

func (said) event()  {}
func (heard) event() {}

// messaged takes a MESSAGE inside the dialog.
func (l *sipLeg) messaged(ev Request) []Event {
	if l.state != Accepted && l.state != Confirmed {
		l.answer(ev, 480)
		return nil
	}
	kind, body, ok := topology.Body(ev.Msg, "")
	if !ok {
		l.answer(ev, 415, help(415, wire.MESSAGE)...)
		return nil
	}
	return []Event{said{ev, kind, body}}
}

// convey says on the other leg what was said on one. A page has no words for it.
func (c *Call) convey(ev said) {
	near := c.legs[ev.req.Leg].(*sipLeg)
	far, ok := c.other(ev.req.Leg).(*sipLeg)
	switch {
	case !c.concerns(ev.req.Leg):
		near.answer(ev.req, 481)
	case !ok || far.state != Confirmed:
		near.answer(ev.req, 480)
	case len(far.spoken) >= maxSpoken:
		near.answer(ev.req, 500, wire.Field{Name: "Retry-After", Value: "1"})
	default:
		far.say(ev)
	}
}

// say sends it as a request of this dialog.
func (l *sipLeg) say(ev said) {
	m := l.dlg.Request(wire.MESSAGE)
	m.ContentType, m.Body = ev.kind, ev.body
	if l.spoken == nil {
		l.spoken = map[TxID]Request{}
	}
	l.spoken[l.send(m)] = ev.req
}

// listened settles what was said by its final response. On silence nobody is told (RFC 4320): the sender's own timer knows.
func (l *sipLeg) listened(tx TxID, m *wire.Message, err error) []Event {
	req := l.spoken[tx]
	delete(l.spoken, tx)
	status := 504
	switch {
	case m != nil:
		status = topology.OutsideStatus(m.Status, true) // a 503 of theirs is none of ours, whoever hears it
	case errors.Is(err, txn.ErrTimeout):
		status = 408
	}
	return []Event{heard{req, status}}
}

// hear answers the side that has said it.
func (c *Call) hear(ev heard) {
	c.legs[ev.req.Leg].(*sipLeg).answer(ev.req, ev.status, help(ev.status, wire.MESSAGE)...)
}
