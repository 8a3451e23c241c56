package b2bua

import (
	"cmp"
	"drawbridge/media/offer"
	"drawbridge/sip/dialog"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
	"drawbridge/telemetry"
)

// What we serve inside and outside dialogs.
const (
	allow     = wire.AllowedMethods
	accept    = "application/sdp"
	acceptDTM = "application/dtmf-relay, application/dtmf"
	supported = "timer, 100rel, precondition, replaces, norefersub"
	asked     = "timer" // in our own INVITE; the peer's profile may add to it
	sdpType   = "application/sdp"
)

// sipLeg is a SIP dialog and the transactions of its INVITE usage. Both roles share everything behind the 2xx.
type sipLeg struct {
	legCore
	flow   txn.Flow
	tag    string // ours: From tag as UAC, To tag as UAS
	dlg    *dialog.Dialog
	allows string // the peer's last Allow
	secure bool   // the call was asked for with sips:

	uas   *uasState // while we are called; nil once that is long over
	uac   *uacState // the same while we call
	dials bool      // this leg has been called by us
	rel   reliableState

	keys       keyring
	refer      referState
	inform     informState
	session    sessionState
	reoffer    reofferState
	repeat     repeat           // the 2xx we have sent and that waits for its ACK
	rule       string           // that refuses the call, for peers that are told
	retryAfter int              // seconds, for a refusal
	spoken     map[TxID]Request // messages of the other side that wait for their answer
	hangAfter  *Cause           // hang up as soon as the ACK is in (RFC 3261 section 15)
}

// repeat is a 2xx on its way (RFC 3261 section 13.3.1.4): sent again until its ACK comes, on reliable transports too.
type repeat struct {
	tx    TxID // 0: none
	seq   uint32
	every int  // how often the interval has doubled
	late  bool // the ACK brings the answer to our offer
}

// Handle dispatches what is addressed to the leg.
func (l *sipLeg) Handle(ev Event) []Event {
	switch ev := ev.(type) {
	case Request:
		return l.request(ev)
	case Response:
		return l.response(ev)
	case Failed:
		return l.txFailed(ev)
	case Cancelled:
		return l.cancelled(ev)
	case Fired:
		return l.fired(ev.Timer.Kind)
	case Lost:
		return l.lost(ev.Answerable)
	}
	return nil
}

// contact is where the peer sends requests of this dialog.
func (l *sipLeg) contact() wire.Addr {
	at := l.party.contactOf(l.flow, l.tag)
	if l.party != nil && l.party.Profile != nil {
		at.URI.User = cmp.Or(l.party.Profile.Wire.ContactUser, l.tag)
	}
	at.URI.Scheme = l.scheme()
	return at
}

// send starts a request inside the dialog and returns its transaction.
func (l *sipLeg) send(m *wire.Message) TxID {
	tx := l.nextTx()
	l.launch(tx, l.hop(), m)
	return tx
}

// hop is where the peer wants the requests of this dialog.
func (l *sipLeg) hop() txn.Hop { return hopOf(l.party, l.flow, l.dlg) }

// raw serialises a request that has no transaction (the ACK to a 2xx) under a Via of its own.
func (l *sipLeg) raw(m *wire.Message) []byte {
	m.Via = txn.Via(l.flow, "z9hG4bK"+l.mint())
	return m.Bytes()
}

// bye ends the confirmed dialog.
func (l *sipLeg) bye(c Cause) {
	l.quiet()
	l.tell(l.refer.next) // now or never
	l.move(Ending)
	m := l.dlg.Request(wire.BYE)
	addReason(m, l.party.reason(c))
	l.send(m)
}

// Hangup ends the leg in the way its state asks for.
func (l *sipLeg) Hangup(c Cause) {
	switch l.state {
	case Idle:
		l.move(Gone)
	case Trying:
		l.refuse(c)
	case Early:
		if l.uac != nil {
			l.giveUp(c)
		} else {
			l.refuse(c)
		}
	case Calling:
		l.giveUp(c)
	case Accepted: // we are the callee: RFC 3261 section 15 forbids BYE before the ACK
		l.hangAfter = &c
	case Confirmed:
		l.bye(c)
	case Cancelling, Ending, Gone: // hung up already
	}
}

// quiet stops the timers of a dialog that is being left.
func (l *sipLeg) quiet() {
	l.settle()
	if l.reoffer.tx != 0 && l.reoffer.method == wire.INVITE { // one that has been answered by 100 and no more would stay for ever
		l.do(CancelTx{Tx: l.reoffer.tx})
	}
	l.stop(l.id, sessionTimer, expiryTimer, glareTimer)
}

