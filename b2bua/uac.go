package b2bua

import (
	"errors"
	"time"

	"drawbridge/media/offer"
	"drawbridge/policy/health"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
	"drawbridge/topology"
)

// uacState is what a leg knows while we call.
type uacState struct {
	target  *Target
	setup   *Setup
	invite  *wire.Message // as sent; the Via is the transaction's
	tx      TxID
	offer   []byte
	ack     []byte // the ACK to our 2xx, byte for byte, for its retransmissions
	ackTag  string // of that 2xx
	forks   []*fork
	patient bool
	raised  bool // a 422 has been obeyed once
	judged  bool // it is known how the target fares
}

// newUAC is a callee's leg over SIP.
func newUAC(core legCore, t *Target, s *Setup, session time.Duration) *sipLeg {
	l := &sipLeg{legCore: core, flow: t.Flow, tag: core.mint()}
	l.uac, l.dials, l.secure = &uacState{target: t, setup: s}, true, s.Secure
	l.session.want(session, core.party.Profile)
	l.do(Own{l.id, l.tag, l.flow})
	return l
}

// Dial sends the INVITE. What of the caller's may be seen is topology's business; the dialog is our own from the first byte.
func (l *sipLeg) Dial(in *wire.Message, patient bool) {
	m := outbound(in, l.uac.setup, l.party, l.uac.target, l.flow)
	m.CallID = l.mint()
	m.From.Params.Set("tag", l.tag)
	m.CSeq = wire.CSeq{Seq: 1, Method: wire.INVITE}
	m.Route = l.uac.target.Route
	m.Contact = []wire.Addr{l.contact()}
	m.Set("Allow", allow)
	m.Set("Supported", asked)
	askReliable(m, l.party)
	l.charge(m)
	m.ContentType, m.Body = sdpType, l.uac.offer
	l.carry(m, in)
	l.uac.patient = patient
	l.move(Calling)
	l.invite(m)
}

// charge names the call for billing, towards a peer that wants it (RFC 7315 section 4.6). Each try is told by an identifier of its own.
func (l *sipLeg) charge(m *wire.Message) {
	if p := l.party.Profile; p != nil && p.Wire.Charging != "" {
		m.Set("P-Charging-Vector", `icid-value="`+l.mint()+`";orig-ioi=`+p.Wire.Charging)
	}
}

// invite sends m as the INVITE of this leg.
func (l *sipLeg) invite(m *wire.Message) {
	l.session.offer(m)
	topology.Trim(m, l.party.Profile, !l.flow.Reliable())
	l.uac.invite, l.uac.forks = m, nil
	if l.uac.tx == 0 {
		l.uac.tx = l.nextTx()
	}
	l.launch(l.uac.tx, txn.Hop{}, m)
	l.start(l.id, progressTimer, timerC)
	if !l.uac.patient {
		l.start(l.id, patienceTimer, l.party.patience())
	}
}

// inviteResponse follows the INVITE through its responses.
func (l *sipLeg) inviteResponse(m *wire.Message) []Event {
	l.stop(l.id, patienceTimer)
	if m.Status != 503 {
		l.alive()
	}
	switch {
	case m.Status == 100:
		return nil
	case m.Status < 200:
		l.fared(health.Good)
		return l.provisional(m)
	case m.Status < 300:
		l.fared(health.Good)
		return l.success(m)
	}
	return l.failure(m)
}

// provisional takes a 18x: Timer C starts again, an SDP in it is an answer or a preview of one. Several To tags are one ringing to the
// caller.
func (l *sipLeg) provisional(m *wire.Message) []Event {
	if l.state != Calling && l.state != Early {
		return nil
	}
	news := rang{leg: l.id, said: l.heard(m)}
	if f, err := l.fork(m); err == nil && m.ToTag() != "" && l.remembers(f, m) {
		l.follow(f)
		reliable := m.HasOption("Require", "100rel")
		if reliable && !l.prack(f, m) {
			return nil
		}
		news.early = f.hear(m, reliable, l.party.Trunk)
	}
	l.start(l.id, progressTimer, timerC)
	l.learnAllow(m)
	l.move(Early)
	if m.Status == 181 || m.Status == 182 || m.Status == 199 {
		return nil // progress, but nobody is alerted yet
	}
	return []Event{news}
}

// success takes a 2xx. The first one is the answer; the same again earns the same ACK; one of another fork is acknowledged and ended,
// and so is one that comes after the leg was given up (RFC 3261 section 13.2.2.4).
func (l *sipLeg) success(m *wire.Message) []Event {
	switch l.state {
	case Calling, Early:
		return l.taken(m)
	case Cancelling:
		l.stop(l.id, cancelTimer)
		if f, err := l.fork(m); err == nil {
			l.follow(f)
			l.ackOK(m)
			l.bye(causeAbandoned)
			return nil
		}
		l.move(Gone)
		return nil
	default: // the leg has its answer, or has been left
		l.stray(m)
		return nil
	}
}

// taken makes the call: dialog, ACK, answer.
func (l *sipLeg) taken(m *wire.Message) []Event {
	l.stop(l.id, progressTimer)
	f, err := l.fork(m)
	if err != nil {
		l.move(Gone)
		return []Event{refused{leg: l.id, cause: failure(502, sideOf(l.id))}}
	}
	l.follow(f)
	l.learnAllow(m)
	l.move(Confirmed)
	l.ackOK(m)
	st, err := l.answerOf(f, m)
	if err != nil {
		l.bye(causeBadAnswer)
		return []Event{refused{leg: l.id, cause: withSide(causeBadAnswer, l.id)}}
	}
	l.session.learn(m)
	l.session.run(l)
	return []Event{answered{leg: l.id, stream: st, said: l.heard(m)}}
}

