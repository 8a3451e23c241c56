package b2bua

import (
	"net/netip"
	"slices"
	"time"

	"drawbridge/policy"
	"drawbridge/policy/fraud"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
	"drawbridge/store"
	"drawbridge/telemetry"
)

// watched is what the fraud rules count of a call. Each watch holds a place in its counter until the call gives it back.
type watched struct {
	all   []fraud.Watch
	tried fraud.Attempt // the number that was called first
	up    time.Time     // when it was answered
	look  txn.Timer     // to the next look at it
}

// maxDiversions bounds the forwardings of one INVITE that are judged. Chosen here: a call is forwarded once or twice.
const maxDiversions = 4

// try counts an attempt and judges it: the number that is called and, at first, those that the INVITE says it was forwarded from, as if
// the caller had dialled them.
func (s *Switch) try(at *seat, a AskPolicy) policy.Decision {
	allowed := policy.Decision{Allow: true, Rule: "allow"}
	table := at.view.Fraud
	if table == nil || a.Request.To == "" || a.Request.Emergency { // whoever takes the place of another dialog calls no number
		return allowed
	}
	now, setup, watched := s.cfg.now(), at.call.setup, at.watch()
	try := at.view.attempt(a.Request, setup)
	numbers := []string{a.Request.To}
	if !a.Again {
		watched.tried = try
		numbers = append(numbers, setup.Caller.diversions(setup.Invite)...)
	}
	for _, number := range numbers {
		try.Number = number
		for _, w := range table.Watches(try, now) {
			if at.watches(&w) && number != a.Request.To {
				continue // a rule counts one INVITE once
			}
			if v := s.tryOne(at, &w, a.Ahead, now); v.Refuse {
				return policy.Decision{Status: 403, Reason: causeFraud.Text, Rule: "fraud/" + w.Rule}
			}
		}
	}
	return allowed
}

// attempt is what the rules are asked about.
func (v *view) attempt(r policy.Request, setup *Setup) fraud.Attempt {
	payer := setup.Caller
	trunk := payer.Trunk
	if payer.Name != r.Peer {
		trunk = v.trunks[r.Peer] != nil
	}
	a := fraud.Attempt{Realm: r.Realm, Account: r.Peer, Trunk: trunk, Caller: r.From, Number: r.To}
	switch {
	case trunk || setup.Link != nil:
	case setup.Flow != nil:
		a.Network = network(setup.Flow.Remote().Addr())
	case setup.Line != nil:
		a.Network = network(setup.Line.Remote())
	}
	return a
}

// network is the neighbourhood of an address: what one line or mobile gets.
func network(a netip.Addr) string {
	bits := 24
	if a = a.Unmap(); a.Is6() {
		bits = 48
	}
	p, err := a.Prefix(bits)
	if err != nil || !p.IsValid() {
		return ""
	}
	return p.String()
}

// diversions are the numbers that an INVITE of the party says it was forwarded from (RFC 5806, RFC 7044), read as those that it dials.
func (p *Party) diversions(m *wire.Message) (numbers []string) {
	if m == nil {
		return nil
	}
	for _, value := range slices.Concat(m.Values("Diversion"), m.Values("History-Info")) {
		addr, err := wire.ParseAddr(value)
		if err != nil {
			continue
		}
		if number, ok := p.dialled(userPart(addr.URI)); ok && len(numbers) < maxDiversions {
			numbers = append(numbers, number)
		}
	}
	return numbers
}

// watch is what is counted of a call from now on.
func (at *seat) watch() *watched {
	if at.watched == nil {
		at.watched = &watched{}
	}
	return at.watched
}

// watches reports whether a call holds a place in the counter of w.
func (at *seat) watches(w *fraud.Watch) bool {
	return slices.ContainsFunc(at.watched.all, func(o fraud.Watch) bool { return store.KeyOf(&o) == store.KeyOf(w) })
}

