// Package policy judges requests. A judgement is a value: it can be logged, tested, replayed and shown. The package holds no socket,
// clock, lock or random source; whoever asks brings a snapshot of what counts.
package policy

// Request is what a judgement is made from.
type Request struct {
	Method      string
	Realm       string // the side it came from
	Peer        string // trunk or account it is authenticated as; "" when unknown
	From, To    string // user parts, as numbers or names
	Active      int    // calls in progress in the whole gateway, without this one
	TrunkActive int    // the same on the caller's trunk; 0 when the caller is none
	TrunkLimit  int    // 0 means none
	Draining    bool   // the process is about to end
}

// Decision is everything policy has to say about one request.
type Decision struct {
	Allow      bool
	Status     int    // SIP status when !Allow; 0 means silence
	Reason     string // phrase that goes with Status; "" is the status's own
	Rule       string // which rule decided, for event, CDR and console
	RetryAfter int    // seconds; 0 means none is sent
}

// Limits bound the gateway. A zero field is no limit.
type Limits struct {
	Calls int // at a time
}

// Retry-After values, in seconds. Chosen here: a drained process is replaced within half a minute, a full one has room in a few seconds.
const (
	RetryDraining = 30
	retryFull     = 5
)

// Decide judges a call attempt. The first rule that refuses decides.
func Decide(l Limits, r Request) Decision {
	switch {
	case r.Peer == "":
		return Decision{Status: 403, Rule: "identity/unknown"}
	case r.Draining:
		return Decision{Status: 503, Reason: "Draining", Rule: "drain", RetryAfter: RetryDraining}
	case l.Calls > 0 && r.Active >= l.Calls:
		return Decision{Status: 503, Reason: "Too Many Calls", Rule: "limits/calls", RetryAfter: retryFull}
	case r.TrunkLimit > 0 && r.TrunkActive >= r.TrunkLimit:
		return Decision{Status: 503, Reason: "Trunk Limit Reached", Rule: "trunk/max-calls", RetryAfter: retryFull}
	}
	return Decision{Allow: true, Rule: "allow"}
}
