package caller

import (
	"context"
	"time"

	"drawbridge/sip/wire"
)

const registerFor = 60 // seconds: longer than any run

// register binds the account to this connection.
func (c *call) register(ctx context.Context) (time.Time, error) {
	id, err := c.agent.token(ctx)
	if err != nil {
		return time.Time{}, err
	}
	m := wire.NewRequest(wire.REGISTER, wire.URI{Scheme: "sip", Host: c.cfg.Domain})
	m.From, m.To = c.self(id), c.self("")
	m.CallID, m.CSeq = id, wire.CSeq{Seq: 1, Method: wire.REGISTER}
	m.Contact, m.Expires = []wire.Addr{c.contact()}, registerFor
	resp, err := c.agent.do(ctx, m)
	if err != nil {
		return time.Time{}, err
	}
	if challenged(resp) {
		if err := c.authorize(m, resp); err != nil {
			return time.Time{}, err
		}
		if resp, err = c.agent.do(ctx, m); err != nil {
			return time.Time{}, err
		}
	}
	return time.Time{}, statusError(resp)
}

// self is the account's address of record, with a tag when there is one.
func (c *call) self(tag string) wire.Addr {
	a := wire.Addr{URI: wire.URI{Scheme: "sip", User: c.cfg.User, Host: c.cfg.Domain}}
	if tag != "" {
		a.Params.Set("tag", tag)
	}
	return a
}

// contact is reached through the connection only (RFC 7118 section 5).
func (c *call) contact() wire.Addr {
	u := wire.URI{Scheme: "sip", User: c.cfg.User, Host: "caller.invalid"}
	u.Params.Set("transport", "ws")
	return wire.Addr{URI: u}
}
