package b2bua

import (
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"drawbridge/policy"
	"drawbridge/policy/fraud"
	"drawbridge/policy/limit"
	"drawbridge/policy/route"
	"drawbridge/telemetry"
)

// Settings are what may change while calls run. A Switch that was given some does not write to them, and nobody else may.
type Settings struct {
	Version telemetry.Version // which configuration they are of: call records say it

	Trunks  []Trunk
	Realms  map[string]Realm // by name
	AllDown int              // what a caller is told when no target can be reached or all are down: 504 (0), 503 or 480
	Limits  Limits

	// Decide judges a call attempt. nil means policy.Decide without limits.
	Decide func(policy.Request) policy.Decision
	// Routes names the candidates for a dialled number, best first.
	Routes func(route.Query) []route.Candidate
	// Standing is what is known of the quality of a trunk's calls; nil: nothing.
	Standing func(trunk string) route.Standing
	// Fraud are the rules that calls are watched by; nil watches nothing.
	Fraud *fraud.Table
	// Number is an account's number, its caller id on trunks; "" means its name. nil knows none.
	Number func(user string) string
	// Known reports whether there is such an account; nil knows everybody who has proved who they are.
	Known func(user string) bool
}

func (s Settings) withDefaults() Settings {
	if s.AllDown == 0 {
		s.AllDown = 504
	}
	if s.Decide == nil {
		s.Decide = func(r policy.Request) policy.Decision { return policy.Decide(policy.Limits{}, r) }
	}
	if s.Routes == nil {
		s.Routes = func(route.Query) []route.Candidate { return nil }
	}
	if s.Number == nil {
		s.Number = func(string) string { return "" }
	}
	s.Limits = s.Limits.withDefaults()
	return s
}

// view is what a call finds when it begins, and keeps to its end. Settings that come later make another one.
type view struct {
	Settings
	trunks map[string]*trunkSlots
	order  []*trunkSlots // the same, as configured
	lfOnly bool          // some trunk ends its lines by LF alone
	ruled  bool          // there are header rules somewhere

	calls atomic.Int64 // that have it
}

// trunkSlots is a trunk as it is configured, and what DNS has told of it.
type trunkSlots struct {
	trunk *Trunk
	party *Party
	learned
	*trunkState
}

// view is the newest one.
func (s *Switch) view() *view { return s.set.Load() }

// Set makes calls that begin from now on, and everything outside calls, follow other settings. Calls that have begun keep theirs. What
// is known of a trunk stays known of the trunk of that name and realm: its health, our registration, its addresses if its targets are
// the same. It may be called from any goroutine.
func (s *Switch) Set(next Settings) {
	s.changing.Lock()
	old := s.view()
	s.set.Store(s.newView(next, old))
	s.past = append(slices.DeleteFunc(s.past, unused), old)
	s.hearOn()
	s.changing.Unlock()
	s.Probe()
	s.Enrol()
}

// Settled reports whether every call that began before the last Set is over. A call that was just beginning at that moment may not be
// counted yet: whoever takes something away for good waits for a while first.
func (s *Switch) Settled() bool {
	s.changing.Lock()
	defer s.changing.Unlock()
	s.past = slices.DeleteFunc(s.past, unused)
	if len(s.past) == 0 {
		s.leaving.Store(nil)
	}
	return len(s.past) == 0
}

// hearOn notes whose sources only earlier settings have: what their calls still say is heard, and nothing else is made of it. It runs with
// changing held.
func (s *Switch) hearOn() {
	var all []*trunkSlots
	for _, v := range s.past {
		for _, t := range v.order {
			is := s.view().trunks[t.trunk.Name]
			same := is != nil && is.trunk.Realm == t.trunk.Realm && slices.Equal(is.sources(), t.sources()) && is.lfOnly() == t.lfOnly()
			known := func(o *trunkSlots) bool {
				return o.trunkState == t.trunkState && slices.Equal(o.sources(), t.sources())
			}
			if !same && !slices.ContainsFunc(all, known) {
				all = append(all, t)
			}
		}
	}
	s.leaving.Store(&all)
}

// anyTrunk finds a trunk that may say something, though it be of earlier settings only.
func (s *Switch) anyTrunk(is func(*trunkSlots) bool) bool {
	if slices.ContainsFunc(s.view().order, is) {
		return true
	}
	left := s.leaving.Load()
	return left != nil && slices.ContainsFunc(*left, is)
}

func unused(v *view) bool { return v.calls.Load() == 0 }

// newView makes one out of settings. It runs with changing held, or before anybody else has the Switch.
func (s *Switch) newView(next Settings, old *view) *view {
	v := &view{Settings: next.withDefaults(), trunks: map[string]*trunkSlots{}}
	if s.cfg.Frauds == nil {
		v.Fraud = nil
	}
	for i := range v.Trunks {
		t := &trunkSlots{trunk: &v.Trunks[i]}
		t.party = v.party(t.trunk)
		if was := old.trunks[t.trunk.Name]; was != nil && was.trunk.Realm == t.trunk.Realm {
			t.trunkState = was.trunkState
			t.takeOver(was, s.cfg.now())
		} else {
			t.trunkState = &trunkState{shard: s.spread % s.cfg.Core.Shards()}
			s.spread++
		}
		v.trunks[t.trunk.Name] = t
		v.order = append(v.order, t)
		v.lfOnly = v.lfOnly || t.lfOnly()
		v.ruled = v.ruled || t.party.ruled()
	}
	for _, r := range v.Realms {
		v.ruled = v.ruled || !r.Rules.none()
	}
	return v
}

// gone reports whether somebody who has proved who they are is nobody any more: a page stays signed in, and a call goes on and may be
// transferred, but neither begins a new call for an account or a trunk that is not configured now.
func (v *view) gone(peer string) bool {
	return v.Known != nil && peer != "" && v.trunks[peer] == nil && !v.Known(peer)
}

// lfOnly reports whether the trunk may end its lines by LF alone.
func (t *trunkSlots) lfOnly() bool { return t.trunk.Profile != nil && t.trunk.Profile.Wire.LFOnly }

// takeOver keeps the addresses that DNS has told of a trunk, unless it has other targets now: who was a target and is none any more is
// nobody's source.
func (t *trunkSlots) takeOver(was *trunkSlots, now time.Time) {
	if !slices.EqualFunc(t.trunk.Targets, was.trunk.Targets, sameURI) || was.seen == nil {
		return
	}
	t.seen = maps.Clone(was.seen)
	t.know(now)
}

// bounds are the limits of a thing.
func (v *view) bounds(k limit.Key) limit.Bounds {
	switch k.Scope {
	case limit.Global:
		return v.Limits.Gateway
	case limit.Realm:
		return v.Limits.Realms[k.Name]
	case limit.Trunk:
		if t := v.trunks[k.Name]; t != nil {
			return t.trunk.Limits
		}
	case limit.Account:
		return v.Limits.Account(k.Name)
	case limit.Number:
		return v.Limits.Number
	}
	return limit.Bounds{}
}
