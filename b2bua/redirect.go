package b2bua

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"drawbridge/policy"
	"drawbridge/sip/wire"
)

// Chosen here: what a call follows (sip.md 5.3; Kamailio and OpenSIPS stop there too).
const (
	maxRedirects = 5 // 3xx of one call
	maxMoved     = 8 // contacts of one 3xx
)

// moves is the way of a call through 3xx responses.
type moves struct {
	followed int
	open     []wire.URI      // contacts that wait for their turn, best first
	seen     map[string]bool // number and host of everything that has had its turn
	number   string          // the one that is being judged
	uri      wire.URI
	ways     int    // candidates that lead to it and were not tried
	from     *Party // who named it
}

// redirected follows a 3xx of a trunk that may redirect: its contacts come before the candidates that are left. It may do so behind a
// ringing tone: forwarding on no answer is what that looks like. false leaves the 3xx to be told to the caller as a failure.
func (c *Call) redirected(ev refused) bool {
	h := c.hunt
	follows := ev.cause.SIP >= 300 && ev.cause.SIP <= 302 && h.current != nil && h.current.Callee.Redirect.Follow
	if !follows || h.moves != nil && h.moves.followed == maxRedirects {
		return false
	}
	if h.moves == nil {
		h.moves = &moves{seen: map[string]bool{}}
	}
	for _, t := range h.current.Targets {
		h.moves.seen[place(t.Contact.URI)] = true
	}
	h.moves.followed++
	h.alerted = false // who rang is not the one who is called now
	h.moves.from = h.current.Callee
	h.moves.open, h.moves.ways = nil, 0
	for _, a := range byPreference(ev.contacts) {
		if len(h.moves.open) < maxMoved && !h.moves.seen[place(a.URI)] {
			h.moves.seen[place(a.URI)] = true
			h.moves.open = append(h.moves.open, a.URI)
		}
	}
	if len(h.moves.open) == 0 {
		return false
	}
	c.tryNext()
	return true
}

// handOn keeps the contacts of a 3xx for a caller that is a trunk, if the one that has redirected may pass them: numbers at our own address,
// judged when the caller calls them. Nothing else of the contacts crosses.
func (c *Call) handOn(no refused) {
	a, ok := c.a.(*sipLeg)
	from := c.hunt.current.Callee
	if !ok || !a.party.Trunk || !from.Redirect.Pass || no.cause.SIP < 300 || no.cause.SIP > 302 {
		return
	}
	for _, to := range byPreference(no.contacts) {
		if number, ok := from.dialled(userPart(to.URI)); ok && len(a.uas.moved) < maxMoved {
			at := a.party.contactOf(a.flow, a.party.Profile.NumberOut(number))
			a.uas.moved = append(a.uas.moved, at)
		}
	}
}

// judgeMoved asks policy about the next contact, as if the caller had dialled it (security.md T31: every target is judged where it
// appears). false: there is none.
func (c *Call) judgeMoved() bool {
	m := c.hunt.moves
	if m == nil {
		return false
	}
	if m.ways > 0 {
		m.ways-- // the next candidate leads to the contact that was judged last
		return false
	}
	for len(m.open) > 0 {
		m.uri, m.open = m.open[0], m.open[1:]
		number, ok := m.from.dialled(userPart(m.uri))
		if !ok || m.uri.Scheme == "sips" {
			continue
		}
		m.number = number
		c.out.do(AskPolicy{Again: true, Request: c.setup.Caller.attempt(c.setup.From, number)})
		return true
	}
	return false
}

// judged looks for the way to a contact that the caller may call: where it says when that is the trunk's own host, else wherever our own
// routes lead. A host that nobody configured is never sent anything.
func (c *Call) judged(d policy.Decision) {
	m := c.hunt.moves
	if !d.Allow {
		c.hunt.worst.refuse(d)
		c.tryNext()
		return
	}
	host, _ := m.uri.HostPort()
	if a, err := netip.ParseAddr(host); err == nil && belongs(a, m.from.Sources) {
		to := wire.URI{Scheme: "sip", User: m.number, Host: host, Port: m.uri.Port, Params: transportOf(m.uri)}
		c.out.do(AskTarget{c.setup.routesTo(m.number), m.from, to})
		return
	}
	c.out.do(c.setup.routesTo(m.number))
}

// rerouted takes the ways to a contact, as far as the trunk that named it may lead there.
func (c *Call) rerouted(found Routed) {
	h := c.hunt
	ways := slices.DeleteFunc(slices.Clone(found.Candidates), func(to Candidate) bool { return !h.moves.from.mayLeadTo(to.Callee) })
	ways, _ = c.passable(ways)
	h.candidates, h.moves.ways = append(ways, h.candidates...), len(ways)
	c.tryNext()
}

// mayLeadTo reports whether a redirection by p may end at to: in p's own realm, or in one that is named.
func (p *Party) mayLeadTo(to *Party) bool {
	return to.Realm.Name == p.Realm.Name || slices.Contains(p.Redirect.Realms, to.Realm.Name)
}

// place names what a contact leads to, for the loop set.
func place(u wire.URI) string {
	number, _ := dialledNumber(userPart(u))
	host, port := u.HostPort()
	return fmt.Sprintf("%s@%s:%d", number, host, port)
}

// byPreference orders contacts by q, as given where q is the same; without q it is 1 (RFC 3261 section 8.1.3.4).
func byPreference(contacts []wire.Addr) []wire.Addr {
	q := func(a wire.Addr) float64 {
		v, ok := a.Params.Lookup("q")
		if n, err := strconv.ParseFloat(v, 64); ok && err == nil {
			return n
		}
		return 1
	}
	sorted := slices.Clone(contacts)
	slices.SortStableFunc(sorted, func(a, b wire.Addr) int { return cmp.Compare(q(b), q(a)) })
	return sorted
}

// transportOf keeps the one parameter of a contact that says how to get there.
func transportOf(u wire.URI) (p wire.Params) {
	if t, ok := u.Params.Lookup("transport"); ok {
		p.Set("transport", t)
	}
	return p
}
