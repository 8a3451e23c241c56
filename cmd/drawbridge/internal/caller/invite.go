package caller

import (
	"context"
	"sync"
	"time"

	"drawbridge/sip/dialog"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
)

// invited is the end of an INVITE: the final response, or why there is none.
type invited struct {
	result
	dialog *confirmed
	at     time.Time
}

// confirmed is the dialog after the 2xx. The shard makes it and hands it over; from then on it is the run's.
type confirmed struct{ d *dialog.Dialog }

func (c *confirmed) callID() string { return c.d.ID().CallID }

// inviting is the user of the INVITE transaction. Its methods run on the shard.
type inviting struct {
	c           *call
	m           *wire.Message // as sent; sent again after a challenge
	tx          *txn.Client
	provisional chan time.Time // the first one
	dialog      *confirmed
	ack         []byte
	tried       bool // credentials have been sent
}

// invite places the call and waits for the first provisional response.
func (c *call) invite(ctx context.Context) (time.Time, error) {
	media, err := newMedia(c.cfg, c.agent.flow.Remote().Addr().IsLoopback(), sync.OnceFunc(func() { close(c.mediaFailed) }))
	if err != nil {
		return time.Time{}, err
	}
	c.media = media
	offer, err := media.offer(ctx)
	if err != nil {
		return time.Time{}, err
	}
	id, err := c.agent.token(ctx)
	if err != nil {
		return time.Time{}, err
	}
	u := &inviting{c: c, m: c.newInvite(id, offer), provisional: make(chan time.Time, 1)}
	c.inviting = u
	if err := c.agent.on(ctx, func(sh *txn.Shard) error { return u.send(sh) }); err != nil {
		return time.Time{}, err
	}
	select {
	case at := <-u.provisional:
		return at, nil
	case a := <-c.answer: // refused, or answered, without a word before
		c.answer <- a
		if a.err == nil && a.m.Status/100 == 2 {
			return a.at, nil
		}
		return time.Time{}, a.failure()
	case <-c.agent.lost:
		return time.Time{}, ErrLost
	case <-ctx.Done():
		return time.Time{}, ctx.Err()
	}
}

func (c *call) newInvite(id string, offer []byte) *wire.Message {
	m := wire.NewRequest(wire.INVITE, wire.URI{Scheme: "sip", User: c.cfg.To, Host: c.cfg.Domain})
	m.From, m.To = c.self(id), wire.Addr{URI: m.URI}
	m.CallID, m.CSeq = id, wire.CSeq{Seq: 1, Method: wire.INVITE}
	m.Contact = []wire.Addr{c.contact()}
	m.ContentType, m.Body = "application/sdp", offer
	m.Set("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS")
	return m
}

func (u *inviting) send(sh *txn.Shard) error {
	tx, err := sh.Request(u.c.agent.flow, u.m, u)
	u.tx = tx
	return err
}

// Response implements txn.ClientUser.
func (u *inviting) Response(sh *txn.Shard, _ *txn.Client, m *wire.Message) {
	switch {
	case m.Status < 200:
		u.progress()
	case m.Status < 300:
		u.accepted(sh, m)
	case challenged(m) && !u.tried:
		u.retry(sh, m)
	default:
		u.finish(invited{result: result{m: m}})
	}
}

// Failed implements txn.ClientUser.
func (u *inviting) Failed(_ *txn.Shard, _ *txn.Client, err error) {
	u.finish(invited{result: result{err: err}})
}

func (u *inviting) progress() {
	select {
	case u.provisional <- time.Now():
	default: // only the first is looked at
	}
}

// accepted acknowledges a 2xx, every time it comes (RFC 3261 section 13.2.2.4).
func (u *inviting) accepted(sh *txn.Shard, m *wire.Message) {
	if u.dialog == nil {
		d, err := dialog.NewUAC(u.m, m)
		if err != nil {
			u.finish(invited{result: result{err: err}})
			return
		}
		u.dialog = &confirmed{d}
		u.ack = ackBytes(sh, u.c.agent.flow, d, u.m.CSeq.Seq)
	}
	_ = sh.Send(u.c.agent.flow, u.ack) // a lost connection is heard of elsewhere
	u.finish(invited{result: result{m: m}, dialog: u.dialog})
}

// retry answers a challenge with a second INVITE.
func (u *inviting) retry(sh *txn.Shard, m *wire.Message) {
	u.tried = true
	err := u.c.authorize(u.m, m)
	if err == nil {
		err = u.send(sh)
	}
	if err != nil {
		u.finish(invited{result: result{err: err}})
	}
}

// finish reports the end, once.
func (u *inviting) finish(a invited) {
	a.at = time.Now()
	select {
	case u.c.answer <- a:
	default: // a 2xx again
	}
}

// failure is why the call was not answered.
func (a invited) failure() error {
	if a.err != nil {
		return a.err
	}
	return statusError(a.m)
}

// ackBytes is the ACK to a 2xx with a Via of its own: it is no transaction (RFC 3261 section 17.1.1.3).
func ackBytes(sh *txn.Shard, f txn.Flow, d *dialog.Dialog, seq uint32) []byte {
	ack := d.Ack(seq)
	via := wire.Via{Transport: f.Transport(), Host: "caller.invalid"}
	via.Params.Set("branch", "z9hG4bK"+sh.Token())
	ack.Via = []wire.Via{via}
	return ack.Bytes()
}

// answered waits for the 200, whose ACK the shard has sent, and gives its SDP to the media.
func (c *call) answered(ctx context.Context) (time.Time, error) {
	a, err := await(ctx, c, c.answer, "final response to INVITE")
	if err != nil {
		return time.Time{}, err
	}
	if err := a.failure(); err != nil {
		c.ended = true // nothing to hang up
		return time.Time{}, err
	}
	c.dialog = a.dialog
	return a.at, c.media.accept(a.m.Body)
}

// hangUp ends the call with a BYE.
func (c *call) hangUp(ctx context.Context) (time.Time, error) {
	c.ended = true
	c.media.quiet()
	resp, err := c.agent.do(ctx, c.dialog.d.Request(wire.BYE))
	if err != nil {
		return time.Time{}, err
	}
	return time.Time{}, statusError(resp)
}

// giveUp ends a call that a failed stage has left behind: BYE when it was answered, else CANCEL, and BYE should the 200 cross it.
func (c *call) giveUp(ctx context.Context) {
	if c.ended || c.inviting == nil {
		return
	}
	if c.dialog == nil {
		_ = c.agent.on(ctx, func(*txn.Shard) error { // the core may have ended: then nothing is left to cancel
			if c.inviting.tx != nil {
				c.inviting.tx.Cancel()
			}
			return nil
		})
		a, err := await(ctx, c, c.answer, "end of INVITE")
		if err != nil || a.dialog == nil {
			return
		}
		c.dialog = a.dialog
	}
	_, _ = c.hangUp(ctx) // best effort: the run has failed already
}
