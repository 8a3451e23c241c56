package b2bua

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
)

// Chosen here.
const (
	learnedFor = time.Hour // an address that DNS names no more may still send: its calls go on, and round-robin names take turns
	maxLearned = 64        // addresses of one trunk
)

// lead appends a candidate for each hop that a URI leads to. What DNS has to be asked for becomes one candidate that is looked up in its
// turn.
func (s *Switch) lead(all []Candidate, v *view, to *Party, u wire.URI, rule string) []Candidate {
	c := Candidate{Callee: to, URI: u, Rule: rule}
	hops, known := s.cfg.Hops(to.Realm.Name, u, nil)
	if !known {
		return append(all, c)
	}
	return s.along(all, v, c, hops)
}

// along appends a candidate for each hop that there is a way to and that is in service. An emergency call tries the others, too, last.
func (s *Switch) along(all []Candidate, v *view, c Candidate, hops []txn.Hop) []Candidate {
	now, trunk := s.cfg.now(), v.trunks[c.Callee.Name]
	if !c.Callee.Trunk {
		trunk = nil
	}
	before := len(all)
	c.urgent = trunk != nil && v.Limits.Emergency(c.URI.User)
	for _, hop := range hops {
		hop = c.Callee.named(hop)
		down := trunk != nil && !trunk.take(hop, now)
		if down && !c.urgent {
			continue
		}
		f, err := s.cfg.Flow(c.Callee.Realm.Name, hop)
		if err != nil {
			continue
		}
		each := c
		each.resting = down || s.rests.on(c.Callee.Realm.Name, hop, now)
		each.Targets = []Target{{Flow: f, Hop: hop, Resting: each.resting, Contact: wire.Addr{URI: c.URI}}}
		if trunk != nil {
			each.Targets[0].Route = trunk.routeSet()
		}
		all = append(all, each)
	}
	restingLast(all[before:])
	return all
}

// lookUp answers a call that asks for the hops of a candidate, in this turn or later.
func (s *Switch) lookUp(at *seat, a AskHops) {
	s.find(at.view, at.sh, a.Candidate, func(found []Candidate) { s.feed(at, Found{a.Round, found}) })
}

// find hands the hops of a candidate to then without holding up the shard: at once when they are known by now, else when DNS has
// answered. Whoever asked may have gone by then.
func (s *Switch) find(v *view, sh *txn.Shard, c Candidate, then func([]Candidate)) {
	core, shard := s.cfg.Core, sh.Index()
	hops, known := s.cfg.Hops(c.Callee.Realm.Name, c.URI, func(hops []txn.Hop) {
		core.PostForced(shard, func(*txn.Shard) { then(s.along(nil, v, c, hops)) })
	})
	if known {
		then(s.along(nil, v, c, hops))
	}
}

// numericHops serves a Switch without a resolver: numbers, and nothing else.
func numericHops(_ string, u wire.URI, _ func([]txn.Hop)) ([]txn.Hop, bool) {
	if hop, ok := numericHop(u); ok {
		return []txn.Hop{hop}, true
	}
	return nil, true
}

// numericHop is where a URI leads whose host is a number.
func numericHop(u wire.URI) (txn.Hop, bool) {
	host, port := u.HostPort()
	a, err := netip.ParseAddr(host)
	network := strings.ToLower(u.Params.Get("transport"))
	switch {
	case err != nil:
		return txn.Hop{}, false
	case u.Scheme == "sips":
		network = "tls"
	case network == "":
		network = "udp"
	}
	strict := network == "udp" && u.Params.Get("transport") != ""
	return txn.Hop{Network: network, Addr: netip.AddrPortFrom(a.Unmap(), uint16(port)), Strict: strict}, true
}

// learned are the addresses behind a trunk's host names: its requests come from them, too.
type learned struct {
	seen map[netip.AddrPort]time.Time // guarded by Switch.changing
	now  atomic.Pointer[knownHops]    // what seen makes, read at each message
}

type knownHops struct {
	at  map[netip.AddrPort]struct{}
	far *Party // the trunk, with the prefixes that it is known by now
}

// Learn takes what DNS says of a trunk's targets. A trunk that is named by host is believed from where its name leads: who can forge DNS
// for it can call as it, and only TLS with a name says more.
func (s *Switch) Learn(trunk string, hops []txn.Hop) {
	s.changing.Lock() // what is learned is taken over by the next settings
	defer s.changing.Unlock()
	t := s.view().trunks[trunk]
	if t == nil {
		return
	}
	l, now := &t.learned, s.cfg.now()
	if l.seen == nil {
		l.seen = map[netip.AddrPort]time.Time{}
	}
	maps.DeleteFunc(l.seen, func(_ netip.AddrPort, last time.Time) bool { return now.Sub(last) > learnedFor })
	for _, hop := range hops {
		if _, known := l.seen[hop.Addr]; known || len(l.seen) < maxLearned {
			l.seen[hop.Addr] = now
		}
	}
	t.know(now)
}

// know makes what is read at each message out of what was learned. It runs with Switch.changing held, or before anybody else has t.
func (t *trunkSlots) know(now time.Time) {
	far := *t.party
	k := &knownHops{at: map[netip.AddrPort]struct{}{}, far: &far}
	far.Sources = slices.Clone(far.Sources)
	for a, last := range t.seen {
		if now.Sub(last) > learnedFor {
			continue
		}
		k.at[a] = struct{}{}
		far.Sources = append(far.Sources, netip.PrefixFrom(a.Addr(), a.Addr().BitLen()))
	}
	t.learned.now.Store(k)
}

// sources are the prefixes that a trunk's requests come from.
func (t *trunkSlots) sources() []netip.Prefix { return t.far().Sources }

// far is the trunk as the far end of a leg: one value for all of them, which nobody writes to.
func (t *trunkSlots) far() *Party {
	if k := t.learned.now.Load(); k != nil {
		return k.far
	}
	return t.party
}

// aims reports whether a is one of the trunk's targets.
func (t *trunkSlots) aims(a netip.AddrPort) bool {
	if k := t.learned.now.Load(); k != nil {
		if _, ok := k.at[a]; ok {
			return true
		}
	}
	var room [48]byte
	addr := a.Addr().Unmap().AppendTo(room[:0])
	return slices.ContainsFunc(t.trunk.Targets, func(u wire.URI) bool {
		host, port := u.HostPort()
		return port == int(a.Port()) && host == string(addr)
	})
}
