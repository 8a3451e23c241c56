package b2bua

import (
	"cmp"
	"strconv"
	"time"

	"drawbridge/media/offer"
	"drawbridge/sip/dialog"
	"drawbridge/sip/wire"
)

// uasState is what a leg knows while we are being called.
type uasState struct {
	invite *wire.Message // responses are built from it
	tx     TxID
	answer []byte        // our answer to the offer of the INVITE, constant for 18x and 200
	stream *offer.Stream // what was agreed with it; nil on a late offer
	names  *names        // From and To as the caller knows them, when rules have made others of them
	last   *wire.Message // the last 18x, repeated each minute

	moved []wire.Addr // where the callee's side has said that it is, for a caller that may know

	passed  *passed // nil: nothing
	shown   bool    // the caller has seen the answer
	settled bool    // the first offer/answer is complete before the 2xx: a reliable 18x carried the answer, or a PRACK did
}

// newUAS is the caller's leg: an INVITE has come in.
func newUAS(core legCore, s *Setup, session time.Duration) *sipLeg {
	l := &sipLeg{legCore: core, flow: s.Flow, tag: s.Tag, secure: s.Invite.URI.Scheme == "sips"}
	l.uas = &uasState{invite: s.Invite, tx: s.Tx, names: s.Names}
	l.session.want(session, core.party.Profile)
	l.rel.want(s.Invite, core.party.Rel100)
	l.learnAllow(s.Invite)
	l.move(Trying)
	l.do(Own{l.id, l.tag, l.flow})
	return l
}

// takeOffer settles all that can be wrong with the INVITE before anybody is disturbed: dialog, session timer, offer.
func (l *sipLeg) takeOffer() error {
	invite := l.uas.invite
	d, err := dialog.NewUAS(l.uas.names.restore(invite), l.tag, l.contact())
	if err != nil {
		return &offer.Error{Status: 400, Reason: "no usable Contact", Err: err}
	}
	l.dlg = d
	if status := l.session.accept(invite); status != 0 {
		return &offer.Error{Status: status, Reason: "session timer"}
	}
	if !hasSDP(invite) {
		return nil // a late offer: any other body has been found fit to be ignored
	}
	answer, st, err := l.sdp.Offered(invite.Body, offer.SendRecv)
	if err != nil {
		return err
	}
	l.uas.answer, l.uas.stream = answer, st
	return nil
}

// Suit fits the answer that the caller has not seen yet, or our offer when its INVITE brought none, to what the callee speaks.
func (l *sipLeg) Suit(far ...offer.Codec) {
	switch {
	case l.state != Trying && l.state != Early || l.uas.shown || l.uas.settled:
	case l.uas.stream == nil:
		l.sdp.Suit(far...)
	default:
		if answer, st, err := l.sdp.Revise(far...); err == nil {
			l.uas.answer, l.uas.stream = answer, st
		}
	}
}

// Ring tells the caller that the callee is alerted. early asks for our answer with it; without an offer there is none to give. A late
// branch that rings after early media began repeats the 183: the caller sees one SDP for the whole call. While a reliable 18x waits for
// its PRACK the next one waits too (RFC 3262 section 3).
func (l *sipLeg) Ring(early bool) {
	switch {
	case l.state != Trying && l.state != Early || l.rel.held:
		return
	case l.rel.waits:
		l.rel.next, l.rel.early = true, l.rel.early || early
		return
	}
	m, carries := l.ringing(early)
	l.uas.passed.add(m)
	if early && l.uas.stream != nil {
		l.do(Bind{l.side, l.uas.stream})
	}
	l.move(Early)
	if l.rel.on {
		l.reliably(m, carries)
	}
	l.uas.last = m
	l.do(Respond{l.uas.tx, m})
	l.start(l.id, refreshTimer, ringInterval)
}

// ringing builds the 18x and says what SDP is in it. A reliable one must bring our offer when the INVITE brought none (RFC 3261 section
// 13.2.1); once an exchange is complete there is nothing left to bring.
func (l *sipLeg) ringing(early bool) (*wire.Message, carried) {
	status := 180
	if early {
		status = 183
	}
	switch {
	case l.uas.settled:
	case l.rel.on && l.uas.stream == nil:
		if sdp, err := l.sdp.Offer(offer.SendRecv); err == nil {
			return l.replySDP(l.uas.invite, status, sdp), ourOffer
		}
	case early && l.uas.stream != nil:
		l.uas.shown, l.uas.settled = true, l.rel.on
		return l.replySDP(l.uas.invite, status, l.ownAnswer()), ourAnswer
	default:
		status = 180
	}
	return l.replySDP(l.uas.invite, status, nil), noSDP
}

// remind sends a provisional response again (RFC 3261 section 13.3.1.1); a reliable one gets a number of its own.
func (l *sipLeg) remind() {
	switch {
	case l.state != Early || l.uas.last == nil:
	case l.rel.on:
		l.Ring(l.uas.last.Status == 183)
	default:
		l.do(Respond{l.uas.tx, l.uas.last})
		l.start(l.id, refreshTimer, ringInterval)
	}
}

