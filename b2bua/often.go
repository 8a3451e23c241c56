package b2bua

import (
	"time"

	"drawbridge/policy/limit"
)

// often asks how often each of these may attempt something, the narrowest first, so that who has used up their own takes nothing of what
// is everybody's. The directions are apart: a trunk that may send ten calls a second may be sent ten, too.
func (s *Switch) often(direction string, keys ...limit.Key) limit.Verdict {
	for _, k := range keys {
		rate := s.bounds(k).Rate
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
func (s *Switch) oftenEmergency(k limit.Key) limit.Verdict {
	rate := s.cfg.Limits.EmergencyRate
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
