package b2bua

import (
	"net/netip"
	"slices"
	"strconv"

	"drawbridge/policy"
	"drawbridge/policy/route"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
	"drawbridge/telemetry"
	"drawbridge/topology"
)

// caller is what is known of who sent an INVITE. status is what the request is answered without a call; refusal ends a call attempt.
type caller struct {
	party   *Party // nil when nobody is known
	user    string // as the far side may see it
	status  int
	fields  []wire.Field
	refusal *policy.Decision
}

// identify tells who calls: an account proves itself, a trunk is known by its source.
func (s *Switch) identify(v *view, f txn.Flow, m *wire.Message) caller {
	return s.identifyBy(v, f, m, m)
}

// identifyBy is identify for a request that rules have edited: credentials are made for what was sent.
func (s *Switch) identifyBy(v *view, f txn.Flow, m, sent *wire.Message) caller {
	realm, known := v.Realms[f.Realm()]
	var who caller
	switch {
	case !known:
		return s.stranger(f, m)
	case realm.Browsers:
		who = s.account(v, f, m, sent)
	case realm.Open && v.trunkAt(f, m) == nil:
		who = s.account(v, f, m, sent)
	default:
		who = s.trunk(v, f, m)
	}
	var no *policy.Decision
	if m.Method == wire.INVITE {
		no = unreadable(m)
	}
	switch {
	case no != nil && (who.status == 401 || who.status == 407): // a challenge would only lead here in a second step
		who.status, who.fields = no.Status, contentHelp()
	case who.status != 0 || who.refusal != nil:
	case no != nil:
		who.refusal = no
	default:
		if who.refusal = v.pretends(f, m); who.refusal == nil {
			who.refusal = unservable(f, m)
		}
		if who.refusal == nil {
			who.refusal = noPreconditions(realm, m)
		}
	}
	return who
}

// unservable refuses what no route could serve: no hop left, or a promise of TLS to the end (RFC 5630 section 3.1.3) that its own first
// hop has broken.
func unservable(f txn.Flow, m *wire.Message) *policy.Decision {
	switch {
	case m.MaxForwards == 0:
		return &policy.Decision{Status: 483, Rule: "route/hops"}
	case m.URI.Scheme == "sips" && !overTLS(f):
		return noTLS
	}
	return nil
}

// account authenticates the request of a browser or a phone and binds its From to the account (security.md T32: the identity is ours to say).
func (s *Switch) account(v *view, f txn.Flow, m, sent *wire.Message) caller {
	if s.cfg.Auth == nil {
		return s.stranger(f, m)
	}
	user, challenge, status := s.cfg.Auth(f, sent, s.cfg.now())
	who := caller{party: v.account(user, f.Realm()), user: user}
	switch {
	case status != 0: // nobody yet: a challenge and unreadable credentials are no call attempt
		who.status, who.fields = status, challenge
	case wire.Unescape(m.From.URI.User) != user:
		who.refusal = &policy.Decision{Status: 403, Rule: "identity/from"}
	}
	return who
}

// prefers lets an account choose which of its numbers a call shows (RFC 3325 section 5): one that our routes lead to the account itself.
func (s *Switch) prefers(v *view, p *Party, m *wire.Message) *Party {
	a, err := wire.ParseAddr(m.Get("P-Preferred-Identity"))
	if err != nil {
		return p
	}
	number, ok := dialledNumber(userPart(a.URI))
	owned := func(c route.Candidate) bool { return c.User == p.Name }
	if ok && number != p.Name && slices.ContainsFunc(v.Routes(s.query(v, AskRoutes{Realm: p.Realm.Name, Peer: p.Name, Number: number})), owned) {
		chosen := *p // the account's own is shared
		chosen.Number = number
		return &chosen
	}
	return p
}

// trunk finds the trunk whose source this is.
func (s *Switch) trunk(v *view, f txn.Flow, m *wire.Message) caller {
	if t := v.trunkAt(f, m); t != nil {
		p := t.far()
		return caller{party: p, user: p.Profile.NumberIn(topology.CallerOf(m, p.Profile))}
	}
	return s.stranger(f, m)
}

