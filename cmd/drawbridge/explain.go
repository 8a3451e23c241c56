package main

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"time"

	"drawbridge/b2bua"
	"drawbridge/config"
	"drawbridge/policy/route"
)

// explanation is what /v1/route/explain says of a call that nobody has placed.
type explanation struct {
	From    string    `json:"from"`
	Realm   string    `json:"realm"`
	Caller  string    `json:"caller,omitempty"` // the number that it says
	To      string    `json:"to"`
	At      time.Time `json:"at"`
	Outcome string    `json:"outcome"` // the first candidate, or what the caller is told
	Steps   []reason  `json:"steps"`   // the candidates in their order, and what was left out where it was
	Live    bool      `json:"live"`    // health and quality are those of a running gateway
}

// reason is one step of the decision.
type reason struct {
	Place    int                  `json:"place,omitempty"` // among the candidates; 0: none
	Trunk    string               `json:"trunk,omitempty"`
	Account  string               `json:"account,omitempty"`
	Group    string               `json:"group,omitempty"`
	Rule     string               `json:"rule"`
	Why      string               `json:"why,omitempty"`
	Price    string               `json:"price,omitempty"` // a minute
	Prefix   string               `json:"prefix,omitempty"`
	Penalty  float64              `json:"penalty,omitempty"`
	MOS      float64              `json:"mos,omitempty"` // of the last five minutes
	ASR      *int                 `json:"asr,omitempty"` // per cent of the last attempts
	Priority int                  `json:"priority,omitempty"`
	Weight   int                  `json:"weight,omitempty"`
	Targets  []b2bua.TargetHealth `json:"targets,omitempty"`
}

// sample is the draw of an explanation: no trial of a trunk with a penalty. Weights are drawn anew for each call.
const sample = 1

// judge explains a call from FROM, an account, a trunk or a realm, to a number. live is nil without a running gateway.
func judge(snap *config.Snapshot, table *route.Table, live *gateway, q route.Query, from string) explanation {
	e := explanation{From: from, Realm: q.Realm, Caller: q.Caller, To: q.Number, At: q.At, Outcome: "404 route/none", Steps: []reason{}, Live: live != nil}
	place := 0
	for _, s := range table.Explain(q) {
		r := reason{Trunk: s.Trunk, Account: s.User, Group: s.Group, Rule: s.Rule, Why: s.Why, Prefix: s.Prefix, Penalty: s.Penalty, Priority: s.Priority, Weight: s.Weight}
		if s.Priced {
			r.Price = strconv.FormatFloat(float64(s.Price)/1e6, 'f', -1, 64)
		}
		if live != nil && s.Trunk != "" {
			r.Targets = live.calls.Targets(s.Trunk)
			known := live.scores.Get(s.Trunk)
			r.MOS = math.Round(known.MOS(q.At)*100) / 100
			if asr, ok := known.ASR(); ok {
				r.ASR = &asr
			}
		}
		switch {
		case !s.Taken:
		case s.Trunk != "" && unfit(r.Targets):
			r.Why = "every target is down"
			if place == 0 {
				e.Outcome = fmt.Sprintf("%d trunk/down", snap.AllDown)
			}
		default:
			place++
			r.Place = place
			if place == 1 {
				e.Outcome = cmp.Or(r.Trunk, r.Account)
			}
		}
		e.Steps = append(e.Steps, r)
	}
	return e
}

// unfit reports whether no call goes to any of a trunk's targets.
func unfit(all []b2bua.TargetHealth) bool {
	return len(all) > 0 && !slices.ContainsFunc(all, func(t b2bua.TargetHealth) bool { return t.State != "down" })
}

// whoIs finds out who FROM is.
func whoIs(snap *config.Snapshot, from string) (q route.Query, err error) {
	if t, ok := snap.Trunks[from]; ok {
		return route.Query{Realm: t.Realm, Peer: from}, nil
	}
	for _, u := range snap.Users.Local {
		if u.Name == from || slices.Contains(u.Numbers, from) {
			return route.Query{Realm: snap.Web.Realm, Peer: u.Name, Caller: append(slices.Clone(u.Numbers), u.Name)[0]}, nil
		}
	}
	if _, ok := snap.Realms[from]; ok {
		return route.Query{Realm: from}, nil
	}
	return route.Query{}, fmt.Errorf("from %q: no account, trunk or realm has that name", from)
}

// question reads what is asked: from, to, and if wanted realm, caller and at (RFC 3339).
func question(snap *config.Snapshot, ask url.Values, now time.Time) (q route.Query, err error) {
	if q, err = whoIs(snap, ask.Get("from")); err != nil {
		return q, err
	}
	if realm := ask.Get("realm"); realm != "" {
		if _, ok := snap.Realms[realm]; !ok {
			return q, fmt.Errorf("realm %q: there is none of that name", realm)
		}
		q.Realm = realm
	}
	q.Caller = cmp.Or(ask.Get("caller"), q.Caller)
	q.Number, q.Draw, q.At = route.Dialled(ask.Get("to")), sample, now
	if q.Number == "" {
		return q, fmt.Errorf("to %q: no number and no name", ask.Get("to"))
	}
	if at := ask.Get("at"); at != "" {
		if q.At, err = time.Parse(time.RFC3339, at); err != nil {
			return q, fmt.Errorf("at: %w", err)
		}
	}
	return q, nil
}

// explainRoute answers /v1/route/explain.
func (g *gateway) explainRoute(_ context.Context, ask url.Values) (any, error) {
	q, err := question(g.snap(), ask, time.Now())
	if err != nil {
		return nil, err
	}
	q.Standing = g.standing
	return judge(g.snap(), g.now().table, g, q, ask.Get("from")), nil
}
