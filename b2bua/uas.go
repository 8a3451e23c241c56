package b2bua

import (
	"time"

	"strconv"

	"drawbridge/media/offer"
	"drawbridge/sip/dialog"
	"drawbridge/sip/wire"
)

// uasState is what a leg knows while we are being called.
type uasState struct {
	invite *wire.Message // until the call is over: responses are built from it
	tx     TxID
	answer []byte        // our answer to the offer of the INVITE, constant for 18x and 200
	stream *offer.Stream // what was agreed with it; nil on a late offer
	last   *wire.Message // the last 18x, repeated each minute
}

// newUAS is the caller's leg: an INVITE has come in.
func newUAS(core legCore, s Setup, session time.Duration) *sipLeg {
	l := &sipLeg{legCore: core, flow: s.Flow, tag: s.Tag}
	l.uas = uasState{invite: s.Invite, tx: s.Tx}
	l.session.want(session)
	l.learnAllow(s.Invite)
	l.move(Trying)
	l.do(Own{l.id, l.tag, l.flow})
	return l
}

// takeOffer settles all that can be wrong with the INVITE before anybody is disturbed: dialog, session timer, offer.
func (l *sipLeg) takeOffer() error {
	invite := l.uas.invite
	d, err := dialog.NewUAS(invite, l.tag, l.contact())
	if err != nil {
		return &offer.Error{Status: 400, Reason: "no usable Contact", Err: err}
	}
	l.dlg = d
	if status := l.session.accept(invite); status != 0 {
		return &offer.Error{Status: status, Reason: "session timer"}
	}
	switch {
	case hasSDP(invite):
		answer, st, err := l.sdp.Offered(invite.Body, offer.SendRecv)
		if err != nil {
			return err
		}
		l.uas.answer, l.uas.stream = answer, &st
	case len(invite.Body) > 0:
		return &offer.Error{Status: 415, Reason: "body is not SDP"}
	}
	return nil
}

// Ring tells the caller that the callee is alerted. early asks for our answer with it; without an offer there is none to give. A late
// branch that rings after early media began repeats the 183: the caller sees one SDP for the whole call.
func (l *sipLeg) Ring(early bool) {
	if l.state != Trying && l.state != Early {
		return
	}
	var m *wire.Message
	if early && l.uas.stream != nil {
		m = l.replySDP(l.uas.invite, 183, l.uas.answer)
		l.do(Bind{l.side, *l.uas.stream})
	} else {
		m = l.replySDP(l.uas.invite, 180, nil)
	}
	l.move(Early)
	l.uas.last = m
	l.do(Respond{l.uas.tx, m})
	l.start(l.id, refreshTimer, ringInterval)
}

// remind repeats the last provisional response (RFC 3261 section 13.3.1.1).
func (l *sipLeg) remind() {
	if l.state == Early && l.uas.last != nil {
		l.do(Respond{l.uas.tx, l.uas.last})
		l.start(l.id, refreshTimer, ringInterval)
	}
}

// Accept sends the 200 and waits for its ACK. With a late offer the 200 carries our offer and the stream comes with the ACK.
func (l *sipLeg) Accept() *offer.Stream {
	l.stop(l.id, refreshTimer)
	sdp := l.uas.answer
	if l.uas.stream == nil {
		sdp, _ = l.sdp.Offer(offer.SendRecv) // the machine is stable and has its address: it cannot refuse
	}
	m := l.replySDP(l.uas.invite, 200, sdp, l.session.fields...)
	l.move(Accepted)
	l.dlg.Established()
	l.do(Respond{l.uas.tx, m})
	l.awaitAck(l.uas.tx, m.CSeq.Seq, l.uas.stream == nil)
	l.session.run(l)
	return l.uas.stream
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
		stream = &st
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
func (l *sipLeg) cancelled() []Event {
	if l.state != Trying && l.state != Early {
		return nil
	}
	return []Event{cancelled{}}
}

// refuse sends the final response of a call that was not answered.
func (l *sipLeg) refuse(c Cause) {
	status := callerStatus(c, l.party)
	m := l.reply(l.uas.invite, status)
	if status == c.SIP && c.By == byGateway && c.Text != "" && status != 487 {
		m.Reason = c.Text
	}
	if status != 487 {
		m.Add("Reason", reason(c))
	}
	switch status {
	case 422:
		m.Fields = append(m.Fields, l.session.fields...)
	case 415:
		m.Add("Accept", accept)
	case 405:
		m.Add("Allow", allow)
	}
	if l.retryAfter > 0 {
		m.Add("Retry-After", strconv.Itoa(l.retryAfter))
	}
	l.stop(l.id, refreshTimer)
	l.move(Gone)
	l.do(Respond{l.uas.tx, m})
}