// Accept answers the caller: with the 200, or, when SDP in a reliable 18x is still unacknowledged, as soon as its PRACK is in (RFC 3262
// section 3).
func (l *sipLeg) Accept() *offer.Stream {
	l.stop(l.id, refreshTimer)
	if l.rel.waits && l.rel.carries != noSDP {
		l.rel.held = true
	} else {
		l.sendOK()
	}
	return l.uas.stream
}

// sendOK sends the 200 and waits for its ACK. With a late offer the 200 carries our offer and the stream comes with the ACK; behind a
// complete exchange it carries nothing.
func (l *sipLeg) sendOK() {
	late := l.uas.stream == nil
	sdp := l.ownAnswer()
	switch {
	case late:
		sdp, _ = l.sdp.Offer(offer.SendRecv) // the machine is stable and has its address: it cannot refuse
	case l.uas.settled:
		sdp = nil
	}
	l.stop(l.id, prackTimer, prackLimitTimer)
	m := l.replySDP(l.uas.invite, 200, sdp, l.session.fields...)
	l.uas.passed.add(m)
	l.move(Accepted)
	l.dlg.Established()
	l.do(Respond{l.uas.tx, m})
	l.awaitAck(l.uas.tx, m.CSeq.Seq, late)
	l.session.run(l)
}

// awaitAck starts the retransmission of a 2xx; late says that the ACK brings the answer to our offer.
func (l *sipLeg) awaitAck(tx TxID, seq uint32, late bool) {
	l.repeat = repeat{tx: tx, seq: seq, late: late}
	l.start(l.id, repeatTimer, t1)
	l.start(l.id, ackTimer, lifetime)
}

// repeatOK sends the 2xx once more: T1 doubling to T2.
func (l *sipLeg) repeatOK() {
	if l.repeat.tx == 0 {
		return
	}
	l.do(Resend{l.repeat.tx})
	l.repeat.every++
	l.start(l.id, repeatTimer, min(t1<<l.repeat.every, t2))
}

// settle ends the retransmission of our 2xx.
func (l *sipLeg) settle() {
	if l.repeat.tx == 0 {
		return
	}
	l.do(Settled{l.repeat.tx})
	l.repeat = repeat{}
	l.stop(l.id, repeatTimer, ackTimer)
}

// acked takes the ACK of a 2xx. Others, and repeated ones, mean nothing.
func (l *sipLeg) acked(m *wire.Message) []Event {
	if l.repeat.tx == 0 || m.CSeq.Seq != l.repeat.seq {
		return nil
	}
	late := l.repeat.late
	l.settle()
	first := l.state == Accepted
	if first {
		l.move(Confirmed)
	}
	if l.hangAfter != nil {
		l.bye(*l.hangAfter)
		return nil
	}
	var stream *offer.Stream
	if late {
		st, err := l.sdp.Answered(m.Body)
		if err != nil {
			return l.unusable(first)
		}
		stream = st
	}
	if !first && stream == nil {
		return nil
	}
	return []Event{confirmed{l.id, stream}}
}

// unusable settles an ACK without a usable answer: a first one cannot start a call, a later one leaves the former session in place.
func (l *sipLeg) unusable(first bool) []Event {
	l.sdp.Cancel()
	if !first {
		return nil
	}
	l.bye(causeBadAnswer)
	return l.ended(causeBadAnswer)
}

// unacked gives up on the ACK (RFC 3261 section 13.3.1.4): the dialog is confirmed, and ended with a BYE.
func (l *sipLeg) unacked() []Event {
	if l.state != Accepted && l.state != Confirmed {
		return nil
	}
	if l.state == Accepted {
		l.move(Confirmed)
	}
	if l.hangAfter != nil {
		l.bye(*l.hangAfter)
		return nil
	}
	l.bye(causeNoAck)
	return l.ended(causeNoAck)
}

// cancelled tells the call that the caller gave up, unless the 2xx is out already (RFC 3261 section 9.2).
func (l *sipLeg) cancelled(ev Cancelled) []Event {
	if l.state != Trying && l.state != Early {
		return nil
	}
	return []Event{cancelled{givenUp(ev.Reasons)}}
}

// refuse sends the final response of a call that was not answered.
func (l *sipLeg) refuse(c Cause) {
	status := callerStatus(c, l.party)
	if status != 487 {
		status = l.party.Profile.Told(status, c.Q850)
	}
	if len(l.uas.moved) > 0 && c.By == byCallee && c.SIP/100 == 3 {
		status = c.SIP
	}
	m := l.reply(l.uas.invite, status)
	if status/100 == 3 {
		m.Contact = l.uas.moved
	}
	if status == c.SIP && c.By == byGateway && c.Text != "" && status != 487 {
		m.Reason = c.Text
	}
	if status != 487 {
		c.Text = cmp.Or(l.rule, c.Text)
		addReason(m, l.party.reason(c))
	}
	switch status {
	case 422:
		m.Fields = append(m.Fields, l.session.fields...)
	case 415:
		m.Fields = append(m.Fields, contentHelp()...)
	case 420:
		m.Add("Unsupported", "precondition")
	case 405:
		m.Add("Allow", allow)
	}
	if l.retryAfter > 0 {
		m.Add("Retry-After", strconv.Itoa(l.retryAfter))
	}
	l.stop(l.id, refreshTimer, prackTimer, prackLimitTimer)
	l.move(Gone)
	l.do(Respond{l.uas.tx, m})
}
