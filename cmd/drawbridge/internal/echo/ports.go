package echo

import (
	"errors"
	"net"
	"net/netip"
)

var errPorts = errors.New("echo: no RTP port pair")

const portAttempts = 64

// openPair opens an even port for RTP and the odd one above it for RTCP, as old peers expect (RFC 3550 section 11).
func openPair(at netip.Addr) (rtp, rtcp *net.UDPConn, err error) {
	for range portAttempts {
		rtp, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, 0)))
		if err != nil {
			return nil, nil, err
		}
		if port := addrOf(rtp).Port(); port%2 == 0 {
			rtcp, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, port+1)))
			if err == nil {
				return rtp, rtcp, nil
			}
		}
		_ = rtp.Close() // nobody has heard of it
	}
	return nil, nil, errPorts
}

func addrOf(c *net.UDPConn) netip.AddrPort {
	a := c.LocalAddr().(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
