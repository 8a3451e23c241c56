package policy

import "testing"

func TestDecide(t *testing.T) {
	ok := Request{Method: "INVITE", Realm: "access", Peer: "alice", To: "100"}
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
		{"a known peer", Limits{Calls: 1}, ok, 0, "allow", false},
		{"no limit", Limits{}, with(func(r *Request) { r.Active = 1 << 20 }), 0, "allow", false},
		{"nobody", Limits{}, with(func(r *Request) { r.Peer = "" }), 403, "identity/unknown", false},
		{"draining", Limits{}, with(func(r *Request) { r.Draining = true }), 503, "drain", true},
		{"the last call", Limits{Calls: 2}, with(func(r *Request) { r.Active = 1 }), 0, "allow", false},
		{"one too many", Limits{Calls: 2}, with(func(r *Request) { r.Active = 2 }), 503, "limits/calls", true},
		{"trunk full", Limits{}, with(func(r *Request) { r.TrunkActive, r.TrunkLimit = 3, 3 }), 503, "trunk/max-calls", true},
		{"a stranger learns nothing of the load", Limits{Calls: 1}, with(func(r *Request) { r.Peer, r.Active = "", 9 }), 403, "identity/unknown", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := Decide(tt.limits, tt.in)
			if d.Allow != (tt.status == 0) || d.Status != tt.status || d.Rule != tt.rule || (d.RetryAfter > 0) != tt.retry {
				t.Errorf("%+v, want status %d by %s", d, tt.status, tt.rule)
			}
		})
	}
}
