package b2bua

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"drawbridge/policy"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
	"drawbridge/topology"
)

// Chosen here: what one account or trunk may have under way outside calls. A trunk speaks for many.
const (
	accountErrands, trunkErrands             = 16, 1024
	accountSubscriptions, trunkSubscriptions = 100, 10000
	errandRetry                              = 5 // seconds, Retry-After
)

// outside serves a request outside any dialog that is meant for somebody else: MESSAGE, INFO, PUBLISH. It is judged and routed as a call
// is, leaves as a request of our own, and its answer is mapped back. Nothing of it is left after 64*T1.
func (s *Switch) outside(sh *txn.Shard, tx *txn.Server, f txn.Flow, m *wire.Message) {
	setup, found, ok := s.petition(tx, f, m)
	if !ok {
		return
	}
	if !s.errands.take(setup.Caller.id(), setup.Caller.share(accountErrands, trunkErrands)) {
		s.turnDown(tx, f, m, &policy.Decision{Status: 503, Rule: "limits/errands", RetryAfter: errandRetry})
		return
	}
	s.carry(sh, tx, m, setup, found)
}

// carry sends an errand off and answers the near side with what it brings. The place of its sender has been taken.
func (s *Switch) carry(sh *txn.Shard, tx *txn.Server, m *wire.Message, setup Setup, found []Candidate) {
	e := &errand{s: s, sh: sh, setup: setup, left: found}
	e.build = func(c Candidate, t Target) *wire.Message { return e.request(m, c, t) }
	e.over = func(o outcomeOfErrand) {
		s.errands.give(setup.Caller.id())
		if !o.silent {
			_ = tx.Respond(nearAnswer(m, tx.Tag(), o, setup.Caller)) // a lost flow reports itself
		}
	}
	e.start()
}

// petition judges a request outside any dialog: who asks, for whom, whether it may and what it carries can cross. When ok is false the
// request has its answer.
func (s *Switch) petition(tx *txn.Server, f txn.Flow, m *wire.Message) (setup Setup, found []Candidate, ok bool) {
	v := s.view()
	who := s.identify(v, f, m)
	if who.status != 0 {
		reply(tx, m, who.status, who.fields...)
		return Setup{}, nil, false
	}
	setup, found, no := s.judge(v, who, m)
	if no != nil {
		s.turnDown(tx, f, m, no)
		return Setup{}, nil, false
	}
	return setup, found, true
}

// judge finds the candidates of a petition, or the reason why there are none.
func (s *Switch) judge(v *view, who caller, m *wire.Message) (setup Setup, found []Candidate, no *policy.Decision) {
	setup = Setup{Caller: who.party, From: who.user, Returned: s.returned(m), Secure: m.URI.Scheme == "sips"}
	var plain bool
	if setup.To, plain = who.party.dialled(userPart(m.URI)); !plain {
		no = noNumber
	}
	if who.refusal != nil {
		no = who.refusal
	}
	if no == nil {
		no = crossing(m)
	}
	if no == nil {
		no = s.permitted(v, setup)
	}
	if no == nil {
		found, no = s.findable(v, setup)
	}
	return setup, found, no
}

// crossing refuses what could not cross whoever asks: an unknown event package, a body.
func crossing(m *wire.Message) *policy.Decision {
	if !eventServed(m) {
		return &policy.Decision{Status: 489, Rule: "event/package"}
	}
	if _, _, ok := topology.Body(m, ""); !ok {
		return &policy.Decision{Status: 415, Rule: "content/type"}
	}
	return nil
}

// permitted asks policy.
func (s *Switch) permitted(v *view, setup Setup) *policy.Decision {
	ask := setup.Caller.attempt(setup.From, setup.To)
	ask.Draining = s.draining.Load()
	d := v.Decide(ask)
	if d.Allow {
		return nil
	}
	d.Status = cmp.Or(d.Status, 403) // as for a call
	return &d
}

// findable asks the routes, as for a call.
func (s *Switch) findable(v *view, setup Setup) ([]Candidate, *policy.Decision) {
	r := s.routes(v, setup.routesTo(setup.To))
	found := overSIP(r.Candidates)
	if len(found) == 0 {
		return nil, &policy.Decision{Status: cmp.Or(r.Status, 480), Rule: r.Rule}
	}
	return setup.passable(found)
}

// eventServed reports whether a request that must name an event package names one that crosses.
func eventServed(m *wire.Message) bool {
	if m.Method != wire.PUBLISH && m.Method != wire.SUBSCRIBE {
		return true
	}
	_, ok := topology.ParseEvent(m.Get("Event"))
	return ok
}

