package config

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Target is where a trunk's requests go: sip:HOST[:PORT][;transport=udp]. What is not written is left to RFC 3263: a name without a port
// is looked up by NAPTR and SRV.
type Target struct {
	Host      string // lower case: a name, or an address without brackets
	Port      uint16
	HasPort   bool
	Transport string // lower case; "" when not written
}

var errTarget = errors.New("a target is sip:HOST[:PORT][;transport=udp|tcp|tls]")

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *Target) UnmarshalText(text []byte) error {
	rest, ok := strings.CutPrefix(strings.ToLower(string(text)), "sip:")
	if !ok {
		return fmt.Errorf("%q: %w", text, errTarget)
	}
	host, params, _ := strings.Cut(rest, ";")
	if params != "" {
		if t.Transport, ok = strings.CutPrefix(params, "transport="); !ok {
			return fmt.Errorf("%q: %w", text, errTarget)
		}
	}
	if !t.readHost(host) {
		return fmt.Errorf("%q: %w", text, errTarget)
	}
	return nil
}

// readHost reads HOST[:PORT]. IPv6 without a port may stand without brackets.
func (t *Target) readHost(s string) bool {
	if a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")); err == nil {
		t.Host = a.Unmap().String()
		return true
	}
	if a, err := netip.ParseAddrPort(s); err == nil {
		t.Host, t.Port, t.HasPort = a.Addr().Unmap().String(), a.Port(), true
		return true
	}
	host, port, hasPort := strings.Cut(s, ":")
	if hasPort {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return false
		}
		t.Port, t.HasPort = uint16(n), true
	}
	t.Host = strings.TrimSuffix(host, ".")
	return hostName(t.Host)
}

// hostName tells a DNS name from what is none, such as an address with a digit too many.
func hostName(s string) bool {
	last := s[strings.LastIndexByte(s, '.')+1:]
	_, err := strconv.Atoi(last)
	return domainForm.MatchString(s) && !strings.Contains(s, "..") && err != nil
}

// Addr is the address when the host is one, invalid when it is a name.
func (t Target) Addr() netip.Addr {
	a, err := netip.ParseAddr(t.Host)
	if err != nil {
		return netip.Addr{}
	}
	return a
}

// MarshalText implements encoding.TextMarshaler.
func (t Target) MarshalText() ([]byte, error) {
	out := "sip:" + t.Host
	if strings.Contains(t.Host, ":") {
		out = "sip:[" + t.Host + "]"
	}
	if t.HasPort {
		out += ":" + strconv.Itoa(int(t.Port))
	}
	if t.Transport != "" {
		out += ";transport=" + t.Transport
	}
	return []byte(out), nil
}

// Nameserver is a DNS server: an address, port 53 unless it says otherwise.
type Nameserver struct{ Addr netip.AddrPort }

const dnsPort = 53

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *Nameserver) UnmarshalText(text []byte) error {
	if a, err := netip.ParseAddr(string(text)); err == nil {
		n.Addr = netip.AddrPortFrom(a.Unmap(), dnsPort)
		return nil
	}
	a, err := netip.ParseAddrPort(string(text))
	if err != nil || a.Port() == 0 {
		return fmt.Errorf("%q is not an address such as 192.0.2.53 or 192.0.2.53:5353", text)
	}
	n.Addr = a
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (n Nameserver) MarshalText() ([]byte, error) { return n.Addr.MarshalText() }