// lost ends the leg whose connection has gone: nothing can be sent on it any more. A trunk's dialog does not hang on its connection: the
// next request goes over another one, either way (RFC 3261 section 18: transports are hop by hop, dialogs are not). Nor does its INVITE,
// where it can be answered over another one.
func (l *sipLeg) lost(answerable bool) []Event {
	calls := l.uas != nil && answerable && (l.state == Trying || l.state == Early)
	if l.state == Gone || l.party.Trunk && (calls || l.state == Accepted || l.state == Confirmed) {
		return nil
	}
	l.quiet()
	l.stop(l.id, progressTimer, patienceTimer, refreshTimer, cancelTimer, prackTimer, prackLimitTimer)
	was := l.state
	l.move(Gone)
	if l.uac != nil && (was == Calling || was == Early) {
		l.tired(restFor)
		return []Event{refused{leg: l.id, cause: withSide(causeLost, l.id), unreachable: true}}
	}
	return l.ended(withSide(causeLost, l.id))
}

// fired runs what a timer stands for.
func (l *sipLeg) fired(k TimerKind) []Event {
	switch k {
	case refreshTimer:
		l.remind()
	case repeatTimer:
		l.repeatOK()
	case ackTimer:
		return l.unacked()
	case progressTimer:
		return l.noProgress()
	case patienceTimer:
		return l.noResponse()
	case cancelTimer:
		l.forget()
	case sessionTimer:
		l.refresh()
	case expiryTimer:
		return l.expired()
	case glareTimer:
		l.refresh()
	case prackTimer:
		l.repeatRinging()
	case prackLimitTimer:
		return l.unpracked()
	case ringTimer, lookupTimer: // the call's, not a leg's
	}
	return nil
}

// invites reports whether a transaction is that of our INVITE.
func (l *sipLeg) invites(tx TxID) bool { return l.uac != nil && l.uac.invite != nil && tx == l.uac.tx }

// response settles a final or provisional response to one of our requests.
func (l *sipLeg) response(ev Response) []Event {
	switch {
	case l.challenged(ev): // sent again
		return nil
	case l.invites(ev.Tx):
		return l.inviteResponse(ev.Msg)
	case ev.Msg.Status < 200:
		return nil
	case ev.Msg.CSeq.Method == wire.MESSAGE:
		return l.listened(ev.Tx, ev.Msg, nil)
	case ev.Msg.CSeq.Method == wire.REFER:
		return []Event{referAnswered{l.id, ev.Msg.Status}}
	case ev.Msg.CSeq.Method == wire.NOTIFY:
		l.notified(ev)
	case ev.Msg.CSeq.Method == wire.INFO:
		l.told(ev.Msg.Status)
	case ev.Msg.CSeq.Method == wire.BYE:
		l.left()
		return nil
	case ev.Msg.CSeq.Method == wire.PRACK:
		l.confirm(ev.Msg)
	case ev.Tx == l.reoffer.tx && ev.Tx != 0:
		return l.reofferResponse(ev.Msg)
	case ev.Msg.CSeq.Method == wire.INVITE && ev.Msg.Status < 300:
		l.reack(ev.Msg) // a re-INVITE's 2xx once more
	}
	return nil
}

// txFailed settles a transaction that got no final response.
func (l *sipLeg) txFailed(ev Failed) []Event {
	delete(l.keys.sent, ev.Tx)
	if _, ok := l.spoken[ev.Tx]; ok {
		return l.listened(ev.Tx, nil, ev.Err)
	}
	switch {
	case l.invites(ev.Tx) && l.state != Confirmed && l.state != Ending:
		return l.inviteFailed(ev.Err)
	case ev.Tx == l.reoffer.tx && ev.Tx != 0:
		return l.reofferFailed()
	case ev.Tx == l.inform.tx && ev.Tx != 0:
		l.told(408)
	case ev.Tx == l.refer.tx && ev.Tx != 0:
		l.refer.on, l.refer.tx, l.refer.next = false, 0, 0
	case ev.Tx == l.refer.passed && ev.Tx != 0:
		return []Event{referAnswered{l.id, 0}}
	case l.state == Ending:
		l.left()
	}
	return nil
}

// left ends the leg: its BYE is settled.
func (l *sipLeg) left() {
	if l.state == Ending {
		l.move(Gone)
	}
}

// Record is the leg's part of the CDR.
func (l *sipLeg) Record() telemetry.Leg {
	r := l.record("sip")
	switch {
	case l.uac != nil && l.uac.invite != nil:
		r.CallID = l.uac.invite.CallID
	case l.uas != nil:
		r.CallID = l.uas.invite.CallID
	case l.dlg != nil:
		r.CallID = l.dlg.ID().CallID
	}
	return r
}

// Tombs appends the dialogs that stragglers may still ask for.
func (l *sipLeg) Tombs(all []Tomb) []Tomb {
	if l.dlg == nil || !l.dlg.Confirmed() && !l.rel.waits {
		return all
	}
	return append(all, Tomb{Tag: l.tag, Far: l.acknowledged(), Rang: l.rel.waits, Flow: l.flow})
}

// Open gives the leg its media address.
func (l *sipLeg) Open(local offer.Local) error {
	l.sdp.SetLocal(local)
	l.sdp.SetPeer(l.flow.Remote().Addr())
	if l.uas != nil {
		return l.takeOffer()
	}
	sdp, err := l.sdp.Offer(offer.SendRecv)
	l.uac.offer = sdp
	return err
}
