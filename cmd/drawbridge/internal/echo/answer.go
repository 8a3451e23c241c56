package echo

import (
	"time"

	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
)

// Fixed by RFC 3261 table 4.
const (
	t1 = 500 * time.Millisecond
	t2 = 4 * time.Second
)

// answer repeats a 2xx until its ACK comes (RFC 3261 section 13.3.1.4).
type answer struct {
	seq     uint32
	waiting bool
	repeat  txn.Timer
	giveUp  txn.Timer
}

// acked reports whether an ACK is the awaited one, and ends the wait.
func (a *answer) acked(seq uint32) bool {
	if !a.waiting || a.seq != seq {
		return false
	}
	a.stop()
	return true
}

func (a *answer) stop() {
	a.waiting = false
	a.repeat.Stop()
	a.giveUp.Stop()
}

// accept sends the 2xx to an INVITE of the dialog and repeats it until the ACK; without one the call is ended after 64*T1.
func (c *call) accept(sh *txn.Shard, tx *txn.Server, m *wire.Message, body []byte) {
	r := wire.NewResponse(m, 200, "", c.tag)
	r.Contact = []wire.Addr{c.contact()}
	r.ContentType, r.Body = sdpType, body
	r.Set("Allow", allow)
	if tx.Respond(r) != nil {
		return
	}
	c.answer.stop()
	c.answer = answer{seq: m.CSeq.Seq, waiting: true}
	c.answer.giveUp = sh.After(64*t1, func() { c.hangUp(sh) })
	c.repeatAnswer(sh, r.Bytes(), t1)
}

func (c *call) repeatAnswer(sh *txn.Shard, raw []byte, after time.Duration) {
	c.answer.repeat = sh.After(after, func() {
		_ = sh.Send(c.flow, raw) // a lost repetition is what the next one is for
		c.repeatAnswer(sh, raw, min(2*after, t2))
	})
}

// hangUp ends an answered call from our side.
func (c *call) hangUp(sh *txn.Shard) {
	_, _ = sh.Request(c.flow, c.dialog.Request(wire.BYE), ignore{}) // the call is over whether it arrives or not
	c.end()
}

// ignore is the user of a BYE, whose response changes nothing.
type ignore struct{}

func (ignore) Response(*txn.Shard, *txn.Client, *wire.Message) {}
func (ignore) Failed(*txn.Shard, *txn.Client, error)           {}
