package b2bua

import (
	"math/rand/v2"

	"drawbridge/media"
	"drawbridge/media/offer"
	"drawbridge/policy"
	"drawbridge/policy/limit"
	"drawbridge/telemetry"
)

// slots are the places that a call takes of what has limits. Every one is given back once: when its leg leaves the call, or with the CDR.
type slots struct {
	admitted   bool // in the gateway
	emergency  bool
	transcoded bool   // it may have to be, or is
	number     string // that it counts for; "" is none
	legs       [2]share
	billed     [2]*Party // accounts that have left the side, and pay for what goes on
}

// share is what a leg takes: of its realm, and as whom. The zero share takes nothing.
type share struct {
	party *Party
	codec string // once it is agreed
	bits  int    // a second
}

// use is what a share takes of realm, trunk or account.
func (p *share) use() limit.Use { return limit.Use{Calls: 1, Bandwidth: p.bits} }

// gateway names the whole of it.
var gateway = limit.Key{Scope: limit.Global}

// decide asks policy, with the call counted in, so that two calls cannot take the last slot. A call that has its slot takes no other.
func (s *Switch) decide(at *seat, a AskPolicy) policy.Decision {
	r := a.Request
	v := at.view
	r.Emergency = v.Limits.Emergency(r.To)
	a.Request = r
	if s.view().gone(r.Peer) {
		return policy.Decision{Status: 403, Rule: "identity/gone"}
	}
	if a.Again {
		d := v.Decide(r)
		if d.Allow && a.Routed && len(v.Routes(s.query(v, AskRoutes{Realm: r.Realm, Peer: r.Peer, Caller: r.From, Number: r.To}))) == 0 {
			return policy.Decision{Status: 404, Rule: "route/none"}
		}
		if d.Allow {
			return s.try(at, a)
		}
		return d
	}
	at.slots.emergency = r.Emergency
	r.Draining, r.Late = s.draining.Load(), s.cfg.Late()
	r.Limit = s.admit(at, r.To)
	r.Retry = r.Limit.Retry(rand.Float64())
	d := v.Decide(r)
	if d.Allow {
		if no := s.try(at, a); !no.Allow {
			d = no
		}
	}
	if !d.Allow {
		s.release(at)
	}
	return d
}

// admit counts a call in, the narrowest limit first: who has reached their own takes nothing of what is everybody's. The caller of a call
// that is made for another one has its place there.
func (s *Switch) admit(at *seat, number string) limit.Verdict {
	p := at.call.setup.Caller
	if at.call.setup.Link == nil {
		if v := s.take(at, media.A, p); v.Refused() {
			return v
		}
	}
	if at.view.Limits.Number.Calls > 0 && number != "" { // whoever replaces somebody in a call has called no number
		number = at.view.Limits.Form(p.Realm.Name, number)
		if v := s.takeOf(at, limit.Key{Scope: limit.Number, Name: number}, limit.Use{Calls: 1}); v.Refused() {
			return v
		}
		at.slots.number = number
	}
	if v := s.takeOf(at, gateway, limit.Use{Calls: 1}); v.Refused() {
		return v
	}
	at.slots.admitted = true
	if at.slots.emergency {
		return s.oftenEmergency(at.view, p.key())
	}
	return s.often(at.view, "in", p.key(), p.realm(), gateway)
}

// withRoom looks whether any candidate has room, before ports and transcoders are taken for a call that has nowhere to go. Nothing is
// taken here: who gets the last place is said by claim.
func (s *Switch) withRoom(at *seat, r Routed) Routed {
	var full limit.Verdict
	for i := range r.Candidates {
		if full = s.roomFor(at, r.Candidates[i].Callee); !full.Refused() {
			return r
		}
	}
	if !full.Refused() { // there is nobody at all
		return r
	}
	s.tellFull(at, r.Candidates[len(r.Candidates)-1].Callee, full)
	d := policy.Full(full, full.Retry(rand.Float64()), true)
	return Routed{Full: &d}
}

