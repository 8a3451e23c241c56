package b2bua

import (
	"cmp"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"time"

	"drawbridge/policy"
	"drawbridge/policy/limit"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
)

// often asks how often each of these may attempt something, the narrowest first, so that who has used up their own takes nothing of what
// is everybody's. The directions are apart: a trunk that may send ten calls a second may be sent ten, too.
func (s *Switch) often(v *view, direction string, keys ...limit.Key) limit.Verdict {
	for _, k := range keys {
		rate := v.bounds(k).Rate
		if rate.None() {
			continue
		}
		if wait := s.tick(rate, s.cells.Key(direction+k.Scope.String(), k.Name)); wait > 0 {
			return limit.Verdict{Scope: k.Scope, What: limit.Attempts, Wait: wait}
		}
	}
	return limit.Verdict{}
}

// oftenEmergency bounds the calls of one caller to emergency numbers, which nothing else bounds (security.md T47).
func (s *Switch) oftenEmergency(v *view, k limit.Key) limit.Verdict {
	rate := v.Limits.EmergencyRate
	if rate.None() {
		return limit.Verdict{}
	}
	if wait := s.tick(rate, s.cells.Key("emergency"+k.Scope.String(), k.Name)); wait > 0 {
		return limit.Verdict{What: limit.Emergency, Wait: wait}
	}
	return limit.Verdict{}
}

// tick takes one of a rate; it returns how long to wait when there is none left.
func (s *Switch) tick(r limit.Rate, key uint64) (wait time.Duration) {
	now := s.cfg.now().UnixNano()
	s.cells.Do(key, now, func(c limit.Cell) limit.Cell {
		c, wait = r.Take(c, now)
		return c
	})
	return wait
}

// floods turns a request away that its source, its connection or its method has no rate left for, before anybody looks who it is from.
func (s *Switch) floods(tx *txn.Server, f txn.Flow, m *wire.Message) bool {
	v := s.view()
	rates, bounded := v.Limits.Requests[f.Realm()]
	if !bounded || s.Knows(f.Realm(), f.Remote().Addr()) {
		return false
	}
	rule, wait := s.tooMany(&rates, f, m)
	if wait == 0 {
		return false
	}
	if m.Method == wire.INVITE && s.urgent(v, f, m) {
		return false
	}
	no := policy.Crowded(rule, limit.Verdict{What: limit.Attempts, Wait: wait}.Retry(rand.Float64()))
	s.rejected(f, m.Method, no.Status, no.Rule)
	reply(tx, m, no.Status, wire.Field{Name: "Retry-After", Value: strconv.Itoa(no.RetryAfter)})
	return true
}

// tooMany names the rate that is used up, and how long to wait.
func (s *Switch) tooMany(r *RequestRates, f txn.Flow, m *wire.Message) (rule string, wait time.Duration) {
	source := sourceOf(f.Remote().Addr())
	method := r.Methods[m.Method]
	for _, one := range [...]struct {
		rule  string
		rate  limit.Rate
		parts [2]string
	}{
		{"limits/method", method, [2]string{string(m.Method), source}},
		{"limits/connection", r.Connection, [2]string{f.Remote().String(), f.Transport()}},
		{"limits/source", r.Source, [2]string{source}},
	} {
		if one.rate.None() || one.rule == "limits/connection" && !f.Reliable() {
			continue
		}
		if wait = s.tick(one.rate, s.cells.Key(one.rule, f.Realm(), one.parts[0], one.parts[1])); wait > 0 {
			return one.rule, wait
		}
	}
	return "", 0
}

// urgent lets a call to an emergency number through where a flood is turned away, as often as one caller may make such calls.
func (s *Switch) urgent(v *view, f txn.Flow, m *wire.Message) bool {
	number, ok := dialledNumber(userPart(m.URI))
	if !ok || !v.Limits.Emergency(number) {
		return false
	}
	rate := cmp.Or(v.Limits.EmergencyRate, limit.PerSecond(1, 1))
	return s.tick(rate, s.cells.Key("urgent", f.Realm(), sourceOf(f.Remote().Addr()))) == 0
}

// sourceOf is what one source has of an address: all of IPv4, of IPv6 the part that its network was given (RFC 6177).
func sourceOf(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	if a.Is4() {
		return a.String()
	}
	p, _ := a.Prefix(64) // an address of 128 bits has one
	return p.String()
}
