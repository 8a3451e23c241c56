package b2bua

import (
	"math/rand/v2"
	"slices"
	"strings"

	"drawbridge/policy/route"
	"drawbridge/sip/txn"
)

// routes turns the candidates of policy/route into targets that can be dialled: each target of a trunk in its turn, the contacts of an
// account all at once, as far as they share a realm and with it a media endpoint.
func (s *Switch) routes(v *view, a AskRoutes) Routed {
	found := v.Routes(s.query(v, a))
	if len(found) == 0 {
		return Routed{Status: 404, Rule: "route/none"}
	}
	r := Routed{Status: 480}
	for _, c := range found {
		if t := v.trunks[c.Trunk]; c.Trunk != "" && t != nil {
			r.Status, r.Rule = v.AllDown, "trunk/down"
			r.Candidates = s.viaTrunk(r.Candidates, v, t, a.Number, c.Rule)
			continue
		}
		if c.User != "" {
			r.Candidates = append(r.Candidates, s.toAccount(v, c.User, a.Number, c.Rule)...)
		}
	}
	r.Candidates = restingLast(r.Candidates)
	return r
}

// query asks the routes about a call now. Chance is for shares of trunks alone: nothing secret hangs on it.
func (s *Switch) query(v *view, a AskRoutes) route.Query {
	return route.Query{Realm: a.Realm, Number: a.Number, Peer: a.Peer, Caller: a.Caller, At: s.cfg.now(), Draw: rand.Uint64(), Standing: v.Standing}
}

// viaTrunk appends the candidates of a trunk: the hops of its targets, in order.
func (s *Switch) viaTrunk(all []Candidate, v *view, t *trunkSlots, number, rule string) []Candidate {
	for _, u := range t.trunk.Targets {
		u.User = number
		all = s.lead(all, v, t.far(), u, rule)
	}
	return all
}

// target is the way to a host of a trunk that the trunk itself has named. The trunk says where a number is, the routes say who may call it.
func (s *Switch) target(v *view, a AskTarget) Routed {
	leads := func(c route.Candidate) bool { return c.Trunk == a.Callee.Name }
	a.By.Number = a.URI.User
	if !slices.ContainsFunc(v.Routes(s.query(v, a.By)), leads) {
		return Routed{Status: 404, Rule: "route/none"}
	}
	return Routed{Status: v.AllDown, Candidates: s.lead(nil, v, a.Callee, a.URI, "redirect")}
}

// named asks a hop of the trunk for the name that its certificate has to bear, whatever it was looked up by.
func (p *Party) named(hop txn.Hop) txn.Hop {
	if hop.Network == "tls" && p.TLSName != "" {
		hop.Name = p.TLSName
	}
	return hop
}

// toAccount groups the contacts of an account by realm, in the order they were found. Those of a PBX that stand for all its numbers are
// dialled with the number.
func (s *Switch) toAccount(v *view, user, number, rule string) []Candidate {
	var all []Candidate
	at := map[string]int{}
	for _, t := range s.cfg.Locate(user) {
		var realm string
		if _, bulk := t.Contact.URI.Params.Lookup("bnc"); bulk {
			if strings.EqualFold(number, user) {
				continue // the contact is none of the account's own name
			}
			t.Contact.URI.User = number // RFC 6140 section 5.2
			t.Contact.URI.Params.Del("bnc")
		}
		if t.Line != nil {
			realm = t.Line.Realm()
		} else {
			realm = t.Flow.Realm()
		}
		i, known := at[realm]
		if !known {
			i = len(all)
			at[realm] = i
			all = append(all, Candidate{Callee: v.account(user, realm), Rule: rule})
		}
		all[i].Targets = append(all[i].Targets, t)
	}
	return all
}
