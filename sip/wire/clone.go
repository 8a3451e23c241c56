package wire

import "strings"

// Clone is an address that shares no memory with the message that a comes from: who keeps a part of a message for long would keep all of it.
func (a Addr) Clone() Addr {
	a.Display, a.URI, a.Params = strings.Clone(a.Display), a.URI.Clone(), a.Params.Clone()
	return a
}

// Clone is the same for a URI.
func (u URI) Clone() URI {
	for _, s := range []*string{&u.Scheme, &u.User, &u.Password, &u.Host, &u.Headers, &u.Opaque} {
		*s = strings.Clone(*s)
	}
	u.Params = u.Params.Clone()
	return u
}

// Clone is the same for parameters.
func (p Params) Clone() Params {
	if p == nil {
		return nil
	}
	own := make(Params, len(p))
	for i, q := range p {
		own[i] = Param{strings.Clone(q.Name), strings.Clone(q.Value)}
	}
	return own
}
