package b2bua

import (
	"encoding/binary"
	"slices"

	"drawbridge/sip/dialog"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
)

// client connects a client transaction with the leg that started it. It outlives its call: a 2xx that comes when nobody waits for it
// any more is acknowledged and ended all the same.
type client struct {
	s    *Switch
	at   *seat
	leg  LegID
	tx   TxID
	flow txn.Flow
	late map[string]bool

	callID, tag string // of an INVITE
}

// Response delivers what came for the transaction.
func (cl *client) Response(sh *txn.Shard, _ *txn.Client, m *wire.Message) {
	switch {
	case cl.at.call != nil:
		cl.s.feed(cl.at, Response{Leg: cl.leg, Tx: cl.tx, Msg: m})
	case cl.tag != "" && m.Status/100 == 2:
		cl.endLate(sh, m)
	}
}

// Failed reports the end of a transaction without a final response.
func (cl *client) Failed(_ *txn.Shard, _ *txn.Client, err error) {
	if cl.at.call != nil {
		cl.s.feed(cl.at, Failed{Leg: cl.leg, Tx: cl.tx, Err: err})
	}
}

// Ended lets go of the INVITE: no further 2xx to it can come.
func (cl *client) Ended(*txn.Shard, *txn.Client) {
	if cl.at.call != nil && !cl.at.busy {
		cl.at.clients.drop(cl.tx)
		cl.at.relax()
	}
}

// Pack writes down what endLate needs: the client outlives its call by half a minute, and nearly always in vain.
func (cl *client) Pack(room []byte) []byte {
	room = appendPart(appendPart(room, cl.callID), cl.tag)
	for _, tag := range cl.at.settled {
		room = appendPart(room, tag)
	}
	for tag := range cl.late {
		room = appendPart(room, tag)
	}
	return room
}

// Unpack implements txn.Unpacker: a client whose call has gone.
func (s *Switch) Unpack(_ *txn.Shard, f txn.Flow, packed []byte) txn.ClientUser {
	cl := &client{s: s, at: &seat{}, flow: f}
	cl.callID, packed = cutPart(packed)
	cl.tag, packed = cutPart(packed)
	for len(packed) > 0 {
		var tag string
		tag, packed = cutPart(packed)
		cl.at.settled = append(cl.at.settled, tag)
	}
	return cl
}

// appendPart appends a string behind its length.
func appendPart(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// cutPart takes one off.
func cutPart(b []byte) (s string, rest []byte) {
	n, size := binary.Uvarint(b)
	b = b[size:]
	return string(b[:n]), b[n:]
}

// endLate acknowledges and ends a 2xx to an INVITE whose call is over (RFC 3261 section 13.2.2.4). The INVITE is no longer in memory: the
// response repeats of it what a dialog needs.
func (cl *client) endLate(sh *txn.Shard, m *wire.Message) {
	if m.FromTag() != cl.tag || len(cl.late) == maxForks && !cl.late[m.ToTag()] {
		return
	}
	l := &sipLeg{legCore: legCore{outbox: &outbox{mint: sh.Token}}, flow: cl.flow, tag: cl.tag}
	invite := &wire.Message{Method: wire.INVITE, URI: m.To.URI, From: m.From, To: m.To, CallID: cl.callID, CSeq: m.CSeq}
	invite.Contact = []wire.Addr{l.contact()}
	d, err := dialog.NewUAC(invite, m)
	if err != nil {
		return
	}
	l.dlg = d
	_ = sh.Send(cl.flow, l.raw(d.Ack(m.CSeq.Seq)))
	if cl.late[m.ToTag()] || slices.Contains(cl.at.settled, m.ToTag()) {
		return
	}
	if cl.late == nil {
		cl.late = map[string]bool{}
	}
	cl.late[m.ToTag()] = true
	bye := d.Request(wire.BYE)
	bye.Add("Reason", reason(causeAbandoned))
	_, _ = sh.Request(cl.flow, bye, &client{s: cl.s, at: cl.at, flow: cl.flow}) // nobody waits for its answer
}
