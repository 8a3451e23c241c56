package classify

import (
	"net/netip"
	"strings"
)

// Host brings the host part of a URI into the one form in which hosts are compared: addresses as netip writes them, an IPv4 one out of its
// IPv6 form, names in lower case. ok is false for what is neither an address nor a name as DNS has it: with a percent escape, a letter
// beyond ASCII (names in other scripts are written xn--), a dot at the end or two in a row. Nothing is repaired: whoever writes a host in
// a way that needs it means to be taken for somebody else.
func Host(s string) (host string, ok bool) {
	if a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")); err == nil {
		var room [48]byte
		if text := a.Unmap().WithZone("").AppendTo(room[:0]); string(text) != s {
			s = string(text)
		}
		return s, a.Zone() == ""
	}
	if s == "" || len(s) > 253 {
		return "", false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || strings.Trim(label, labelBytes) != "" {
			return "", false
		}
	}
	return strings.ToLower(s), true
}

const labelBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

// Hosts are the hosts that a side may name, in the form of [Host].
type Hosts map[string]bool

// NewHosts makes the set of some hosts, and returns those that are none.
func NewHosts(all []string) (hosts Hosts, bad []string) {
	hosts = Hosts{}
	for _, s := range all {
		host, ok := Host(s)
		if !ok {
			bad = append(bad, s)
			continue
		}
		hosts[host] = true
	}
	return hosts, bad
}

// Has reports whether a host as a message writes it is one of them: the whole of it, not its beginning or end. An empty set has every host.
func (h Hosts) Has(s string) bool {
	host, ok := Host(s)
	return len(h) == 0 || ok && h[host]
}
