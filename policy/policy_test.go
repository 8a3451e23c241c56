package policy

import (
	"testing"
	"time"

	"drawbridge/policy/limit"
)

func TestDecide(t *testing.T) {
	ok := Request{Realm: "access", Peer: "alice", To: "100", Retry: 3}
	with := func(change func(*Request)) Request {
		r := ok
		change(&r)
		return r
	}
	for _, tt := range []struct {
		name   string
		limits Limits
		in     Request
		status int
		rule   string
		retry  bool
	}{
		{"a known peer", Limits{Late: time.Second}, ok, 0, "allow", false},
		{"no limit", Limits{}, with(func(r *Request) { r.Late = time.Hour }), 0, "allow", false},
		{"nobody", Limits{}, with(func(r *Request) { r.Peer = "" }), 403, "identity/unknown", false},
		{"draining", Limits{}, with(func(r *Request) { r.Draining = true }), 503, "drain", true},
		{"as late as may be", Limits{Late: time.Second}, with(func(r *Request) { r.Late = time.Second }), 0, "allow", false},
		{"too late", Limits{Late: time.Second}, with(func(r *Request) { r.Late = time.Second + 1 }), 503, "host/late", true},
		{"too late for all but an emergency", Limits{Late: 1}, with(func(r *Request) { r.Late, r.Emergency = time.Second, true }), 0, "allow", false},
		{"one too many", Limits{}, with(func(r *Request) { r.Limit.What = limit.Calls }), 503, "limits/calls", true},
		{"trunk full", Limits{}, with(func(r *Request) { r.Limit = limit.Verdict{Scope: limit.Trunk, What: limit.Calls} }), 503, "limits/trunk/calls", true},
		{"too often", Limits{}, with(func(r *Request) { r.Limit = limit.Verdict{Scope: limit.Account, What: limit.Attempts} }), 503, "limits/account/cps", true},
		{"the number is busy", Limits{}, with(func(r *Request) { r.Limit = limit.Verdict{Scope: limit.Number, What: limit.Calls} }), 486, "limits/number/calls", false},
		{"a stranger learns nothing of the load", Limits{}, with(func(r *Request) { r.Peer, r.Limit.What = "", limit.Calls }), 403, "identity/unknown", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := Decide(tt.limits, tt.in)
			if d.Allow != (tt.status == 0) || d.Status != tt.status || d.Rule != tt.rule || (d.RetryAfter > 0) != tt.retry {
				t.Errorf("%+v, want status %d by %s", d, tt.status, tt.rule)
			}
		})
	}
}

func TestFull(t *testing.T) {
	for _, tt := range []struct {
		v      limit.Verdict
		callee bool
		status int
		cause  int
	}{
		{limit.Verdict{What: limit.Calls}, false, 503, 34},
		{limit.Verdict{Scope: limit.Trunk, What: limit.Attempts}, true, 503, 42},
		{limit.Verdict{Scope: limit.Account, What: limit.Calls}, false, 503, 34},
		{limit.Verdict{Scope: limit.Account, What: limit.Calls}, true, 486, 34},
		{limit.Verdict{Scope: limit.Account, What: limit.Bandwidth}, true, 503, 34},
		{limit.Verdict{What: limit.Emergency}, false, 503, 42},
	} {
		if d := Full(tt.v, 4, tt.callee); d.Allow || d.Status != tt.status || d.Cause != tt.cause || d.Rule != tt.v.Rule() {
			t.Errorf("%+v: %+v, want %d with cause %d", tt.v, d, tt.status, tt.cause)
		}
	}
}
