package offer

import (
	"net/netip"
	"testing"
)

// An IPv6 address that is turned into IPv4 on the way names nobody whom a peer may not name.
func TestAddressesThatHideLocalOnes(t *testing.T) {
	local := Local{RTP: netip.MustParseAddrPort("[2001:db8::1]:20000")}
	public := netip.MustParseAddr("2001:db8:1::7")
	for a, good := range map[string]bool{
		"64:ff9b::7f00:1":    false, // NAT64 of 127.0.0.1
		"64:ff9b::a00:5":     false, // of 10.0.0.5
		"64:ff9b::6440:1":    false, // of 100.64.0.1
		"64:ff9b::e000:1":    false, // of 224.0.0.1
		"64:ff9b::c633:6401": true,  // of 198.51.100.1
		"2002:7f00:1::1":     false, // 6to4 of 127.0.0.1
		"2002:c633:6401::1":  true,
		"::7f00:1":           false, // compatible with 127.0.0.1
		"2001:db8:2::1":      true,
	} {
		addr := netip.MustParseAddr(a)
		if err := checkTarget(netip.AddrPortFrom(addr, 4000), local, false); (err == nil) != good {
			t.Errorf("%s: %v", a, err)
		}
	}
	if site := netip.MustParseAddr("fec0::1"); !behindNAT(site, public) {
		t.Errorf("%s is taken for a public address", site)
	}
}
