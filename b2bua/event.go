package b2bua

import (
	"cmp"
	"net/netip"
	"time"

	"drawbridge/media"
	"drawbridge/media/offer"
	"drawbridge/policy"
	"drawbridge/policy/profile"
	"drawbridge/sip/dialog"
	"drawbridge/sip/digest"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
	"drawbridge/topology"
)

// The identifiers of a call. They look alike on the wire; the compiler keeps them apart here.
type (
	CallID string // one per call attempt, minted here; never on the wire
	LegID  int    // legs of a call in the order they were made; 0 is the caller's side
	TxID   uint32 // one transaction of a call, numbered by whoever starts it; 0 is none
)

// legA is the caller's side. noLeg marks what belongs to the call as a whole.
const (
	legA  LegID = 0
	noLeg LegID = -1
)

// Event is something that has happened to a call.
type Event interface{ event() }

// Events that come from outside.
type (
	// Invited is the first event: a call attempt.
	Invited struct{ *Setup }
	// Decided answers AskPolicy.
	Decided struct{ Decision policy.Decision }
	// Routed answers AskRoutes. Status is what the caller is told when there is no candidate; Full, when none of them has room.
	Routed struct {
		Candidates []Candidate
		Status     int
		Rule       string
		Full       *policy.Decision
	}
	// Found answers AskHops: one candidate for each hop.
	Found struct {
		Round      int
		Candidates []Candidate
	}
	// Claimed answers Claim: whether there was room. Plain grants it without a transcoder. Refusal says why there is none, of either.
	Claimed struct {
		Granted, Plain bool
		Refusal        policy.Decision
	}
	// Opened answers AskMedia.
	Opened struct {
		Side  media.LegID
		Local offer.Local
		Err   error
	}
	// Request is a request inside the dialog of a leg. Tx is 0 for an ACK.
	Request struct {
		Leg  LegID
		Tx   TxID
		Flow txn.Flow
		Msg  *wire.Message
	}
	// Response belongs to a client transaction of a leg.
	Response struct {
		Leg LegID
		Tx  TxID
		Msg *wire.Message
	}
	// Failed ends a client transaction without a final response.
	Failed struct {
		Leg LegID
		Tx  TxID
		Err error
	}
	// Cancelled is a CANCEL of the caller's INVITE, already answered 200. Reasons are its Reason values.
	Cancelled struct{ Reasons []string }
	// Heard is a JSON signal on a leg's line.
	Heard struct {
		Leg    LegID
		Signal Signal
	}
	// Lost tells a leg that its flow or line has gone. A caller that is answerable can be told over another connection what comes of its
	// INVITE.
	Lost struct {
		Leg        LegID
		Answerable bool
	}
	// Media is a report of the media session.
	Media struct{ Event media.Event }
	// Fired is a timer.
	Fired struct{ Timer Timer }
	// Stop ends the call for a reason of the gateway's own; Rule is the one that says so, "" is none.
	Stop struct {
		Cause Cause
		Rule  string
	}
)

func (Invited) event()   {}
func (Decided) event()   {}
func (Routed) event()    {}
func (Claimed) event()   {}
func (Found) event()     {}
func (Opened) event()    {}
func (Request) event()   {}
func (Response) event()  {}
func (Failed) event()    {}
func (Cancelled) event() {}
func (Heard) event()     {}
func (Lost) event()      {}
func (Media) event()     {}
func (Fired) event()     {}
func (Stop) event()      {}

// News is what a leg makes of its events for the coordinator.
type (
	// rang: the callee is alerted; early is set when the leg previewed its media.
	rang struct {
		leg   LegID
		early *offer.Stream
		said  *wire.Message // the response, where something of it may cross
	}
	// answered: the callee has answered.
	answered struct {
		leg    LegID
		stream *offer.Stream
		said   *wire.Message // the response, where something of it may cross
	}
	// refused: the callee's leg has failed before it was answered.
	refused struct {
		leg         LegID
		cause       Cause
		unreachable bool        // no final response came: timeout or transport error
		goesOn      bool        // a 6xx of a peer whose 6xx do not speak for the user
		contacts    []wire.Addr // of a 3xx
		retryAfter  int         // seconds, as the response says; 0: nothing
	}
	// confirmed: the caller's side has taken our answer; stream is set when its ACK brought the answer to a late offer.
	confirmed struct {
		leg    LegID
		stream *offer.Stream
	}
	// moved: a leg has renegotiated its stream.
	moved struct {
		leg    LegID
		stream *offer.Stream
	}
	// dialled: digits asked for by signalling (INFO, JSON).
	dialled struct {
		leg    LegID
		digits []digit
	}
	// cancelled: the caller gave up before the answer.
	cancelled struct{ cause Cause }
	// ended: a leg is over and takes the call with it.
	ended struct {
		leg   LegID
		cause Cause
	}
)