// tryOne asks one counter. What a call of its own will ask for is only held against the blocks in force.
func (s *Switch) tryOne(at *seat, w *fraud.Watch, ahead bool, now time.Time) (v fraud.Verdict) {
	s.cfg.Frauds.Do(w, now, func(c *fraud.Counter) {
		if ahead {
			v = fraud.Verdict{Refuse: !c.Blocked(now).IsZero()}
			return
		}
		v = c.Try(w, now)
	})
	if !ahead && !v.Refuse {
		at.watched.all = append(at.watched.all, *w)
	}
	action := "none"
	if v.Refuse {
		action = "refused"
	}
	s.alarm(at, w, v, action, now)
	return v
}

// alarm reports what a counter has to say.
func (s *Switch) alarm(at *seat, w *fraud.Watch, v fraud.Verdict, action string, now time.Time) {
	for _, a := range v.Alarms {
		s.cfg.Events.EmitFraud(telemetry.Fraud{
			Level: a.Level.String(), Call: string(at.id), Rule: w.Rule, Account: w.Account, Prefix: w.Prefix, Number: at.watched.tried.Number,
			Kind: a.Kind.String(), Value: a.Value, Limit: a.Limit, Action: action, Until: v.Until, At: now,
		})
	}
}

// wentUp starts the clock of a call that has been answered, and counts it for the trunk that has answered it.
func (s *Switch) wentUp(at *seat) {
	table, now := at.view.Fraud, s.cfg.now()
	if table == nil || !at.watch().up.IsZero() {
		return
	}
	at.watched.up = now
	after := now.Sub(at.call.times.start)
	if l, ok := at.call.b.(*sipLeg); ok && l.party.Trunk {
		for _, w := range table.Answers(at.watched.tried, l.party.Name, now) {
			s.tryOne(at, &w, false, now)
		}
	}
	s.lookBy(at, now, func(c *fraud.Counter, w *fraud.Watch) fraud.Verdict { return c.Answer(w, now, after) })
}

// look judges a call that goes on.
func (s *Switch) look(at *seat) {
	if at.call == nil || at.ended {
		return
	}
	now := s.cfg.now()
	up := now.Sub(at.watched.up)
	s.lookBy(at, now, func(c *fraud.Counter, w *fraud.Watch) fraud.Verdict { return c.Look(w, now, up) })
}

// lookBy asks every counter of a call, ends it when one wants that, and otherwise looks again when the first may want it.
func (s *Switch) lookBy(at *seat, now time.Time, ask func(*fraud.Counter, *fraud.Watch) fraud.Verdict) {
	var next time.Duration
	over := ""
	for i := range at.watched.all {
		w := &at.watched.all[i]
		var v fraud.Verdict
		s.cfg.Frauds.Do(w, now, func(c *fraud.Counter) { v = ask(c, w) })
		action := "none"
		if v.Refuse && over == "" {
			action, over = "ended", w.Rule
		}
		s.alarm(at, w, v, action, now)
		if v.Next > 0 && (next == 0 || v.Next < next) {
			next = v.Next
		}
	}
	at.watched.look.Stop()
	switch {
	case over != "":
		s.feed(at, Stop{Cause: causeFraud, Rule: "fraud/" + over})
	case next > 0:
		at.watched.look = at.sh.After(next, func() { s.look(at) })
	}
}

// unwatch gives back the places of a call. It may be called twice.
func (s *Switch) unwatch(at *seat) {
	if at.watched == nil {
		return
	}
	at.watched.look.Stop()
	if len(at.watched.all) == 0 {
		return
	}
	now := s.cfg.now()
	e := fraud.Ending{Answered: !at.watched.up.IsZero()}
	if at.call != nil {
		e.Cancelled, e.Rang = at.call.over.cause.SIP == 487, now.Sub(at.call.times.start)
	}
	for i := range at.watched.all {
		w := &at.watched.all[i]
		var v fraud.Verdict
		s.cfg.Frauds.Do(w, now, func(c *fraud.Counter) { v = c.End(w, now, e) })
		s.alarm(at, w, v, "none", now)
	}
	at.watched.all = nil
}
