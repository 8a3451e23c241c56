package gateway

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
)

// Programs are told their ports by number, so each is chosen a moment before it is taken. Nobody else takes it in between: the range lies below
// the system's ephemeral ports, which any connection may get, and below those of RTP; a port is not given twice before the range is used up;
// and processes begin at places of their own.
const (
	firstPort = 10000
	portPairs = (firstRTP - firstPort) / 2
)

var (
	portsBegin = uint32(os.Getpid()) * 61 // a stride, so that one process does not walk into the next
	portsGiven atomic.Uint32
)

// FreePort returns an even port that is free on an address for UDP and TCP; so is the one above it, as phones take it for TLS.
func FreePort(at netip.Addr) (int, error) {
	for range portPairs {
		port := firstPort + 2*int((portsBegin+portsGiven.Add(1))%portPairs)
		err := errors.Join(vacant(at, port), vacant(at, port+1))
		if !errors.Is(err, syscall.EADDRINUSE) {
			return port, err
		}
	}
	return 0, fmt.Errorf("no port from %d to %d is free on %s", firstPort, firstRTP-1, at)
}

// FreeUDP is FreePort for a test.
func FreeUDP(t testing.TB, at netip.Addr) int {
	t.Helper()
	port, err := FreePort(at)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// vacant tells whether a port can be had.
func vacant(at netip.Addr, port int) error {
	l, err := net.Listen("tcp", addr(at, port))
	if err != nil {
		return err
	}
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, uint16(port))))
	if err != nil {
		return errors.Join(err, l.Close())
	}
	return errors.Join(l.Close(), c.Close())
}

// choose finds a free port for everything.
func choose() (p ports, err error) {
	for _, c := range []struct {
		port *int
		at   netip.Addr
	}{
		{&p.web, AccessAddr}, {&p.plain, AccessAddr}, {&p.admin, AccessAddr}, {&p.sip, CarrierAddr}, {&p.sips, CarrierAddr}, {&p.media, AccessAddr},
	} {
		if *c.port, err = FreePort(c.at); err != nil {
			return p, err
		}
	}
	p.rtp = firstRTP
	return p, nil
}
