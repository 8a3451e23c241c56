package classify

import (
	"net/netip"
	"strings"
)

// Row is what a request has to say for being a peer's, besides where it comes from. An empty field asks for nothing.
type Row struct {
	Local  []netip.AddrPort // our socket that it came to
	Hosts  Hosts            // host of the Request-URI
	From   Hosts            // host of From
	Users  []string         // user part of From; * at the end stands for any rest
	Agents []string         // how User-Agent begins, in any case
}

// Source is what a request says of where it comes from.
type Source struct {
	Local      netip.AddrPort
	Host       string // of the Request-URI
	From, User string // host and user part of From
	Agent      string
}

// Asks reports whether the row asks for anything.
func (r Row) Asks() bool {
	return len(r.Local)+len(r.Hosts)+len(r.From)+len(r.Users)+len(r.Agents) > 0
}

// Fits reports whether the request is the peer's. Whoever shares an address with the peer can write the same: a row tells honest peers apart
// and is no proof.
func (r Row) Fits(s Source) bool {
	return (len(r.Local) == 0 || local(r.Local, s.Local)) && r.Hosts.Has(s.Host) && r.From.Has(s.From) &&
		one(r.Users, func(p string) bool { return globbed(p, s.User) }) &&
		one(r.Agents, func(p string) bool { return len(s.Agent) >= len(p) && strings.EqualFold(s.Agent[:len(p)], p) })
}

// local compares sockets; a port of 0 is any.
func local(all []netip.AddrPort, at netip.AddrPort) bool {
	for _, l := range all {
		if l.Addr().Unmap() == at.Addr().Unmap() && (l.Port() == 0 || l.Port() == at.Port()) {
			return true
		}
	}
	return false
}

func one(patterns []string, fits func(string) bool) bool {
	for _, p := range patterns {
		if fits(p) {
			return true
		}
	}
	return len(patterns) == 0
}

func globbed(pattern, s string) bool {
	if begin, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(s, begin)
	}
	return pattern == s
}