// roomFor is what take would say.
func (s *Switch) roomFor(at *seat, p *Party) limit.Verdict {
	if p.Name == "" {
		return limit.Verdict{}
	}
	one := limit.Use{Calls: 1, Bandwidth: p.dearest()}
	for _, k := range [...]limit.Key{p.key(), p.realm()} {
		if what := s.boundsFor(at, k).Room(s.shares.Of(k), one, at.slots.emergency); what != "" {
			return limit.Verdict{Scope: k.Scope, What: what}
		}
	}
	return limit.Verdict{}
}

// claim takes a place for leg B, and gives back the one held before.
func (s *Switch) claim(at *seat, a Claim) Claimed {
	s.vacate(at, media.B)
	p := a.Callee
	if p.Name == "" { // the call that is joined has its place
		return Claimed{Granted: true}
	}
	v := s.take(at, media.B, p)
	if !v.Refused() && !at.slots.emergency {
		v = s.often(at.view, "out", p.key(), p.realm())
	}
	if v.Refused() {
		s.vacate(at, media.B)
		s.tellFull(at, p, v)
		return Claimed{Refusal: policy.Full(v, v.Retry(rand.Float64()), true)}
	}
	if v := s.reserveTranscoder(at, a.Mixed); v.Refused() {
		s.tellFull(at, p, v)
		return Claimed{Granted: true, Plain: true, Refusal: policy.Full(v, v.Retry(rand.Float64()), true)}
	}
	return Claimed{Granted: true}
}

// tellFull reports a limit that a candidate has reached. The call may still find its way by another one, so it is no refusal of the call.
func (s *Switch) tellFull(at *seat, p *Party, v limit.Verdict) {
	s.limited.Add(1)
	what := v.Rule()
	if p.Trunk {
		what += " of " + p.Name
	}
	s.cfg.Events.EmitRefused(telemetry.Refused{Kind: "limited", Realm: p.Realm.Name, Call: string(at.id), Detail: what, Count: 1})
}

// take gives a leg its place.
func (s *Switch) take(at *seat, side media.LegID, p *Party) limit.Verdict {
	mine := share{party: p, bits: p.dearest()}
	if v := s.takeOf(at, p.key(), mine.use()); v.Refused() {
		return v
	}
	if v := s.takeOf(at, p.realm(), mine.use()); v.Refused() {
		s.shares.Give(p.key(), mine.use())
		return v
	}
	if v := s.takeOf(at, gateway, limit.Use{Bandwidth: mine.bits}); v.Refused() {
		s.shares.Give(p.key(), mine.use())
		s.shares.Give(p.realm(), mine.use())
		return v
	}
	at.slots.legs[side] = mine
	return limit.Verdict{}
}

func (s *Switch) takeOf(at *seat, k limit.Key, more limit.Use) limit.Verdict {
	return limit.Verdict{Scope: k.Scope, What: s.shares.Take(k, s.boundsFor(at, k), more, at.slots.emergency)}
}

// boundsFor are the limits of a thing for a call: only what many share is kept from an emergency.
func (s *Switch) boundsFor(at *seat, k limit.Key) limit.Bounds {
	if at.slots.emergency && (k.Scope == limit.Account || k.Scope == limit.Number) {
		return limit.Bounds{}
	}
	return at.view.bounds(k)
}

// vacate gives back the place of a leg that has left its call. It may be called twice.
func (s *Switch) vacate(at *seat, side media.LegID) {
	p := &at.slots.legs[side]
	if p.party == nil {
		return
	}
	s.shares.Give(p.party.key(), p.use())
	s.shares.Give(p.party.realm(), p.use())
	s.shares.Give(gateway, limit.Use{Bandwidth: p.bits})
	*p = share{}
}

// moveOut gives back the place of a leg that was replaced, but for what its account goes on paying for. A link that has come in its place
// stays until the call ends.
func (s *Switch) moveOut(at *seat, a Vacate) {
	p := at.slots.legs[a.Side].party
	if a.Billed && p != nil && !p.Trunk && at.slots.billed[a.Side] == nil {
		s.recount(p.key(), limit.Use{Calls: 1}, true) // before the place is given back: nobody gets it in between
		at.slots.billed[a.Side] = p
	}
	s.vacate(at, a.Side)
}