// trunkAt finds the trunk of a source. Several trunks may share a host: the one whose name the peer has proved is meant, then the one
// whose match the request fits, then the one with a target at the very port, else the first.
func (v *view) trunkAt(f txn.Flow, m *wire.Message) *trunkSlots {
	said := saidIn(f, m)
	aimed := false
	var found *trunkSlots
	for _, t := range v.order {
		switch {
		case t.trunk.Realm != f.Realm() || !within(f.Remote().Addr(), t.sources()) || !t.party.proved(f) || !t.trunk.Match.Fits(said):
		case t.party.TLSName != "":
			return t
		case t.trunk.Match.Asks():
			if found == nil || !found.trunk.Match.Asks() {
				found = t
			}
		case found != nil && found.trunk.Match.Asks():
		case t.aims(f.Remote()) && !aimed:
			found, aimed = t, true
		case found == nil:
			found = t
		}
	}
	return found
}

// proved reports whether a flow's peer has proved the trunk's name, if the trunk has one (RFC 5922).
func (p *Party) proved(f txn.Flow) bool {
	if p.TLSName == "" {
		return true
	}
	peer, ok := f.(txn.Identified)
	return ok && slices.Contains(peer.Identity(), p.TLSName)
}

// Knows reports whether a source is one of a realm's trunks. The transport asks it: who is not known hears nothing of a realm that is not
// open, and has to prove an account soon where it is. A trunk that may come from anywhere makes nobody known. It may be called from any
// goroutine.
func (s *Switch) Knows(realm string, src netip.Addr) bool {
	return s.anyTrunk(func(t *trunkSlots) bool { return t.trunk.Realm == realm && belongs(src, t.sources()) })
}

// Awaits reports whether a source may turn out to be one of a realm's trunks, once it has proved a name. It may be called from any goroutine.
func (s *Switch) Awaits(realm string, src netip.Addr) bool {
	return s.anyTrunk(func(t *trunkSlots) bool {
		return t.trunk.Realm == realm && t.trunk.TLSName != "" && within(src, t.sources())
	})
}

// LFOnly reports whether a flow's source is a trunk whose datagrams may end header lines by LF alone. The transactions ask it, from any
// goroutine.
func (s *Switch) LFOnly(f txn.Flow) bool {
	if !s.view().lfOnly && s.leaving.Load() == nil {
		return false
	}
	return s.anyTrunk(func(t *trunkSlots) bool {
		return t.lfOnly() && t.trunk.Realm == f.Realm() && within(f.Remote().Addr(), t.sources())
	})
}

// KnowsAnywhere reports whether a source is a trunk's, in any realm. It may be called from any goroutine.
func (s *Switch) KnowsAnywhere(src netip.Addr) bool {
	return s.anyTrunk(func(t *trunkSlots) bool { return belongs(src, t.sources()) })
}

// Sources are where trunks' requests come from, but for those that may come from anywhere and prove a name. It may be called from any
// goroutine.
func (s *Switch) Sources() []netip.Prefix {
	var out []netip.Prefix
	for _, t := range s.view().order {
		for _, p := range t.sources() {
			if !everybodys(p) {
				out = append(out, p)
			}
		}
	}
	return out
}

// stranger turns away what no trunk and no account sent. The transport drops strangers in silence where it is told who is known; this
// is the second line.
func (s *Switch) stranger(f txn.Flow, m *wire.Message) caller {
	s.cfg.Events.EmitRefused(telemetry.Refused{
		Kind: "unknown-source", Realm: f.Realm(), Source: f.Remote().Addr().String(), Detail: string(m.Method), Count: 1,
	})
	return caller{status: 403}
}

func (s *Switch) rejected(f txn.Flow, method wire.Method, status int, rule string) {
	s.cfg.Events.EmitRejected(telemetry.Rejected{
		Realm: f.Realm(), Source: f.Remote().Addr().String(), Method: string(method), Status: status, Rule: rule,
	})
}

func retryAfter() wire.Field {
	return wire.Field{Name: "Retry-After", Value: strconv.Itoa(policy.RetryDraining)}
}
