package b2bua

import (
	"cmp"
	"strings"

	"drawbridge/sip/dialog"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
)

// sameSource reports whether a request that came by f may speak in a dialog with p over own: the same connection, or for a trunk any of
// its sources in the realm. Tags can be sniffed; a source cannot be borrowed.
func sameSource(p *Party, own, f txn.Flow) bool {
	if f.Key() == own.Key() {
		return true
	}
	if !p.Trunk || f.Realm() != own.Realm() {
		return false
	}
	return p.proved(f) && (f.Remote().Addr() == own.Remote().Addr() || within(f.Remote().Addr(), p.Sources))
}

// contactAt is where a peer sends the requests of a dialog: the flow's own address. The user part is our tag, a token of the dialog's shard.
func contactAt(f txn.Flow, tag string) wire.Addr {
	u := wire.URI{Scheme: "sip", User: tag, Host: txn.SentByHost(f), Port: int(f.SentBy().Port())}
	switch f.Transport() {
	case "UDP":
	case "WSS":
		u.Params.Set("transport", "ws") // RFC 7118 section 5.2: the transport parameter knows ws only
	default:
		u.Params.Set("transport", networkOf(f))
	}
	return wire.Addr{URI: u}
}

// networkOf is a flow's transport as a hop names it.
func networkOf(f txn.Flow) string {
	switch t := f.Transport(); t {
	case "UDP":
		return "udp"
	case "TCP":
		return "tcp"
	default:
		return strings.ToLower(t)
	}
}

// contactOf is contactAt in the form that the peer wants. Nothing is found by it: requests of a dialog are found by their tags.
func (p *Party) contactOf(f txn.Flow, user string) wire.Addr {
	at := contactAt(f, user)
	if p == nil || p.Profile == nil {
		return at
	}
	at.URI.Host = cmp.Or(p.Profile.Wire.ContactHost, at.URI.Host)
	return at
}

// hopOf is where a trunk wants the requests of a dialog: its Contact or route set, if that is a number and one of its own sources.
// Anything else goes back the way the dialog came; so does what says nothing of its network on a connection, and TLS where the trunk has
// no name to prove.
func hopOf(p *Party, f txn.Flow, d *dialog.Dialog) txn.Hop {
	if d == nil || !p.Trunk {
		return txn.Hop{}
	}
	u := d.NextHop()
	if m, ok := u.Params.Lookup("maddr"); ok { // a trunk may say which of its hosts is meant; whose it is, is judged below
		u.Host = m
	}
	hop, ok := numericHop(u)
	a := hop.Addr.Addr()
	switch {
	case !ok, hop.Network == "tls" && p.TLSName == "", a != f.Remote().Addr().Unmap() && !belongs(a, p.Sources):
		return txn.Hop{}
	case f.Reliable() && u.Params.Get("transport") == "" && lives(f):
		return txn.Hop{}
	case f.Reliable() && u.Params.Get("transport") == "":
		hop.Network = networkOf(f)
	}
	return p.named(hop)
}

// lives reports whether a flow can still carry something.
func lives(f txn.Flow) bool {
	m, mortal := f.(txn.Mortal)
	return !mortal || !m.Ended()
}

// way is where a request of a dialog goes: along its connection, while that lives and leads to the host that hop names; else to the hop. A
// connection that has ended without a hop is made anew.
func (s *Switch) way(f txn.Flow, hop txn.Hop) txn.Flow {
	alive, network := lives(f), networkOf(f)
	switch {
	case !hop.Addr.IsValid() && alive:
		return f
	case !hop.Addr.IsValid():
		hop = txn.Hop{Network: network, Addr: f.Remote(), Name: proved(f)}
	case alive && hop.Network == network && (hop.Addr == f.Remote() || f.Reliable() && hop.Addr.Addr() == f.Remote().Addr()):
		return f
	}
	if s.cfg.Flow == nil {
		return f
	}
	if other, err := s.cfg.Flow(f.Realm(), hop); err == nil {
		return other
	}
	return f
}

// proved is the name that the peer of a flow has proved; "" for none.
func proved(f txn.Flow) string {
	if peer, ok := f.(txn.Identified); ok && len(peer.Identity()) > 0 {
		return peer.Identity()[0]
	}
	return ""
}
