package b2bua

import (
	"time"

	"drawbridge/media"
	"drawbridge/media/offer"
	"drawbridge/policy"
	"drawbridge/policy/health"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
	"drawbridge/telemetry"
)

// Action is something a call asks the switch to do. The switch executes them in order.
type Action interface{ action() }

// Questions: each is answered by the event named.
type (
	// AskPolicy is answered by Decided. The switch fills in the counters. Again marks a further target of a call that has its slot;
	// Routed one that somebody else is going to dial: it must have a route here, too; Ahead one that a call of its own will ask for.
	AskPolicy struct {
		Request              policy.Request
		Again, Routed, Ahead bool
	}
	// AskRoutes is answered by Routed.
	AskRoutes struct {
		Realm, Number string
		Peer, Caller  string // the account or trunk that calls, and the number that it says
	}
	// AskTarget is answered by Routed: the one way to a URI at a trunk's own host. There is none unless By has a route for the number
	// that leads to that trunk.
	AskTarget struct {
		By     AskRoutes // without a number
		Callee *Party
		URI    wire.URI
	}
	// AskHops is answered by Found, now or when DNS has answered. Round comes back with it.
	AskHops struct {
		Round     int
		Candidate Candidate
	}
	// Claim takes a place for leg B and gives back the one held before; it is answered by Claimed. Mixed says that the legs may come to
	// speak different codecs.
	Claim struct {
		Callee *Party
		Mixed  bool
	}
	// AskMedia allocates a leg's endpoint; it is answered by Opened.
	AskMedia struct {
		Side media.LegID
		At   media.Side
	}
)

// Signalling.
type (
	// Own makes a leg the owner of the dialogs with our tag, and of its flow.
	Own struct {
		Leg  LegID
		Tag  string
		Flow txn.Flow
	}
	// OwnLine makes a leg the owner of the call Ref on a JSON line.
	OwnLine struct {
		Leg  LegID
		Line Line
		Ref  string
	}
	// Respond answers a server transaction.
	Respond struct {
		Tx  TxID
		Msg *wire.Message
	}
	// Send starts a client transaction. Hop is where a trunk's dialog wants its requests; zero: along Flow.
	Send struct {
		Leg  LegID
		Tx   TxID
		Flow txn.Flow
		Hop  txn.Hop
		Msg  *wire.Message
	}
	// Resend sends the 2xx of an INVITE once more. Settled says that its ACK has come, or never will.
	Resend  struct{ Tx TxID }
	Settled struct{ Tx TxID }
	// SendRaw sends bytes outside a transaction: the ACK to a 2xx.
	SendRaw struct {
		Leg   LegID
		Flow  txn.Flow
		Hop   txn.Hop
		Bytes []byte
	}
	// CancelTx cancels the INVITE client transaction. Reason is what the CANCEL says (RFC 3326), if anything.
	CancelTx struct {
		Tx     TxID
		Reason string
	}
	// Rest says that a hop has failed: calls try it last for a while. For 0 ends that.
	Rest struct {
		Realm string
		Hop   txn.Hop
		For   time.Duration
	}
	// Fared says how a call to a hop of a trunk has fared.
	Fared struct {
		Trunk string
		Hop   txn.Hop
		Fate  health.Fate
	}
	// Tell sends a JSON signal.
	Tell struct {
		Line   Line
		Signal Signal
	}
)

// Media.
type (
	Bind struct {
		Side   media.LegID
		Stream *offer.Stream // nobody writes to it
	}
	// PlayDTMF is answered by a Media event of kind EventDTMF, unless the digit has come in by another way already.
	PlayDTMF struct {
		Side     media.LegID
		Digit    byte
		Duration time.Duration
	}
	// CloseMedia is answered by a Media event of kind EventClosed.
	CloseMedia struct{}
)

// Facts and the end.
type (
	Started  telemetry.CallStarted
	Answered telemetry.CallAnswered
	Rejected telemetry.Rejected
	// Unanswered is a challenge of a trunk that we have no answer to, or none that it takes. Inside: it came in a dialog.
	Unanswered struct {
		At     txn.Flow
		By     *Party
		Asked  *wire.Message
		Inside bool
	}
	// Ended carries the CDR; slots are given back with it.
	Ended struct{ *telemetry.CallEnded }
	// Buried is the last action: the switch forgets the call, but for its tombs.
	Buried struct{ Tombs []Tomb }
)

// Tomb is what stays of a dialog for 64*T1: it answers 200 to BYE, 481 to the rest, and repeats its ACK.
type Tomb struct {
	Tag  string
	Far  []string // To tags of the 2xx that we have acknowledged: one that comes again gets its ACK and no second BYE
	Rang bool     // a reliable 18x waits for its PRACK, which is answered 200 too (RFC 3262 section 3)
	Flow txn.Flow
}

// why are the headers of the CANCEL.
func (a CancelTx) why() []wire.Field {
	if a.Reason == "" {
		return nil
	}
	return []wire.Field{{Name: "Reason", Value: a.Reason}}
}

func (AskPolicy) action()  {}
func (AskRoutes) action()  {}
func (AskTarget) action()  {}
func (AskHops) action()    {}
func (Rest) action()       {}
func (Fared) action()      {}
func (Claim) action()      {}
func (AskMedia) action()   {}
func (Own) action()        {}
func (OwnLine) action()    {}
func (Respond) action()    {}
func (Send) action()       {}
func (Resend) action()     {}
func (Settled) action()    {}
func (SendRaw) action()    {}
func (CancelTx) action()   {}
func (Tell) action()       {}
func (Bind) action()       {}
func (PlayDTMF) action()   {}
func (CloseMedia) action() {}
func (Started) action()    {}
func (Answered) action()   {}
func (Rejected) action()   {}
func (Unanswered) action() {}
func (Ended) action()      {}
func (Buried) action()     {}

// outbox collects what the legs and the coordinator of one call ask for while it handles one event.
type outbox struct {
	now   time.Time
	acts  []Action
	spare []Action      // empty: what acts goes on with
	mint  func() string // fresh tokens: tags, Call-IDs, branches
	txs   TxID          // last client transaction number
	ticks timers        // that run; the switch wakes the call for the first
}

// begin empties the outbox for an event.
func (o *outbox) begin(now time.Time) {
	o.now, o.acts, o.spare = now, o.spare, nil
}

// recycle takes the actions back once they have been carried out, for any call to go on with.
func (o *outbox) recycle() (spare []Action) {
	clear(o.acts)
	spare, o.acts = o.acts[:0], nil
	return spare
}

func (o *outbox) do(a ...Action) { o.acts = append(o.acts, a...) }

// nextTx numbers a client transaction. Server transactions are numbered by the switch, from the other end.
func (o *outbox) nextTx() TxID {
	o.txs++
	return o.txs
}

// start starts a timer of a leg, anew when it runs.
func (o *outbox) start(leg LegID, k TimerKind, d time.Duration) {
	o.ticks.start(Timer{leg, k}, o.now.Add(d))
}

func (o *outbox) stop(leg LegID, kinds ...TimerKind) {
	for _, k := range kinds {
		o.ticks.stop(Timer{leg, k})
	}
}
