package b2bua

import (
	"net/netip"
	"strings"

	"drawbridge/sip/dialog"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
)

// sameSource reports whether a request that came by f may speak in a dialog with p over own: the same connection, or for a trunk any of
// its sources in the realm. Tags can be sniffed; a source cannot be borrowed.
func sameSource(p Party, own, f txn.Flow) bool {
	if f.Key() == own.Key() {
		return true
	}
	if !p.Trunk || f.Realm() != own.Realm() {
		return false
	}
	return p.owns(f) || p.TLSName == "" && f.Remote().Addr() == own.Remote().Addr()
}

// contactAt is where a peer sends the requests of a dialog: the flow's own address. The user part is our tag, a token of the dialog's shard.
func contactAt(f txn.Flow, tag string) wire.Addr {
	at := f.SentBy()
	u := wire.URI{Scheme: "sip", User: tag, Host: at.Addr().Unmap().String(), Port: int(at.Port())}
	if t := strings.ToLower(f.Transport()); t != "udp" {
		if t == "wss" {
			t = "ws" // RFC 7118 section 5.2: the transport parameter knows ws only
		}
		u.Params.Set("transport", t)
	}
	return wire.Addr{URI: u}
}

// hopOf is where a trunk wants the requests of a dialog: its Contact or route set, if that is a number and one of its own sources.
// Anything else goes back the way the dialog came.
func hopOf(p Party, f txn.Flow, d *dialog.Dialog) netip.AddrPort {
	if d == nil || !p.Trunk || f.Reliable() {
		return netip.AddrPort{}
	}
	host, port := d.NextHop().HostPort()
	a, err := netip.ParseAddr(host)
	if err != nil || (a != f.Remote().Addr().Unmap() && !within(a, p.Sources)) {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a, uint16(port))
}
