package config

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// The types below read themselves from one word of the file; the decoder adds the position to their errors.

// HostPort is a listening address, host:port; the host may be empty.
type HostPort string

// Off is the HostPort that opens no listener.
const Off HostPort = "off"

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *HostPort) UnmarshalText(text []byte) error {
	s := string(text)
	if s == "" || HostPort(s) == Off {
		*h = HostPort(s)
		return nil
	}
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		return fmt.Errorf("%q is not host:port", s)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("%q has no port between 0 and 65535", s)
	}
	*h = HostPort(s)
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (h HostPort) MarshalText() ([]byte, error) { return []byte(h), nil }

// Loopback reports whether the address can be reached from this host only. Names other than localhost are not looked up: false.
func (h HostPort) Loopback() bool {
	host, _, err := net.SplitHostPort(string(h))
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

// Address is an IP address, "auto", or "stun:HOST:PORT".
type Address struct {
	Auto bool
	STUN string     // host:port of the server that knows the address
	Addr netip.Addr // invalid when absent, Auto, or not yet asked for
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (a *Address) UnmarshalText(text []byte) error {
	switch s := string(text); s {
	case "":
		*a = Address{}
	case "auto":
		*a = Address{Auto: true}
	default:
		if server, ok := strings.CutPrefix(s, "stun:"); ok {
			return a.ask(server)
		}
		addr, err := netip.ParseAddr(s)
		if err != nil {
			return fmt.Errorf("%q is not an IP address or auto", s)
		}
		*a = Address{Addr: addr.Unmap()}
	}
	return nil
}

// stunPort is the default of RFC 8489 section 17.
const stunPort = "3478"

// ask takes the server behind "stun:".
func (a *Address) ask(server string) error {
	host, port, err := net.SplitHostPort(server)
	if err != nil && !strings.Contains(server, ":") {
		host, port, err = server, stunPort, nil
	}
	if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || n == 0 || host == "" {
		return fmt.Errorf("%q is not a STUN server such as stun:stun.example.com:3478", "stun:"+server)
	}
	*a = Address{STUN: net.JoinHostPort(host, port)}
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (a Address) MarshalText() ([]byte, error) {
	switch {
	case a.Auto:
		return []byte("auto"), nil
	case a.STUN != "":
		return []byte("stun:" + a.STUN), nil
	case a.Addr.IsValid():
		return a.Addr.MarshalText()
	}
	return nil, nil
}

// Listen is a SIP socket: network:address:port.
type Listen struct {
	Network string // "udp", "tcp" or "tls"; other words are kept for Validate to refuse
	Addr    netip.AddrPort
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *Listen) UnmarshalText(text []byte) error {
	network, rest, ok := strings.Cut(string(text), ":")
	if !ok {
		return fmt.Errorf("%q is not network:address:port, such as udp:203.0.113.9:5060", text)
	}
	if strings.HasPrefix(rest, ":") { // no address: all of them
		rest = "0.0.0.0" + rest
	}
	addr, err := netip.ParseAddrPort(rest)
	if err != nil {
		return fmt.Errorf("%q is not network:address:port, such as udp:203.0.113.9:5060", text)
	}
	*l = Listen{Network: network, Addr: netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())}
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (l Listen) MarshalText() ([]byte, error) { return []byte(l.Network + ":" + l.Addr.String()), nil }

// PortRange is first-last, both included. 0-0 (Set) lets the system pick.
type PortRange struct {
	Set      bool
	Min, Max uint16
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *PortRange) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*p = PortRange{}
		return nil
	}
	low, high, ok := strings.Cut(string(text), "-")
	minPort, err1 := strconv.ParseUint(strings.TrimSpace(low), 10, 16)
	maxPort, err2 := strconv.ParseUint(strings.TrimSpace(high), 10, 16)
	if !ok || err1 != nil || err2 != nil {
		return fmt.Errorf("%q is not a range of ports such as 20000-29999", text)
	}
	*p = PortRange{Set: true, Min: uint16(minPort), Max: uint16(maxPort)}
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (p PortRange) MarshalText() ([]byte, error) {
	if !p.Set {
		return nil, nil
	}
	return fmt.Appendf(nil, "%d-%d", p.Min, p.Max), nil
}

// IsZero reports an absent range.
func (p PortRange) IsZero() bool { return !p.Set }

// Contains reports whether port is in the range.
func (p PortRange) Contains(port uint16) bool { return p.Set && p.Min <= port && port <= p.Max }

// overlaps reports whether the ranges share a port.
func (p PortRange) overlaps(q PortRange) bool {
	return p.Set && q.Set && p.Min <= q.Max && q.Min <= p.Max
}

// Patience is a duration, or "off": for ever.
type Patience struct {
	Off   bool
	Limit time.Duration // 0 when absent or Off
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *Patience) UnmarshalText(text []byte) error {
	switch s := string(text); s {
	case "":
		*p = Patience{}
	case "off":
		*p = Patience{Off: true}
	default:
		d, err := time.ParseDuration(s)
		if err != nil {
			return fmt.Errorf("%q is not a duration such as 60s, or off", s)
		}
		*p = Patience{Limit: d}
	}
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (p Patience) MarshalText() ([]byte, error) {
	switch {
	case p.Off:
		return []byte("off"), nil
	case p.Limit == 0:
		return nil, nil
	}
	return []byte(p.Limit.String()), nil
}

// Source is an address, a network, or "any".
type Source struct{ Prefixes []netip.Prefix }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Source) UnmarshalText(text []byte) error {
	if string(text) == "any" {
		*s = Source{allSources}
		return nil
	}
	if a, err := netip.ParseAddr(string(text)); err == nil {
		a = a.Unmap()
		*s = Source{[]netip.Prefix{netip.PrefixFrom(a, a.BitLen())}}
		return nil
	}
	p, err := netip.ParsePrefix(string(text))
	if err != nil {
		return fmt.Errorf("%q is not an address, a network such as 198.51.100.0/24, or any", text)
	}
	if p != p.Masked() {
		return fmt.Errorf("%q has bits beyond its length; the network is %s", text, p.Masked())
	}
	*s = Source{[]netip.Prefix{p}}
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (s Source) MarshalText() ([]byte, error) {
	if len(s.Prefixes) == 0 {
		return nil, nil
	}
	if len(s.Prefixes) > 1 {
		return []byte("any"), nil
	}
	return s.Prefixes[0].MarshalText()
}
