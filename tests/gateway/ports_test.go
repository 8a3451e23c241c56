package gateway

import (
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
)

// No port is given twice, none that a connection of the system's choice may get, and none that is taken for either transport, itself or the
// one above it.
func TestPortsStayFreeUntilTheyAreTaken(t *testing.T) {
	ephemeral := 32768
	if b, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); err == nil {
		if ephemeral, err = strconv.Atoi(strings.Fields(string(b))[0]); err != nil {
			t.Fatal(err)
		}
	}
	at := netip.MustParseAddr("127.0.9.9")
	next := func() int { return firstPort + 2*int((portsBegin+portsGiven.Load()+1)%portPairs) }
	given := make(map[int]bool)
	for i := range 100 {
		taken := next()
		switch i % 4 {
		case 0:
			l, err := net.Listen("tcp", addr(at, taken))
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
		case 1:
			l, err := net.Listen("tcp", addr(at, taken+1))
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
		case 2:
			c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, uint16(taken))))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
		default:
			taken = 0
		}
		port, err := FreePort(at)
		if err != nil {
			t.Fatal(err)
		}
		if port == taken || given[port] || port >= ephemeral {
			t.Errorf("port %d: taken %t, given before %t, the system's own begin at %d", port, port == taken, given[port], ephemeral)
		}
		given[port] = true
	}
	if _, err := FreePort(netip.MustParseAddr("192.0.2.1")); err == nil {
		t.Error("a port on an address that is not ours")
	}
}