// answerOf is the answer to our offer: in the 2xx, or in the 18x before it. A peer whose 2xx differs from its reliable 18x is believed
// where its media is now.
func (l *sipLeg) answerOf(f *fork, m *wire.Message) (*offer.Stream, error) {
	if !f.answered {
		if hasSDP(m) {
			return f.sdp.Answered(m.Body)
		}
		return f.sdp.Settle()
	}
	if hasSDP(m) {
		if st, err := f.sdp.Reanswered(m.Body); err == nil {
			return st, nil
		}
	}
	return f.sdp.Current(), nil
}

// ackOK acknowledges a 2xx and keeps the bytes for its retransmissions.
func (l *sipLeg) ackOK(m *wire.Message) {
	l.uac.ack, l.uac.ackTag = l.raw(l.ackOf(l.dlg, m.CSeq.Seq)), m.ToTag()
	l.do(SendRaw{Leg: l.id, Flow: l.flow, Hop: l.hop(), Bytes: l.uac.ack})
}

// stray settles a 2xx that comes to a leg that has its answer: a retransmission, or another fork.
func (l *sipLeg) stray(m *wire.Message) {
	if m.ToTag() == l.uac.ackTag && l.uac.ack != nil {
		l.do(SendRaw{Leg: l.id, Flow: l.flow, Hop: l.hop(), Bytes: l.uac.ack})
		return
	}
	f, err := l.fork(m)
	if err != nil || !l.remembers(f, m) {
		return
	}
	if f.ack != nil {
		l.do(SendRaw{Leg: l.id, Flow: l.flow, Bytes: f.ack})
		return
	}
	f.ack = l.raw(l.ackOf(f.dlg, m.CSeq.Seq))
	bye := f.dlg.Request(wire.BYE)
	bye.Add("Reason", reason(causeElsewhere))
	l.do(SendRaw{Leg: l.id, Flow: l.flow, Bytes: f.ack}, Send{Leg: l.id, Tx: l.nextTx(), Flow: l.flow, Msg: bye})
}

// failure takes a final response that is no success. The transaction has acknowledged it.
func (l *sipLeg) failure(m *wire.Message) []Event {
	switch l.state {
	case Calling, Early:
	case Cancelling:
		l.stop(l.id, cancelTimer)
		l.move(Gone)
		return nil
	default:
		return nil
	}
	if m.Status == 422 && !l.uac.raised && l.session.raise(m) {
		l.uac.raised = true
		l.again()
		return nil
	}
	l.stop(l.id, progressTimer)
	l.move(Gone)
	no := refused{leg: l.id, cause: l.party.failed(m, sideOf(l.id)), goesOn: l.party.goesOn(m), retryAfter: retryOf(m)}
	switch {
	case m.Status < 400:
		no.contacts = m.Contact
	case m.Status == 503 && !aboutCallee(no):
		l.tired(restOf(no))
	}
	l.fared(fareOf(no))
	return []Event{no}
}

// again repeats the INVITE as a new request (RFC 3261 section 8.1.3.5): same Call-ID and tag, next CSeq. To the call it is the same one.
func (l *sipLeg) again() {
	l.invite(l.uac.invite.Anew(l.uac.invite.CSeq.Seq + 1))
}

// inviteFailed settles an INVITE without a final response: nobody there.
func (l *sipLeg) inviteFailed(err error) []Event {
	l.stop(l.id, progressTimer, patienceTimer, cancelTimer)
	was := l.state
	if was == Gone {
		return nil
	}
	if cause, stopped := stoppedByRules(err); stopped { // that says nothing of the target
		l.move(Gone)
		return []Event{refused{leg: l.id, cause: cause}}
	}
	if was == Calling {
		l.tired(restFor)
		l.fared(health.Bad)
	}
	l.move(Gone)
	if was == Cancelling {
		return nil
	}
	cause := failure(503, byGateway)
	if errors.Is(err, txn.ErrTimeout) {
		cause = failure(408, byGateway)
	}
	return []Event{refused{leg: l.id, cause: cause, unreachable: true}}
}

// noProgress is Timer C (RFC 3261 section 16.8): the callee is cancelled; the call looks further, or answers 408.
func (l *sipLeg) noProgress() []Event {
	if l.state != Calling && l.state != Early {
		return nil
	}
	cause := failure(408, byGateway)
	l.giveUp(cause)
	return []Event{refused{leg: l.id, cause: cause}}
}

// noResponse gives up a target that has said nothing while another one waits. Should it wake up, it is cancelled, or ended.
func (l *sipLeg) noResponse() []Event {
	if l.state != Calling {
		return nil
	}
	l.tired(restFor)
	l.fared(health.Bad)
	cause := failure(408, byGateway)
	l.giveUp(cause)
	return []Event{refused{leg: l.id, cause: cause, unreachable: true}}
}

// giveUp cancels the INVITE. The transaction holds the CANCEL back until a provisional response has come (RFC 3261 section 9.1). The
// cause goes with it: a phone that lost a fork to another one shows no missed call.
func (l *sipLeg) giveUp(c Cause) {
	l.stop(l.id, progressTimer, patienceTimer)
	l.move(Cancelling)
	l.do(CancelTx{l.uac.tx, l.party.cancelReason(c)})
	l.start(l.id, cancelTimer, lifetime)
}

// forget leaves a cancelled INVITE that is never answered; the switch still ends a 2xx that comes later.
func (l *sipLeg) forget() {
	if l.state == Cancelling {
		l.move(Gone)
	}
}
