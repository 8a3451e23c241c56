package txn

import (
	"strconv"
	"time"

	"drawbridge/sip/wire"
)

// Chosen here.
const (
	retryMin, retrySpread = 5, 11 // Retry-After of an overload answer: 5 to 15 s

	swell = 1.5 // an answer that is so much larger than its request is one that a forged source might be after (security.md T10)
)

// answerVerdict answers what wire refused. Malformed requests are answered at a bounded rate: over UDP a source may be forged, and what
// was malformed once will be again.
func (c *Core) answerVerdict(f Flow, m *wire.Message, size int, v wire.Verdict) {
	c.refused(f, "malformed", strconv.Itoa(v.Status)+" "+v.Reason)
	req := v.Salvaged
	if req == nil || req.Method == wire.ACK || len(req.Via) == 0 {
		return
	}
	if (m == nil || v.Status == 400) && !c.grace.allow(f.Realm(), f.Remote().Addr(), time.Now()) {
		return
	}
	stamp(f, req) // the answer follows the flow: a Via in doubt is not a place to send to
	c.answer(f, req, size, v.Status, v.Reason, c.statelessTag(req), v.Fields...)
}

// answerOverload refuses a request before it costs a transaction. Retry-After is spread over requests but constant for the
// retransmissions of one.
func (c *Core) answerOverload(reply Flow, m *wire.Message, size int) {
	h := c.seal.stateless(m.Branch(), m.CallID, m.FromTag())
	after := strconv.FormatUint(h.retryAfter(), 10)
	c.answer(reply, m, size, 503, "", c.statelessTag(m), wire.Field{Name: "Retry-After", Value: after})
}

// answer sends one response outside any transaction to a request that came in size bytes. In datagrams, whose source may be forged, what
// is much larger than that goes out at a bounded rate. A transport error needs no report: the peer retransmits or is gone.
func (c *Core) answer(f Flow, req *wire.Message, size, status int, reason, tag string, fields ...wire.Field) {
	m := wire.NewResponse(req, status, reason, tag)
	m.Fields = append(m.Fields, fields...)
	c.sign(m)
	c.respond(f, m, size)
}

// respond is answer with the response made.
func (c *Core) respond(f Flow, m *wire.Message, size int) {
	b := m.Bytes()
	if !f.Reliable() && float64(len(b)) > swell*float64(size) && !c.swollen.allow(f.Realm(), f.Remote().Addr(), time.Now()) {
		c.refused(f, "amplified", string(m.CSeq.Method))
		return
	}
	_ = f.Send(b)
}

// sign names the product where the user of the message has not.
func (c *Core) sign(m *wire.Message) {
	name := "Server"
	if m.IsRequest() {
		name = "User-Agent"
	}
	if c.cfg.Server != "" && !m.Has(name) {
		m.Fields = append(m.Fields, wire.Field{Name: name, Value: c.cfg.Server})
	}
}
