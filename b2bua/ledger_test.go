package b2bua

import (
	"testing"

	"drawbridge/sip/wire"
)

// ledger keeps account of the offers in each dialog of a rig, from what is on the wire alone: one at a time (RFC 3264 section 4, RFC 6337
// section 2).
type ledger struct {
	t      *testing.T
	ours   map[LegID]openOffer
	theirs map[LegID]TxID // their offer that waits for our answer; 0: none
	rings  map[LegID]bool // our reliable 18x that waits for its PRACK
	with   map[TxID]bool  // their requests that carried SDP
	legs   map[TxID]LegID // and who sent them
}

// openOffer is an offer of ours that waits for its answer.
type openOffer struct {
	in string // "" none; "request", "2xx" or "18x"
	tx TxID
}

func newLedger(t *testing.T) ledger {
	return ledger{t: t, ours: map[LegID]openOffer{}, theirs: map[LegID]TxID{}, rings: map[LegID]bool{}, with: map[TxID]bool{}, legs: map[TxID]LegID{}}
}

// sent enters a request of ours.
func (l *ledger) sent(a Send) {
	if hasSDP(a.Msg) {
		l.open(a.Leg, "request", a.Tx)
	}
}

// asked enters a request of theirs. ACK and PRACK settle the offers that they answer, with an answer or without.
func (l *ledger) asked(leg LegID, tx TxID, m *wire.Message) {
	if tx != 0 {
		l.with[tx], l.legs[tx] = hasSDP(m), leg
	}
	if tx != 0 && hasSDP(m) && l.theirs[leg] == 0 && !(m.Method == wire.PRACK && l.ours[leg].in == "18x") {
		l.theirs[leg] = tx
	}
	if m.Method == wire.ACK && l.ours[leg].in == "2xx" {
		l.ours[leg] = openOffer{}
	}
}

// responded enters a response of ours: SDP answers SDP, or is an offer.
func (l *ledger) responded(a Respond) {
	leg, status := l.legs[a.Tx], a.Msg.Status
	reliable := status >= 200 || a.Msg.Has("RSeq")
	l.rung(leg, a)
	if l.theirs[leg] != 0 && l.theirs[leg] != a.Tx && status < 300 && reliable && hasSDP(a.Msg) {
		l.t.Errorf("leg %d: %d %s brings SDP while their offer in another request is open", leg, status, a.Msg.CSeq.Method)
	}
	if l.theirs[leg] == a.Tx && (status >= 200 || reliable && hasSDP(a.Msg)) {
		l.theirs[leg] = 0
	}
	switch {
	case a.Msg.CSeq.Method == wire.PRACK && status == 200 && l.ours[leg].in == "18x":
		l.ours[leg] = openOffer{}
	case status >= 300 && l.ours[leg].tx == a.Tx: // the INVITE that our 18x offered to is over
		l.ours[leg] = openOffer{}
	case !hasSDP(a.Msg) || !reliable:
	case !l.with[a.Tx]:
		in := "2xx"
		if status < 200 {
			in = "18x"
		}
		l.open(leg, in, a.Tx)
	case l.ours[leg].in != "":
		l.t.Errorf("leg %d: %d %s answers an offer while our own in a %s is open", leg, status, a.Msg.CSeq.Method, l.ours[leg].in)
	}
}

// rung enters a reliable 18x of ours, or the end of one: there is one at a time (RFC 3262 section 3).
func (l *ledger) rung(leg LegID, a Respond) {
	switch {
	case a.Msg.Has("RSeq") && l.rings[leg]:
		l.t.Errorf("leg %d: another reliable %d before the PRACK", leg, a.Msg.Status)
	case a.Msg.Has("RSeq"):
		l.rings[leg] = true
	case a.Msg.CSeq.Method == wire.PRACK && a.Msg.Status != 481:
		l.rings[leg] = false
	}
}

// answered enters a response of theirs.
func (l *ledger) answered(leg LegID, s Send, m *wire.Message) {
	if l.ours[leg].tx == s.Tx && (m.Status >= 200 || m.Has("RSeq") && hasSDP(m)) {
		l.ours[leg] = openOffer{}
	}
}

func (l *ledger) open(leg LegID, in string, tx TxID) {
	if was := l.ours[leg]; was.in != "" && was.tx != tx {
		l.t.Errorf("leg %d: an offer in a %s while the one in a %s is open", leg, in, was.in)
	}
	l.ours[leg] = openOffer{in, tx}
}
