package echo

import (
	"errors"

	"drawbridge/media/offer"
	"drawbridge/sip/dialog"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
)

const (
	allow   = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO"
	sdpType = "application/sdp"
)

// codecs are G.711, as a trunk has them.
var codecs = []offer.Codec{
	{Name: "PCMA", PT: 8, Clock: 8000, Channels: 1},
	{Name: "PCMU", PT: 0, Clock: 8000, Channels: 1},
}

// call is one call, in or out. It belongs to the shard's goroutine.
type call struct {
	echo   *Echo
	flow   txn.Flow
	tag    string // ours
	number string // dialled, for incoming calls
	dialog *dialog.Dialog
	offer  *offer.Machine
	stream *stream

	ringing *txn.Server   // the INVITE that has no final response yet
	invite  *wire.Message // its request, and later the last re-INVITE
	ring    txn.Timer
	answer  answer
}

// newCall opens a call's media.
func (e *Echo) newCall(sh *txn.Shard, f txn.Flow, number string) (*call, error) {
	s, err := openStream(f.SentBy().Addr())
	if err != nil {
		return nil, err
	}
	c := &call{echo: e, flow: f, tag: sh.Token(), number: number, stream: s}
	c.offer = offer.New(offer.Config{Profile: offer.RTP, Codecs: codecs, SessionID: uint64(s.ssrc), AllowLoopback: true})
	c.offer.SetLocal(s.local())
	s.silent = e.cfg.Silent || number == numberSilent
	s.run(&e.streams)
	e.calls[c.tag] = c
	return c, nil
}

// contact is where in-dialog requests find us.
func (c *call) contact() wire.Addr {
	at := c.flow.SentBy()
	return wire.Addr{URI: wire.URI{Scheme: "sip", User: "echo", Host: at.Addr().String(), Port: int(at.Port())}}
}

// offered takes the first INVITE: it rings, and answers unless the number is to ring for ever. It returns the status of a refusal.
func (c *call) offered(sh *txn.Shard, tx *txn.Server, m *wire.Message) int {
	d, err := dialog.NewUAS(m, c.tag, c.contact())
	if err != nil {
		return 400
	}
	c.dialog, c.ringing, c.invite = d, tx, m
	body, status := c.describe(m)
	if status != 0 {
		return status
	}
	r := wire.NewResponse(m, 180, "", c.tag)
	r.Contact = []wire.Addr{c.contact()}
	_ = tx.Respond(r)
	if c.number != numberRing {
		c.ring = sh.After(ringFor, func() { c.pickUp(sh, body) })
	}
	return 0
}

// pickUp answers the first INVITE.
func (c *call) pickUp(sh *txn.Shard, body []byte) {
	tx := c.ringing
	c.ringing = nil
	c.dialog.Established()
	c.accept(sh, tx, c.invite, body)
	c.talk()
}

// describe makes the SDP for the 2xx to m: the answer to its offer, or our own offer when it brings none.
func (c *call) describe(m *wire.Message) (body []byte, status int) {
	var err error
	if len(m.Body) == 0 {
		body, err = c.offer.Offer(offer.SendRecv)
	} else {
		body, _, err = c.offer.Offered(m.Body, offer.SendRecv)
	}
	return body, statusOf(err)
}

// talk gives the stream what was agreed.
func (c *call) talk() {
	if c.offer.Open() == offer.Stable {
		c.stream.bind(*c.offer.Current())
	}
}

// acked takes the ACK to a 2xx, and the answer in it when the 2xx carried our offer.
func (c *call) acked(m *wire.Message) {
	if !c.answer.acked(m.CSeq.Seq) {
		return
	}
	if len(m.Body) > 0 && c.offer.Open() == offer.LocalOffer {
		if _, err := c.offer.Answered(m.Body); err != nil {
			c.offer.Cancel()
		}
	}
	c.talk()
}

// request serves a request inside the dialog.
func (c *call) request(sh *txn.Shard, tx *txn.Server, m *wire.Message) {
	if status := c.dialog.Accept(m); status != 0 {
		respond(tx, m, status, "")
		return
	}
	switch m.Method {
	case wire.INVITE:
		c.reinvited(sh, tx, m)
	case wire.BYE:
		respond(tx, m, 200, "")
		c.end()
		c.callBack(sh)
	case wire.INFO, wire.OPTIONS:
		respond(tx, m, 200, "")
	default:
		respond(tx, m, 405, "")
	}
}

// reinvited answers hold, resume and session refreshes.
func (c *call) reinvited(sh *txn.Shard, tx *txn.Server, m *wire.Message) {
	if c.offer.Open() != offer.Stable {
		respond(tx, m, 491, "")
		return
	}
	body, status := c.describe(m)
	if status != 0 {
		respond(tx, m, status, "")
		return
	}
	c.dialog.Refresh(m)
	c.talk() // before the answer: whoever holds the call hears nothing after its 200
	c.accept(sh, tx, m, body)
}

// end releases the call. It may be called once or more.
func (c *call) end() {
	c.ring.Stop()
	c.answer.stop()
	c.stream.close()
	delete(c.echo.calls, c.tag)
}

// statusOf turns an error of the offer/answer machine into a status, 0 for none.
func statusOf(err error) int {
	if err == nil {
		return 0
	}
	if refused, ok := errors.AsType[*offer.Error](err); ok {
		return refused.Status
	}
	return 500
}

// userOf is the caller's number.
func userOf(a wire.Addr) string { return wire.Unescape(a.URI.User) }
