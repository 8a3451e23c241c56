package guard

import (
	"net/netip"
	"slices"
	"time"
)

// prefixes finds the networks that an address is in.
type prefixes map[int]map[netip.Prefix]*Entry // by length; those of IPv6 after those of IPv4

const v6 = 33 // how far

func lengthOf(p netip.Prefix) int {
	if p.Addr().Is4() {
		return p.Bits()
	}
	return v6 + p.Bits()
}

// find is an entry of a network with the address in it that is not over at time now; nil when there is none.
func (n prefixes) find(a netip.Addr, now time.Time) *Entry {
	for length, nets := range n {
		if a.Is4() != (length < v6) {
			continue
		}
		bits := length
		if length >= v6 {
			bits -= v6
		}
		if p, err := a.Prefix(bits); err == nil {
			if e := nets[p]; e != nil && !e.over(now) {
				return e
			}
		}
	}
	return nil
}

func (n prefixes) put(p netip.Prefix, e *Entry) {
	nets := n[lengthOf(p)]
	if nets == nil {
		nets = map[netip.Prefix]*Entry{}
		n[lengthOf(p)] = nets
	}
	nets[p] = e
}

func (n prefixes) get(p netip.Prefix) *Entry { return n[lengthOf(p)][p] }

func (n prefixes) drop(p netip.Prefix) {
	nets := n[lengthOf(p)]
	if delete(nets, p); len(nets) == 0 {
		delete(n, lengthOf(p))
	}
}

// plain is an address as the lists know it.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// customer is whom a ban is for: an IPv4 address, or the /64 that one IPv6 customer has.
func customer(a netip.Addr) netip.Prefix {
	bits := 64
	if a.Is4() {
		bits = 32
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // no address, as a pipe
	}
	return p
}

func within(a netip.Addr, nets []netip.Prefix) bool {
	return slices.ContainsFunc(nets, func(p netip.Prefix) bool { return p.Contains(a) })
}

// parsePrefix reads an address or a network; what is IPv4 within IPv6 comes out as IPv4.
func parsePrefix(s string) (netip.Prefix, bool) {
	if a, err := netip.ParseAddr(s); err == nil {
		a = plain(a)
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, false
	}
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked(), true
}
