package b2bua

import (
	"strconv"
	"strings"

	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
	"drawbridge/topology"
)

// seed is the caller's INVITE as topology may read it; a call from a JSON line gets one made up of what the line said.
func (c *Call) seed() *wire.Message {
	if c.setup.Invite != nil {
		return c.setup.Invite
	}
	m := wire.NewRequest(wire.INVITE, wire.URI{Scheme: "sip", User: c.setup.To, Host: c.setup.Caller.Realm.Domain})
	m.From.URI = wire.URI{Scheme: "sip", User: c.setup.From, Host: c.setup.Caller.Realm.Domain}
	m.To.URI = m.URI
	c.origin.tell(m)
	return m
}

// outbound is the INVITE skeleton towards a callee: topology says what of the caller may be seen.
func outbound(in *wire.Message, s *Setup, p *Party, t *Target, f txn.Flow) *wire.Message {
	told := s.told(in)
	far := farOf(s, p, t, f)
	far.Private = told.Private
	m := topology.Invite(in, far)
	topology.Dress(m, in, told, far, p.Profile)
	return m
}

// told is what the caller's INVITE says of the people in it; of one that stands for it, what that says.
func (s *Setup) told(in *wire.Message) topology.Told {
	if s.Told != nil {
		return *s.Told
	}
	return topology.Read(in, nil)
}

// farOf is the far side of what s asks for. A trunk is told an account's number, another account its name.
func farOf(s *Setup, p *Party, t *Target, f txn.Flow) topology.Far {
	far := topology.Far{Target: t.Contact.URI, Host: p.Realm.Domain, Caller: s.From, Callee: s.To}
	if far.Host == "" {
		far.Host = txn.SentByHost(f)
	}
	if p.Trunk && s.Caller.Number != "" {
		far.Caller = s.Caller.Number
	}
	if s.Secure {
		far.Target.Scheme = "sips"
	}
	return far
}

// retryOf is the Retry-After of a final response in seconds, 0 when there is none worth passing on (RFC 3261 section 20.33).
func retryOf(m *wire.Message) int {
	const tooLong = 86400
	text, _, _ := strings.Cut(m.Get("Retry-After"), ";")
	text, _, _ = strings.Cut(text, "(")
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || n < 0 || n > tooLong {
		return 0
	}
	return n
}

// callerStatus is what the caller is told for the status that ended the call.
func callerStatus(c Cause, p *Party) int {
	switch {
	case c.SIP == 0: // the callee has hung up before our 2xx could go out
		if topology.AboutCallee(c.Q850) {
			return topology.StatusOf(c.Q850)
		}
		return 480
	case c.By != byCallee:
		return c.SIP
	}
	return topology.ToCaller(c.SIP, c.Q850, p.Trunk)
}
