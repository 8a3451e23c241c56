package b2bua

import (
	"strconv"

	"drawbridge/sip/dialog"
	"drawbridge/sip/wire"
)

// ReferPolicy says what becomes of a REFER (sip.md 6.1).
type ReferPolicy uint8

// The policies. A REFER is refused by the policy of who sends it, and passed by that of who is transferred.
const (
	ReferLocal  ReferPolicy = iota // the gateway calls the target itself
	ReferPass                      // whoever is transferred is asked to, and the gateway does it when that is refused
	ReferReject                    // 603
)

const (
	sipfrag     = "message/sipfrag;version=2.0" // RFC 3420
	referExpiry = 180                           // seconds: longer than anything rings

	maxReferrals = 32 // of one dialog. Chosen here: each leaves a leg behind, and nobody is transferred so often
)

// refer is a transfer as a peer has asked for it.
type refer struct {
	ev       Request
	to       wire.URI
	replaces *dialog.Replaces // attended: the dialog in which the target is
	quiet    bool             // nobody wants to hear how it goes (RFC 4488)
}

// referState is the implicit subscription of a REFER (RFC 3515 section 2.4.4).
type referState struct {
	seen int    // REFERs of this dialog
	id   string // of the Event, from the second one on
	on   bool
	tx   TxID // the NOTIFY in flight; 0: none
	next int  // the status that is told after it; 0: none

	passed TxID // the REFER that we have sent
}

// referred judges the form of a REFER; whether it is followed is for the call to say.
func (l *sipLeg) referred(ev Request) []Event {
	if l.state != Confirmed { // there is no call yet to be transferred
		l.answer(ev, 491)
		return nil
	}
	values := ev.Msg.Values("Refer-To")
	if len(values) != 1 {
		l.answer(ev, 400)
		return nil
	}
	to, err := wire.ParseAddr(values[0])
	if err != nil {
		l.answer(ev, 400)
		return nil
	}
	r := refer{ev: ev, to: to.URI, quiet: ev.Msg.Get("Refer-Sub") == "false"}
	replaces, found, err := dialog.EscapedReplaces(to.URI.Headers)
	method := to.URI.Params.Get("method")
	switch {
	case err != nil:
		l.answer(ev, 400)
		return nil
	case method != "" && method != string(wire.INVITE), to.URI.Scheme != "sip" && to.URI.Scheme != "sips" && to.URI.Scheme != "tel":
		l.answer(ev, 603)
		return nil
	case found:
		r.replaces = &replaces
	}
	l.dlg.Refresh(ev.Msg)
	return []Event{referred{l.id, r}}
}

// takeUp answers a REFER that is followed, and starts its subscription with a first NOTIFY.
func (l *sipLeg) takeUp(r *refer) {
	m := l.reply(r.ev.Msg, 202)
	m.Contact = []wire.Addr{l.contact()}
	if r.quiet {
		m.Add("Refer-Sub", "false")
	}
	l.do(Respond{r.ev.Tx, m})
	l.refer.seen++
	l.refer.on, l.refer.id, l.refer.next = !r.quiet, "", 0
	if l.refer.seen > 1 {
		l.refer.id = ";id=" + strconv.FormatUint(uint64(r.ev.Msg.CSeq.Seq), 10)
	}
	l.notify(100)
}

// notify reports how the transfer goes, one report at a time: two that overtake each other would tell the wrong end. What has become old
// while it waited is never told.
func (l *sipLeg) notify(status int) {
	if l.refer.tx != 0 {
		l.refer.next = status
		return
	}
	l.tell(status)
}

// tell sends a report; a final status ends the subscription.
func (l *sipLeg) tell(status int) {
	l.refer.next = 0
	if status == 0 || !l.refer.on || l.state != Confirmed {
		return
	}
	m := l.dlg.Request(wire.NOTIFY)
	m.Add("Event", "refer"+l.refer.id)
	state := "active;expires=" + strconv.Itoa(referExpiry)
	if status >= 200 {
		state, l.refer.on = "terminated;reason=noresource", false
	}
	m.Add("Subscription-State", state)
	m.ContentType = sipfrag
	m.Body = []byte("SIP/2.0 " + strconv.Itoa(status) + " " + wire.ReasonPhrase(status) + "\r\n")
	l.refer.tx = l.send(m)
}

// notified takes the answer to a NOTIFY: a peer that knows no such subscription hears no more of it.
func (l *sipLeg) notified(ev Response) {
	if ev.Tx != l.refer.tx {
		return
	}
	l.refer.tx = 0
	if ev.Msg.Status >= 300 {
		l.refer.on = false
	}
	l.tell(l.refer.next)
}
