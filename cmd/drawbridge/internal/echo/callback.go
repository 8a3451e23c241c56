package echo

import (
	"drawbridge/media/offer"
	"drawbridge/sip/dialog"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
)

// callBack places a call to whoever has just hung up on numberCallback.
func (c *call) callBack(sh *txn.Shard) {
	caller := userOf(c.dialog.Remote())
	if c.number != numberCallback || !c.echo.cfg.Gateway.IsValid() || caller == "" {
		return
	}
	sh.After(callbackAfter, func() { c.echo.dial(sh, caller) })
}

// dial calls a number through the gateway. Whatever fails, there is nobody to tell.
func (e *Echo) dial(sh *txn.Shard, number string) {
	flow, err := e.transport.UDP(realm, e.cfg.Gateway)
	if err != nil {
		return
	}
	c, err := e.newCall(sh, flow, "")
	if err != nil {
		return
	}
	body, err := c.offer.Offer(offer.SendRecv)
	if err != nil {
		c.end()
		return
	}
	if _, err := sh.Request(flow, c.outgoing(sh, number, body), &outgoing{call: c}); err != nil {
		c.end()
	}
}

// outgoing builds the INVITE.
func (c *call) outgoing(sh *txn.Shard, number string, body []byte) *wire.Message {
	gateway := c.echo.cfg.Gateway
	to := wire.URI{Scheme: "sip", User: number, Host: gateway.Addr().String(), Port: int(gateway.Port())}
	m := wire.NewRequest(wire.INVITE, to)
	m.To = wire.Addr{URI: to}
	m.From = c.contact()
	m.From.URI.User = numberCallback
	m.From.Params.Set("tag", c.tag)
	m.CallID = sh.Token()
	m.CSeq = wire.CSeq{Seq: 1, Method: wire.INVITE}
	m.Contact = []wire.Addr{c.contact()}
	m.ContentType, m.Body = sdpType, body
	m.Set("Allow", allow)
	c.invite = m
	return m
}

// outgoing takes the responses to our INVITE.
type outgoing struct {
	call     *call
	answered bool
}

// Response implements txn.ClientUser. Every 2xx is acknowledged, repetitions too.
func (o *outgoing) Response(sh *txn.Shard, _ *txn.Client, m *wire.Message) {
	c := o.call
	switch {
	case m.Status < 200:
	case m.Status >= 300:
		c.end()
	case o.answered:
		c.ack(sh)
	default:
		o.answered = true
		c.answered(sh, m)
	}
}

// Failed implements txn.ClientUser.
func (o *outgoing) Failed(*txn.Shard, *txn.Client, error) { o.call.end() }

// answered takes the 2xx to our INVITE.
func (c *call) answered(sh *txn.Shard, m *wire.Message) {
	d, err := dialog.NewUAC(c.invite, m)
	if err != nil {
		c.end()
		return
	}
	c.dialog = d
	c.ack(sh)
	if _, err := c.offer.Answered(m.Body); err != nil {
		c.hangUp(sh)
		return
	}
	c.talk()
}

// ack acknowledges the 2xx to our INVITE. It is no transaction (RFC 3261 section 13.2.2.4), so its Via is made here; lost, it is sent
// again with the repeated 2xx.
func (c *call) ack(sh *txn.Shard) {
	at := c.flow.SentBy()
	m := c.dialog.Ack(c.invite.CSeq.Seq)
	m.Via = []wire.Via{{
		Transport: c.flow.Transport(), Host: at.Addr().Unmap().String(), Port: int(at.Port()),
		Params: wire.Params{{Name: "branch", Value: "z9hG4bK" + sh.Token()}},
	}}
	_ = sh.Send(c.flow, m.Bytes())
}
