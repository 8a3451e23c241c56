package resolve

import (
	"cmp"
	"math/rand/v2"
	"net/netip"
	"slices"
)

// srv is an SRV record (RFC 2782).
type srv struct {
	priority, weight, port uint16
	target                 string // "" means that there is decidedly no such service
}

// naptr is a NAPTR record (RFC 3403) that leads to an SRV name.
type naptr struct {
	order, preference uint16
	service           string // upper case
	replacement       string
}

// ordered puts records in the order of RFC 2782: by priority, within one by weighted lot. It draws anew each time, which is what spreads
// the calls.
func ordered(in []srv) []srv {
	rest := slices.Clone(in)
	// Weight 0 stands first, so that the lot 0 finds it.
	slices.SortStableFunc(rest, func(a, b srv) int {
		return cmp.Or(cmp.Compare(a.priority, b.priority), cmp.Compare(min(a.weight, 1), min(b.weight, 1)))
	})
	var out []srv
	for len(rest) > 0 {
		i := drawn(rest)
		out = append(out, rest[i])
		rest = slices.Delete(rest, i, i+1)
	}
	return out
}

// foremost keeps the records of the best priorities, as many as are ever tried.
func foremost(all []srv) []srv {
	slices.SortStableFunc(all, func(a, b srv) int { return cmp.Compare(a.priority, b.priority) })
	return all[:min(len(all), maxHops)]
}

// drawn draws one of the records that share the first one's priority.
func drawn(rest []srv) int {
	total, n := 0, 0
	for n < len(rest) && rest[n].priority == rest[0].priority {
		total += int(rest[n].weight)
		n++
	}
	lot := rand.IntN(total + 1) //nolint:gosec // it spreads load, it guards nothing
	for i := range n {
		if lot -= int(rest[i].weight); lot <= 0 {
			return i
		}
	}
	return 0
}

// byPreference puts NAPTR records in the order of RFC 3403 section 4.1.
func byPreference(in []naptr) []naptr {
	out := slices.Clone(in)
	slices.SortStableFunc(out, func(a, b naptr) int {
		return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.preference, b.preference))
	})
	return out
}

// families puts the two families in order. Within one every address is as good as the other.
func (f Family) families(v4, v6 []netip.Addr) []netip.Addr {
	v4, v6 = shuffled(v4), shuffled(v6)
	if f == V6First || f == V6Only {
		return append(v6, v4...)
	}
	return append(v4, v6...)
}

func shuffled(in []netip.Addr) []netip.Addr {
	out := slices.Clone(in)
	rand.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// takes reports whether the realm may send over a network to an address.
func (r Realm) takes(network string, a netip.Addr) bool {
	v6 := a.Is6()
	if r.Family == V4Only && v6 || r.Family == V6Only && !v6 {
		return false
	}
	return slices.Contains(r.Ways, Way{network, v6})
}

// asks reports whether addresses of a family can be of use.
func (r Realm) asks(network string, v6 bool) bool {
	if v6 {
		return r.takes(network, netip.IPv6Unspecified())
	}
	return r.takes(network, netip.IPv4Unspecified())
}

// sends reports whether the realm has a socket of a network at all.
func (r Realm) sends(network string) bool { return r.asks(network, false) || r.asks(network, true) }

// foreign refuses an answer that a name must not lead to: nobody's address, everybody's, and an inside one where the realm is public.
func (r Realm) foreign(a netip.Addr) bool {
	switch {
	case a.IsUnspecified(), a.IsMulticast(), a == broadcast, a.Zone() != "":
		return true
	case r.Private:
		return false
	}
	return Inside(a)
}

var (
	broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})
	shared    = netip.MustParsePrefix("100.64.0.0/10") // RFC 6598
)

// Inside reports whether an address is of no use on the public network.
func Inside(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || shared.Contains(a)
}