// release gives back every slot of a call. It may be called twice.
func (s *Switch) release(at *seat) {
	s.vacate(at, media.A)
	s.vacate(at, media.B)
	for _, p := range at.slots.billed {
		if p != nil {
			s.shares.Give(p.key(), limit.Use{Calls: 1})
		}
	}
	if at.slots.number != "" {
		s.shares.Give(limit.Key{Scope: limit.Number, Name: at.slots.number}, limit.Use{Calls: 1})
	}
	s.unwatch(at)
	if at.slots.admitted {
		s.shares.Give(gateway, limit.Use{Calls: 1})
	}
	if at.slots.transcoded {
		s.shares.Give(gateway, limit.Use{Transcodes: 1})
	}
	at.slots = slots{}
}

// reserveTranscoder keeps a transcoder for a call that may need one, before anybody is alerted. A call that needs none holds none.
func (s *Switch) reserveTranscoder(at *seat, mixed bool) limit.Verdict {
	if mixed == at.slots.transcoded {
		return limit.Verdict{}
	}
	if !mixed {
		s.shares.Give(gateway, limit.Use{Transcodes: 1})
		at.slots.transcoded = false
		return limit.Verdict{}
	}
	b := limit.Bounds{Transcodes: at.view.Limits.Transcodes()}
	if at.slots.emergency {
		b = limit.Bounds{}
	}
	if what := s.shares.Take(gateway, b, limit.Use{Transcodes: 1}, at.slots.emergency); what != "" {
		return limit.Verdict{What: what}
	}
	at.slots.transcoded = true
	return limit.Verdict{}
}

// settle counts what a leg really takes, once its codec is agreed. Nobody is refused for it: the call is up.
func (s *Switch) settle(at *seat, side media.LegID, st *offer.Stream) {
	p := &at.slots.legs[side]
	if p.party == nil {
		return
	}
	bits := 0
	if !st.Refused {
		secure := st.SDES != nil || st.Fingerprint != ""
		bits = limit.StreamRate(st.Send.Name, st.PtimeMS, secure)
	}
	s.resize(p, bits)
	p.codec = st.Send.Name
	a, b := &at.slots.legs[media.A], &at.slots.legs[media.B]
	if a.codec == "" || b.codec == "" {
		return
	}
	if mixed := a.codec != b.codec; mixed != at.slots.transcoded {
		s.recount(gateway, limit.Use{Transcodes: 1}, mixed)
		at.slots.transcoded = mixed
	}
}

// resize counts a share with other bandwidth.
func (s *Switch) resize(p *share, bits int) {
	more, grows := limit.Use{Bandwidth: bits - p.bits}, true
	if bits < p.bits {
		more, grows = limit.Use{Bandwidth: p.bits - bits}, false
	}
	if more.Bandwidth == 0 {
		return
	}
	for _, k := range [...]limit.Key{p.party.key(), p.party.realm(), gateway} {
		s.recount(k, more, grows)
	}
	p.bits = bits
}

// recount counts in or out what is so whatever the limits say.
func (s *Switch) recount(k limit.Key, u limit.Use, in bool) {
	if in {
		s.shares.Take(k, limit.Bounds{}, u, true)
		return
	}
	s.shares.Give(k, u)
}

// key names a party among what has limits.
func (p *Party) key() limit.Key {
	if p.Trunk {
		return limit.Key{Scope: limit.Trunk, Name: p.Name}
	}
	return limit.Key{Scope: limit.Account, Name: p.Name}
}

func (p *Party) realm() limit.Key { return limit.Key{Scope: limit.Realm, Name: p.Realm.Name} }

// dearest is what a party's media takes at most, in bits a second.
func (p *Party) dearest() int {
	most := 0
	for _, c := range p.Codecs {
		most = max(most, limit.StreamRate(c.Name, p.Ptime, p.Realm.Browsers || p.SRTP != offer.SRTPNone))
	}
	return most
}

// InUse is what is in use of a thing that has limits.
func (s *Switch) InUse(k limit.Key) limit.Use { return s.shares.Of(k) }

// Limited is how many candidates met a limit: they were not tried, or without a transcoder. Miscounted is how often a count would have been
// below zero, which is a defect.
func (s *Switch) Limited() uint64 { return s.limited.Load() }

// Miscounted is described at Limited.
func (s *Switch) Miscounted() uint64 { return s.shares.Below() }
