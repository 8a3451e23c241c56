package b2bua

import (
	"hash/fnv"
	"time"

	"drawbridge/media/offer"
	"drawbridge/sip/wire"
)

// reofferState is our own re-INVITE or UPDATE in flight.
type reofferState struct {
	tx        TxID // 0: none
	method    wire.Method
	on        *offer.Machine // with an offer of ours; nil: without
	noUpdate  bool           // the peer refuses UPDATE whatever its Allow says
	abandoned bool           // a browser's re-INVITE came first: our offer is void
	raised    bool           // a 422 to this refresh has been obeyed
	ackSeq    uint32         // the 2xx to our last re-INVITE, and the ACK it earned
	ack       []byte
}

// begin notes the request that has been sent; on is the machine whose offer it carries.
func (r *reofferState) begin(method wire.Method, on *offer.Machine, tx TxID) {
	r.method, r.on, r.tx = method, on, tx
}

// reinvited answers a re-INVITE on this leg alone: hold, resume, refresh, a new address. What was agreed before stays if it fails.
func (l *sipLeg) reinvited(ev Request) []Event {
	switch {
	case l.state != Confirmed || l.repeat.tx != 0: // RFC 3261 section 14.2: another INVITE is in progress
		l.answer(ev, 500, wire.Field{Name: "Retry-After", Value: "1"})
		return nil
	case l.inGlare():
		l.answer(ev, 491)
		return nil
	}
	if !l.sessionFits(ev) {
		return nil
	}
	if !hasSDP(ev.Msg) {
		if len(ev.Msg.Body) > 0 {
			l.answer(ev, 415, wire.Field{Name: "Accept", Value: accept})
			return nil
		}
		l.offerLate(ev)
		return nil
	}
	sdp, st, err := l.offered(ev.Msg.Body)
	if err != nil {
		l.answer(ev, statusOf(err))
		return nil
	}
	l.accepted(ev, sdp, false)
	return []Event{moved{l.id, st}}
}

// offerLate answers a re-INVITE without SDP with our offer (RFC 3261 section 14.2); the ACK brings the answer.
func (l *sipLeg) offerLate(ev Request) {
	sdp, err := l.sdp.OfferAll(offer.SendRecv)
	if err != nil {
		l.answer(ev, statusOf(err))
		return
	}
	l.accepted(ev, sdp, true)
}

// accepted sends the 200 to a re-INVITE and waits for its ACK.
func (l *sipLeg) accepted(ev Request, sdp []byte, late bool) {
	l.dlg.Refresh(ev.Msg)
	m := l.replySDP(ev.Msg, 200, sdp, l.session.fields...)
	l.do(Respond{ev.Tx, m})
	l.awaitAck(ev.Tx, ev.Msg.CSeq.Seq, late)
	l.session.run(l)
}

// sessionFits settles the session timer of a refresh; a refusal has been answered when it says no.
func (l *sipLeg) sessionFits(ev Request) bool {
	status := l.session.accept(ev.Msg)
	if status != 0 {
		l.answer(ev, status, l.session.fields...)
	}
	return status == 0
}

// inGlare reports whether a peer's offer has to wait for ours (RFC 3261 section 14.2). A browser never waits, because not every one
// tries again after a 491: our own offer, which only repeats what is known, is withdrawn instead.
func (l *sipLeg) inGlare() bool {
	if l.reoffer.tx == 0 || l.reoffer.on == nil {
		return false
	}
	if !l.party.Realm.Browsers {
		return true
	}
	if !l.reoffer.abandoned {
		l.reoffer.abandoned = true
		l.sdp.Cancel()
	}
	return false
}

// updated answers an UPDATE (RFC 3311 section 5.2): a refresh, or an offer when no other one is open.
func (l *sipLeg) updated(ev Request) []Event {
	withOffer := hasSDP(ev.Msg)
	switch {
	case withOffer && l.unanswered(): // the peer's first offer
		l.answer(ev, 500, wire.Field{Name: "Retry-After", Value: "2"})
		return nil
	case withOffer && (l.sdp.Open() == offer.LocalOffer && l.reoffer.tx == 0 || l.inGlare()): // ours
		l.answer(ev, 491)
		return nil
	}
	if !l.sessionFits(ev) {
		return nil
	}
	var sdp []byte
	var news []Event
	if withOffer {
		answer, st, err := l.offered(ev.Msg.Body)
		if err != nil {
			l.answer(ev, statusOf(err))
			return nil
		}
		sdp, news = answer, l.updatedTo(ev.Msg, st)
	}
	l.dlg.Refresh(ev.Msg)
	l.do(Respond{ev.Tx, l.replySDP(ev.Msg, 200, sdp, l.session.fields...)})
	if l.state == Confirmed {
		l.session.run(l)
	}
	return news
}

// updatedTo is what an UPDATE's offer means: before the answer a fork speaks, and P-Early-Media may shut its mouth.
func (l *sipLeg) updatedTo(m *wire.Message, st *offer.Stream) []Event {
	f := l.early(m)
	if f == nil {
		return []Event{moved{l.id, st}}
	}
	f.early = st
	if v := m.Get("P-Early-Media"); v != "" && l.party.Trunk {
		f.gate = f.gate.turned(v)
	}
	if s := f.sounding(); s != nil {
		return []Event{moved{l.id, s}}
	}
	return nil
}

