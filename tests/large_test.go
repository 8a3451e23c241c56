package tests

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"drawbridge/tests/gateway"
)

// TestLargeRequests: a MESSAGE that does not fit into a datagram goes to a UDP trunk over TCP when that is there, else over UDP all the
// same; where the target says UDP in words nobody asks.
func TestLargeRequests(t *testing.T) {
	for _, tt := range []struct {
		name, transport string
		listens         bool // for TCP
		want            string
	}{
		{"TCP is there", "", true, "TCP"},
		{"TCP is refused", "", false, "UDP"},
		{"UDP in words", "udp", true, "UDP"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			callee := netip.AddrPortFrom(gateway.PhoneAddr, uint16(gateway.FreeUDP(t, gateway.PhoneAddr)))
			gw := gateway.Start(t, gateway.Config{
				Trunks: []gateway.Trunk{{Name: "acme", Target: callee, Transport: tt.transport}},
				Routes: []gateway.Route{{From: "carrier", To: "+4970*", Via: "acme"}},
			})
			got := make(chan string, 1)
			hear := func(m string) { // the first one is the answer; copies of it change nothing
				select {
				case got <- m:
				default:
				}
			}
			listenUDP(t, callee, hear)
			if tt.listens {
				listenTCP(t, callee, hear)
			}
			sendMessage(t, gw.SIP, strings.Repeat("x", 1400))
			select {
			case m := <-got:
				if !strings.HasPrefix(m, "MESSAGE ") || !strings.Contains(m, "\r\nVia: SIP/2.0/"+tt.want+" ") {
					t.Errorf("got %.200s", m)
				}
			case <-time.After(10 * time.Second):
				t.Error("nothing came")
			}
		})
	}
}

// listenUDP hands over what comes to an address.
func listenUDP(t *testing.T, at netip.AddrPort, hear func(string)) {
	t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	go func() {
		b := make([]byte, 65536)
		for {
			n, err := c.Read(b)
			if err != nil {
				return
			}
			hear(string(b[:n]))
		}
	}()
}

// listenTCP hands over the header section of what comes on the first connection.
func listenTCP(t *testing.T, at netip.AddrPort, hear func(string)) {
	t.Helper()
	ln, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(at))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		t.Cleanup(func() { c.Close() })
		var head strings.Builder
		for lines := bufio.NewScanner(c); lines.Scan() && lines.Text() != ""; {
			head.WriteString(lines.Text() + "\r\n")
		}
		hear(head.String())
	}()
}

// sendMessage sends a MESSAGE as the trunk.
func sendMessage(t *testing.T, to netip.AddrPort, body string) {
	t.Helper()
	c, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(gateway.PhoneAddr, 0)), net.UDPAddrFromAddrPort(to))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	from := c.LocalAddr().String()
	fmt.Fprintf(c, "MESSAGE sip:%s@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKlarge;rport\r\nMax-Forwards: 70\r\n"+
		"From: <sip:+4989222@%s>;tag=large\r\nTo: <sip:%s@%s>\r\nCall-ID: large@%s\r\nCSeq: 1 MESSAGE\r\n"+
		"Content-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", dialled, to, from, from, dialled, to, from, len(body), body)
}
