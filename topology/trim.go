package topology

import (
	"slices"
	"strings"

	"drawbridge/policy/profile"
	"drawbridge/sip/wire"
)

// maxDatagram is the largest request in a datagram (RFC 3261 section 18.1.1), and viaRoom what the Via on top of it takes, in bytes.
const (
	maxDatagram = 1300
	viaRoom     = 120
)

// Trim leaves out of a whole INVITE what the peer is not to see: extensions and methods that it chokes on, headers by name, and, on the
// way to a UDP target (datagram), those of mtu.drop_order until the rest fits.
func Trim(m *wire.Message, p *profile.Profile, datagram bool) {
	if p == nil {
		return
	}
	only(m, "Supported", p.Wire.Advertise)
	only(m, "Allow", p.Wire.Allow)
	for _, name := range p.Wire.Drop {
		m.Del(name)
	}
	m.Compact = p.Wire.CompactOut
	for _, name := range p.Wire.DropOrder {
		if !datagram || len(m.Bytes())+viaRoom <= maxDatagram {
			break
		}
		m.Del(name)
	}
}

// only keeps the items of a list header that are named; an empty list of names keeps all.
func only(m *wire.Message, header string, names []string) {
	values := m.Values(header)
	if len(names) == 0 || len(values) == 0 {
		return
	}
	var kept []string
	for item := range strings.SplitSeq(strings.Join(values, ","), ",") {
		item = strings.TrimSpace(item)
		if slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, item) }) {
			kept = append(kept, item)
		}
	}
	m.Del(header)
	if len(kept) > 0 {
		m.Add(header, strings.Join(kept, ", "))
	}
}