// unanswered reports whether the caller's offer in the INVITE still waits: SDP in an unreliable 18x is no answer yet.
func (l *sipLeg) unanswered() bool {
	return l.uas != nil && (l.state == Trying || l.state == Early) && l.uas.stream != nil && !l.uas.settled
}

// reofferResponse settles the final response to our re-INVITE or UPDATE.
func (l *sipLeg) reofferResponse(m *wire.Message) []Event {
	abandoned := l.reoffer.abandoned
	l.reoffer.tx, l.reoffer.abandoned = 0, false
	if m.Status < 300 {
		return l.refreshed(m, abandoned)
	}
	if l.reoffer.on != nil && !abandoned {
		l.reoffer.on.Cancel()
	}
	if l.state != Confirmed {
		return nil
	}
	switch m.Status {
	case 491:
		l.start(l.id, glareTimer, l.backoff())
	case 422:
		if l.reoffer.raised { // again: a peer that raises what it asked for is asked later
			l.start(l.id, glareTimer, later(m))
			break
		}
		if next, ok := l.session.timer.Raise(m); ok {
			l.session.timer, l.reoffer.raised = next, true
			l.refresh()
		}
	case 405, 501: // UPDATE was announced, but is not served
		if l.reoffer.method == wire.UPDATE {
			l.reoffer.noUpdate = true
			l.refresh()
		}
	case 500, 503: // not now
		l.start(l.id, glareTimer, later(m))
	case 408, 481: // the peer has no such dialog any more (RFC 3261 section 12.2.1.2)
		cause := failure(m.Status, sideOf(l.id))
		l.bye(cause)
		return l.ended(cause)
	}
	return nil // anything else leaves the session as it was; it expires unless the peer refreshes it
}

// refreshed takes the 2xx to our re-INVITE or UPDATE.
func (l *sipLeg) refreshed(m *wire.Message, abandoned bool) []Event {
	on := l.reoffer.on
	if on != nil && on != l.sdp { // of a fork that has lost
		return nil
	}
	l.dlg.Refresh(m)
	l.reoffer.raised = false
	if l.reoffer.method == wire.INVITE {
		l.reoffer.ackSeq, l.reoffer.ack = m.CSeq.Seq, l.raw(l.ackOf(l.dlg, m.CSeq.Seq))
		l.reack(m)
	}
	var news []Event
	if on != nil && !abandoned {
		if st, err := on.Answered(m.Body); err == nil {
			news = []Event{moved{l.id, st}}
		} else {
			on.Cancel()
		}
	}
	if l.state == Confirmed {
		l.session.learn(m)
		l.session.run(l)
	}
	return news
}

// reack acknowledges a 2xx to our last re-INVITE, as often as it comes.
func (l *sipLeg) reack(m *wire.Message) {
	if l.reoffer.ack != nil && m.CSeq.Seq == l.reoffer.ackSeq {
		l.do(SendRaw{Leg: l.id, Flow: l.flow, Hop: l.hop(), Bytes: l.reoffer.ack})
	}
}

// reofferFailed ends the call: a peer that does not answer a refresh is not there (RFC 3261 section 12.2.1.2).
func (l *sipLeg) reofferFailed() []Event {
	l.reoffer.tx = 0
	if l.reoffer.on != nil {
		l.reoffer.on.Cancel()
	}
	if l.state != Confirmed {
		return nil
	}
	cause := withSide(causeLost, l.id)
	l.bye(cause)
	return l.ended(cause)
}

// later is the wait that a peer asks for by Retry-After, within reason.
func later(m *wire.Message) time.Duration {
	const usual, longest = 5 * time.Second, 30 * time.Second
	if n := retryOf(m); n > 0 {
		return min(time.Duration(n)*time.Second, longest)
	}
	return usual
}

// backoff is the wait after a 491 (RFC 3261 section 14.1): 2.1-4 s when the Call-ID is ours, else 0-2 s, in steps of 10 ms. The
// randomness comes from a fresh token.
func (l *sipLeg) backoff() time.Duration {
	n := time.Duration(l.random())
	const step = 10 * time.Millisecond
	if l.dials {
		return 2100*time.Millisecond + n%191*step
	}
	return n % 201 * step
}

// random is drawn from a fresh token: the call knows no other chance.
func (l *sipLeg) random() uint32 {
	h := fnv.New32a()
	h.Write([]byte(l.mint()))
	return h.Sum32()
}

// direction is what was agreed last, as our own SDP says it.
func (l *sipLeg) direction() offer.Direction { return agreedDirection(l.sdp) }

func agreedDirection(m *offer.Machine) offer.Direction {
	st := m.Current()
	switch {
	case st.MaySend && st.MayRecv:
		return offer.SendRecv
	case st.MaySend:
		return offer.SendOnly
	case st.MayRecv:
		return offer.RecvOnly
	}
	return offer.Inactive
}