// News of transfers.
type (
	// referred: a peer asks for a transfer.
	referred struct {
		leg   LegID
		refer refer
	}
	// linkReady: the other end of a link waits for our media.
	linkReady struct{ leg LegID }
)

func (referred) event()  {}
func (linkReady) event() {}

func (rang) event()      {}
func (answered) event()  {}
func (refused) event()   {}
func (confirmed) event() {}
func (moved) event()     {}
func (dialled) event()   {}
func (cancelled) event() {}
func (ended) event()     {}

// Setup is a call attempt as the switch has understood it: over SIP (Invite, Tx, Flow) or JSON (Line, Ref, SDP).
type Setup struct {
	ID     CallID
	Caller *Party
	From   string // the caller's user or number, as the far side may see it
	To     string // number or user dialled

	Invite *wire.Message
	Parts  []wire.Part    // of its body, that may cross
	Names  *names         // From and To as its sender wrote them, when rules have made others of them
	Told   *topology.Told // what it says of the people in it; nil over JSON, and once the call has long been up
	Tx     TxID
	Tag    string // our To tag: the transaction answers CANCEL with it too
	Flow   txn.Flow

	Line Line
	Ref  string // the call's id on its line
	SDP  []byte

	Refusal *policy.Decision // set when the switch itself has turned the caller away

	Link     *end             // the caller is a leg of another call
	Moved    CallID           // with it: the transfer that the call is part of
	Replaces *dialog.Replaces // the dialog that this call takes the place of

	Private  bool // the caller is not to be named (RFC 3323), and there is no INVITE to say so
	Returned bool // the INVITE has been through this gateway before
	Secure   bool // asked for with sips: (RFC 5630): TLS on the way in and out
}

// Party is who is at the far end of a leg. Calls share it and never write to it.
type Party struct {
	Realm    Realm
	Name     string         // trunk or account
	Trunk    bool           // a trunk, not an account
	Number   string         // an account's number, its caller id on trunks; "" means its name
	Codecs   []offer.Codec  // best first
	Ptime    int            // ms of audio in a packet that a trunk is asked for; 0 means 20
	Sources  []netip.Prefix // where a trunk's requests come from
	TLSName  string         // a trunk that is known by this name of its certificate alone; "" is known by its sources
	Rel100   Rel100         // reliable provisional responses, on a trunk
	DTMF     DTMF           // how digits go towards it
	Auth     digest.Account // ours at a trunk, for its challenges
	Refer    ReferPolicy
	SRTP     offer.SRTP // encryption of its media; a browser's always is
	Redirect Redirect   // what its 3xx may do

	Preconditions bool           // our INVITEs to a trunk carry QoS preconditions (RFC 3312)
	Prefixes      []netip.Prefix // where a trunk's media may come from besides the address that it announces
	Inactivity    time.Duration  // of a trunk's media, see Trunk
	XR            offer.XR       // VoIP metrics with a trunk

	Profile  *profile.Profile // what is particular to a trunk; nil: nothing
	Rules    Rules            // a trunk's; those of its realm are met besides
	Pass     *topology.Passes // what of its calls may cross as it is; nil: nothing
	Failover *Failover        // a trunk's; nil: nobody watches, the common table
}

// routesTo asks where the caller's routes lead a number.
func (s *Setup) routesTo(number string) AskRoutes {
	by := s.Caller.attempt(s.From, number)
	return AskRoutes{Realm: by.Realm, Peer: by.Peer, Caller: cmp.Or(s.Caller.Number, by.From), Number: by.To}
}

// attempt is what policy is asked about the party: may it do that, as from, for to?
func (p *Party) attempt(from, to string) policy.Request {
	return policy.Request{Realm: p.Realm.Name, Peer: p.Name, From: from, To: to}
}

// Candidate is one way to reach the callee: one hop of a trunk's target, or every contact of an account in one realm. All its targets
// ring at once. Without any, URI has to be looked up first, and makes as many candidates as it has hops.
type Candidate struct {
	Callee  *Party
	Targets []Target
	URI     wire.URI // a trunk's target, with the number as its user
	Rule    string
	resting bool // its target has failed lately
	urgent  bool // the number is one of emergency: whatever the target says, the next one is tried, too
}

// unresolved reports whether the hops of a candidate have to be looked up.
func (c *Candidate) unresolved() bool { return len(c.Targets) == 0 && c.URI.Host != "" }

// Target is one place to send an INVITE to: over SIP (Flow, Contact) or over JSON (Line).
type Target struct {
	Flow    txn.Flow
	Hop     txn.Hop     // a trunk's; zero for the contact of an account
	Resting bool        // it has failed lately
	Route   []wire.Addr // that a trunk wants its requests to take
	Contact wire.Addr
	Line    Line
	Join    *dialog.Replaces // a leg of another call
}
