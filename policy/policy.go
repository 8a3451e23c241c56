// Package policy judges requests. A judgement is a value: it can be logged, tested, replayed and shown. The package holds no socket,
// clock, lock or random source; whoever asks brings a snapshot of what counts.
package policy

import (
	"time"

	"drawbridge/policy/limit"
)

// Request is what a judgement is made from.
type Request struct {
	Realm     string // the side it came from
	Peer      string // trunk or account it is authenticated as; "" when unknown
	From, To  string // user parts, as numbers or names
	Emergency bool   // To is an emergency number: no limit or ban of an account holds it back, only those that keep the gateway alive
	Draining  bool   // the process is about to end

	Denied string // the access list that names caller or callee; "" is none

	Limit limit.Verdict // the limit that it has reached, if any
	Late  time.Duration // how far behind the media plane is
	Retry int           // seconds that a refusal for want of room asks to wait, at random
}

// Decision is everything policy has to say about one request.
type Decision struct {
	Allow      bool
	Status     int    // SIP status when !Allow; 0 means silence
	Reason     string // phrase that goes with Status; "" is the status's own
	Rule       string // which rule decided, for event, CDR and console
	RetryAfter int    // seconds; 0 means none is sent
	Cause      int    // Q.850; 0 is the status's own
}

// Limits bound what the host takes on. A zero field is no limit.
type Limits struct {
	Late time.Duration // of the media plane
}

// RetryDraining is the Retry-After of a process that is about to end, in seconds. Chosen here: it is replaced within half a minute.
const RetryDraining = 30

// Decide judges a call attempt. The first rule that refuses decides.
func Decide(l Limits, r Request) Decision {
	switch {
	case r.Peer == "":
		return Decision{Status: 403, Rule: "identity/unknown"}
	case r.Draining:
		return Decision{Status: 503, Reason: "Draining", Rule: "drain", RetryAfter: RetryDraining}
	case r.Denied != "" && !r.Emergency:
		return Decision{Status: 403, Rule: r.Denied}
	case l.Late > 0 && r.Late > l.Late && !r.Emergency:
		return Decision{Status: 503, Reason: "Congestion", Rule: "host/late", RetryAfter: r.Retry, Cause: causeCongestion}
	case r.Limit.Refused():
		return Full(r.Limit, r.Retry, false)
	}
	return Decision{Allow: true, Rule: "allow"}
}

// Causes of Q.850 for want of room.
const (
	causeNoCircuit  = 34
	causeCongestion = 42
)

// Crowded refuses a request of somebody who sends too many, whoever it is.
func Crowded(rule string, retry int) Decision {
	return Decision{Status: 503, Rule: rule, RetryAfter: retry, Cause: causeCongestion}
}

// Full is the refusal by a limit that has been reached: of the caller's side, or of the callee's. An account or a number that takes no more
// calls is busy; anything else has no room, and another gateway may have. The words do not tell which limit it was.
func Full(v limit.Verdict, retry int, callee bool) Decision {
	d := Decision{Status: 503, Reason: "No Circuit Available", Rule: v.Rule(), RetryAfter: retry, Cause: causeNoCircuit}
	if v.What == limit.Attempts || v.What == limit.Emergency {
		d.Reason, d.Cause = "Congestion", causeCongestion
	}
	if v.What == limit.Calls && (v.Scope == limit.Number || v.Scope == limit.Account && callee) {
		d.Status, d.Reason, d.RetryAfter = 486, "", 0
	}
	return d
}
