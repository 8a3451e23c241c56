package media

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/pion/stun/v4"
)

// Chosen here: RFC 8489 section 6.2.1 would have us wait for 40 s, and a start that hangs is no better than one that fails.
const (
	stunFirst = 500 * time.Millisecond // until a request is sent again, then twice as long each time
	stunTries = 4                      // 7.5 s in all
)

// Public is what a host looks like from outside.
type Public struct {
	Addr  netip.Addr
	Ports bool // ports come out as they are here, so that those we announce are those that peers see
}

// AskPublic asks a STUN server (host:port, RFC 8489) twice, from two ports of local, where our packets come from. Errors: ErrPublic when the
// answers differ or are no address to announce, the resolver's, the socket's, or that no answer came.
func AskPublic(ctx context.Context, local netip.Addr, server string) (Public, error) {
	at, err := stunServer(ctx, local, server)
	if err != nil {
		return Public{}, fmt.Errorf("media: STUN server %s: %w", server, err)
	}
	found := Public{Ports: true}
	for range 2 {
		seen, from, err := bindingOf(ctx, local, at)
		if err != nil {
			return Public{}, fmt.Errorf("media: STUN server %s: %w", server, err)
		}
		a := seen.Addr()
		switch {
		case a.Is4() != local.Is4() || a.IsUnspecified() || a.IsMulticast() || a.IsLinkLocalUnicast() || a.IsLoopback() != local.IsLoopback():
			return Public{}, fmt.Errorf("%w: %s says that we are %s", ErrPublic, server, a)
		case found.Addr.IsValid() && found.Addr != a:
			return Public{}, fmt.Errorf("%w: %s says that we are %s, then %s: this NAT has several addresses", ErrPublic, server, found.Addr, a)
		}
		found.Addr, found.Ports = a, found.Ports && seen.Port() == from.Port()
	}
	return found, nil
}

// stunServer finds the server's address of our family.
func stunServer(ctx context.Context, local netip.Addr, server string) (netip.AddrPort, error) {
	host, service, err := net.SplitHostPort(server)
	if err != nil {
		return netip.AddrPort{}, err
	}
	port, err := net.DefaultResolver.LookupPort(ctx, "udp", service)
	if err != nil {
		return netip.AddrPort{}, err
	}
	network := "ip6"
	if local.Is4() {
		network = "ip4"
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, network, host)
	if err != nil {
		return netip.AddrPort{}, err
	}
	return netip.AddrPortFrom(addrs[0].Unmap(), uint16(port)), nil
}

// bindingOf asks once, from a port of its own.
func bindingOf(ctx context.Context, local netip.Addr, at netip.AddrPort) (seen, from netip.AddrPort, err error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(local, 0)))
	if err != nil {
		return seen, from, err
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })()
	request, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.Fingerprint)
	if err != nil {
		return seen, from, err
	}
	b, wait := make([]byte, slotSize), stunFirst
	for range stunTries {
		if _, err := conn.WriteToUDPAddrPort(request.Raw, at); err != nil {
			return seen, from, err
		}
		if err := conn.SetReadDeadline(time.Now().Add(wait)); err != nil {
			return seen, from, err
		}
		for {
			n, src, err := conn.ReadFromUDPAddrPort(b)
			if err != nil {
				break
			}
			if seen, ok := mappedAddress(b[:n], request.TransactionID); ok && unmapped(src) == at {
				return seen, conn.LocalAddr().(*net.UDPAddr).AddrPort(), nil
			}
		}
		if ctx.Err() != nil {
			return seen, from, context.Cause(ctx)
		}
		wait *= 2
	}
	return seen, from, errNoAnswer
}

var errNoAnswer = errors.New("no answer")

// mappedAddress reads the success response to a request.
func mappedAddress(b []byte, id [stun.TransactionIDSize]byte) (netip.AddrPort, bool) {
	var m stun.Message
	if stun.Decode(b, &m) != nil || m.Type != stun.BindingSuccess || m.TransactionID != id {
		return netip.AddrPort{}, false
	}
	var x stun.XORMappedAddress
	if x.GetFrom(&m) != nil {
		return netip.AddrPort{}, false
	}
	a, ok := netip.AddrFromSlice(x.IP)
	return netip.AddrPortFrom(a.Unmap(), uint16(x.Port)), ok
}
