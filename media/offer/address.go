package offer

import (
	"net/netip"
	"strconv"
	"strings"
)

// Ports below this belong to services, not to media (a peer that names port 22 wants us to attack it).
const firstMediaPort = 1024

// parseAddr reads the address of a c= or a=rtcp line: a literal, with the TTL of RFC 8866 section 5.7 cut off. Names are not resolved.
func parseAddr(s string) (netip.Addr, bool) {
	s, _, _ = strings.Cut(s, "/")
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return netip.Addr{}, false
	}
	return a.Unmap(), true
}

// checkTarget says whether the gateway may send media to ap (security T22). local is our own media address.
func checkTarget(ap netip.AddrPort, local Local, allowLoopback bool) error {
	a := ap.Addr()
	switch {
	case !a.IsValid() || a.IsUnspecified():
		return refused("no usable media address")
	case a.IsMulticast() || a.Is4() && a.As4()[0] >= 240:
		return refused("media address is not a unicast one")
	case (a.IsLoopback() || a.IsLinkLocalUnicast() || a.Is4() && a.As4()[0] == 0) && !allowLoopback:
		return refused("media address is local to a host or link")
	case ap.Port() < firstMediaPort:
		return refused("media port is a service's port")
	case a.Is4() != local.RTP.Addr().Unmap().Is4():
		return refused("media address family differs from ours")
	case hidesLocal(a):
		return refused("media address hides one that is local")
	case a == local.RTP.Addr().Unmap() && (!allowLoopback || ap.Port() == local.RTP.Port() || ap.Port() == local.RTCP.Port()):
		return refused("media address is our own")
	}
	return nil
}

// hidesLocal tells an IPv6 address that a translator or tunnel turns into an IPv4 address which has no business there: through it a peer would reach
// what it may not name.
func hidesLocal(a netip.Addr) bool {
	v4, ok := hidden(a)
	return ok && (!v4.IsGlobalUnicast() || v4.IsPrivate() || carrierNAT.Contains(v4))
}

// hidden is the IPv4 address within NAT64's prefix (RFC 6052), a 6to4 address (RFC 3056), and one of the old compatible ones (RFC 4291 section
// 2.5.5.1).
func hidden(a netip.Addr) (netip.Addr, bool) {
	b := a.As16()
	switch {
	case nat64.Contains(a), compatible.Contains(a) && a != netip.IPv6Loopback():
		return netip.AddrFrom4([4]byte(b[12:])), true
	case sixToFour.Contains(a):
		return netip.AddrFrom4([4]byte(b[2:6])), true
	}
	return netip.Addr{}, false
}

var (
	nat64      = netip.MustParsePrefix("64:ff9b::/96")
	sixToFour  = netip.MustParsePrefix("2002::/16")
	compatible = netip.MustParsePrefix("::/96")
	siteLocal  = netip.MustParsePrefix("fec0::/10") // RFC 3879: deprecated, and private where it lives on
)

// behindNAT tells whether a peer announces an address that only its own network knows, while its signalling comes from a public one.
func behindNAT(announced, signals netip.Addr) bool {
	return signals.IsValid() && isPrivate(announced) && !isPrivate(signals)
}

// isPrivate tells the addresses of networks behind NAT: RFC 1918, RFC 4193, and those that carriers share (RFC 6598).
func isPrivate(a netip.Addr) bool {
	return a.IsPrivate() || carrierNAT.Contains(a) || siteLocal.Contains(a)
}

var carrierNAT = netip.MustParsePrefix("100.64.0.0/10")

// parseCandidate reads an ICE candidate as far as it may serve as a hint: UDP, first component, a literal address
// (RFC 8839 section 5.1). mDNS names and TCP candidates give nothing.
func parseCandidate(value string) (netip.AddrPort, bool) {
	var f [8]string
	if words(value, f[:]) < len(f) || f[1] != "1" || !strings.EqualFold(f[2], "udp") {
		return netip.AddrPort{}, false
	}
	a, ok := parseAddr(f[4])
	port, err := strconv.ParseUint(f[5], 10, 16)
	if !ok || err != nil {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(a, uint16(port)), true
}