// overSIP leaves out what a JSON line has no words for.
func overSIP(all []Candidate) []Candidate {
	var out []Candidate
	for _, c := range all {
		named := c.unresolved()
		c.Targets = slices.DeleteFunc(slices.Clone(c.Targets), func(t Target) bool { return t.Flow == nil })
		if len(c.Targets) > 0 || named {
			out = append(out, c)
		}
	}
	return out
}

// turnDown answers a request that is not carried out, and reports it.
func (s *Switch) turnDown(tx *txn.Server, f txn.Flow, m *wire.Message, d *policy.Decision) {
	s.rejected(f, m.Method, d.Status, d.Rule)
	fields := help(d.Status, m.Method)
	if d.RetryAfter > 0 {
		fields = append(fields, wire.Field{Name: "Retry-After", Value: strconv.Itoa(d.RetryAfter)})
	}
	if d.Rule != "" && s.view().Realms[f.Realm()].TellRules {
		fields = append(fields, wire.Field{Name: "Reason", Value: topology.Reason(d.Status, cmp.Or(d.Cause, topology.Q850(d.Status)), d.Rule)})
	}
	reply(tx, m, d.Status, fields...)
}

// help are the headers that tell the sender of a request what a refusal would rather have had.
func help(status int, method wire.Method) []wire.Field {
	switch status {
	case 405, 501:
		return []wire.Field{{Name: "Allow", Value: allowBut(method)}}
	case 415:
		return []wire.Field{{Name: "Accept", Value: topology.Accepts(method)}, {Name: "Accept-Encoding", Value: "identity"}}
	case 489:
		return []wire.Field{{Name: "Allow-Events", Value: topology.AllowEvents}}
	}
	return nil
}

// allowBut is our Allow where the far side does not take a method that we would carry.
func allowBut(method wire.Method) string {
	all := strings.Split(allow, ", ")
	return strings.Join(slices.DeleteFunc(all, func(m string) bool { return m == string(method) }), ", ")
}

// nearAnswer is the near side's answer to m for what its errand has brought: 504 when nobody could be reached.
func nearAnswer(m *wire.Message, tag string, o outcomeOfErrand, near *Party) *wire.Message {
	if o.answer == nil {
		return wire.NewResponse(m, 504, "", tag)
	}
	a := wire.NewResponse(m, topology.OutsideStatus(o.answer.Status, near.Trunk), "", tag)
	topology.OutsideAnswer(a, o.answer, m.Method)
	if a.Status != 489 { // topology has named the packages
		a.Fields = append(a.Fields, help(a.Status, m.Method)...)
	}
	if m.Method == wire.OPTIONS && a.Status < 300 {
		a.Fields = append(a.Fields, capabilities()...)
	}
	return a
}

// options answers for the gateway itself, or asks the far side when the request is for somebody there (RFC 3261 section 11). It is never
// challenged: peers ask to learn whether we live, and nobody learns more here.
func (s *Switch) options(sh *txn.Shard, tx *txn.Server, f txn.Flow, m *wire.Message) {
	if s.draining.Load() {
		reply(tx, m, 503, retryAfter())
		return
	}
	setup, found := s.asked(f, m)
	if len(found) == 0 && s.stranded(f, m) {
		reply(tx, m, 503, retryAfter())
		return
	}
	if len(found) == 0 || !s.errands.take(setup.Caller.id(), setup.Caller.share(accountErrands, trunkErrands)) {
		reply(tx, m, 200, capabilities()...)
		return
	}
	s.carry(sh, tx, m, setup, found)
}

// stranded reports whether the trunk that asks wants to know that the trunks behind us are out of service, and they all are.
func (s *Switch) stranded(f txn.Flow, m *wire.Message) bool {
	t := s.view().trunkAt(f, m)
	if t == nil || len(t.trunk.Failover.Reflect) == 0 {
		return false
	}
	for _, name := range t.trunk.Failover.Reflect {
		if slices.ContainsFunc(s.Targets(name), func(h TargetHealth) bool { return h.State != "down" }) {
			return false
		}
	}
	return true
}

// asked finds whom an OPTIONS of somebody known is for; nobody when it is for us.
func (s *Switch) asked(f txn.Flow, m *wire.Message) (Setup, []Candidate) {
	v := s.view()
	if m.MaxForwards == 0 || userPart(m.URI) == "" || !v.Realms[f.Realm()].Accounts() && v.trunkAt(f, m) == nil {
		return Setup{}, nil
	}
	who := s.identify(v, f, m)
	if who.status != 0 {
		return Setup{}, nil
	}
	setup, found, _ := s.judge(v, who, m)
	return setup, found
}
