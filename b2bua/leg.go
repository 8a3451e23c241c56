package b2bua

import (
	"slices"

	"drawbridge/media"
	"drawbridge/media/offer"
	"drawbridge/sip/wire"
	"drawbridge/telemetry"
)

// Leg is one side of a call: a dialog with its own offer/answer machine. sipLeg and jsonLeg are the two kinds. A leg belongs to its
// call's goroutine; what it asks for goes into the call's outbox.
type Leg interface {
	// Handle settles an event addressed to the leg and returns what it means for the call.
	Handle(ev Event) []Event

	// Open gives the leg its media address. On the caller's side its offer is answered (not yet sent); on the callee's side ours is made.
	Open(local offer.Local) error
	// Shared are the codecs that the caller's side has offered and may speak, best first; nil when it has not said.
	Shared() []offer.Codec
	// Dial calls the callee. in is the caller's INVITE as topology may read it; patient says that no other candidate waits.
	Dial(in *wire.Message, patient bool)

	// Suit tells the caller's side what the callee speaks, best first, as long as nothing has been said about media.
	Suit(far ...offer.Codec)
	// Ring tells the caller's side that the callee is alerted; early asks for our media with it.
	Ring(early bool)
	// Accept answers the caller's side. The stream is nil while a late offer waits for its answer.
	Accept() *offer.Stream
	// Hangup ends the leg in the way its state asks for: a final response, CANCEL, BYE, or JSON bye. It may be called in any state.
	Hangup(c Cause)

	// State is where the leg stands.
	State() LegState
	// Record is the leg's part of the CDR, without the counters.
	Record() telemetry.Leg
	// Tombs appends the dialogs that stragglers may still ask for.
	Tombs(all []Tomb) []Tomb
}

// watcher is a Leg that can show its user what happens beside the dialog; SIP has no words for it, JSON signalling has.
type watcher interface {
	farHold(on bool)         // the far side holds, or has come back
	stage(k media.EventKind) // the leg's own media has come this far
}

// listener is a Leg that may tell its peer by signalling what keys the far side has pressed. Media has told it otherwise by then.
type listener interface{ digits(ds []digit) }

// LegState follows the INVITE usage of a dialog (RFC 3261 sections 12-15, RFC 6026), seen from our side of it. A JSON leg takes the
// same way without the waits.
//
//	UAS   Idle -> Trying -> Early -> Accepted -> Confirmed -> Ending -> Gone
//	                |         |         |                        ^
//	                |         |         +-- no ACK: 64*T1 -------+
//	                +---------+-- final response sent --> Gone
//
//	UAC   Idle -> Calling -> Early -> Confirmed -> Ending -> Gone
//	                |          |                     ^
//	                +----------+-> Cancelling -------+  2xx after all: ACK, BYE
//	                |          |        +-- final response, 64*T1 --> Gone
//	                +----------+-- final response came --> Gone
type LegState uint8

// The states of a leg.
const (
	Idle       LegState = iota
	Trying              // UAS: INVITE came
	Calling             // UAC: INVITE sent
	Early               // alerted
	Accepted            // UAS: 2xx sent, no ACK yet
	Confirmed           // talking
	Cancelling          // UAC: CANCEL asked for, no final response yet
	Ending              // BYE sent
	Gone                // nothing more to send
)

var stateNames = [Gone + 1]string{"idle", "trying", "calling", "early", "accepted", "confirmed", "cancelling", "ending", "gone"}

func (s LegState) String() string { return stateNames[s] }

// legMoves are the legal moves.
var legMoves = [Gone + 1][]LegState{
	Idle:       {Trying, Calling, Gone},
	Trying:     {Early, Accepted, Gone},
	Calling:    {Early, Confirmed, Cancelling, Gone},
	Early:      {Accepted, Confirmed, Cancelling, Gone},
	Accepted:   {Confirmed, Ending, Gone},
	Confirmed:  {Ending, Gone},
	Cancelling: {Ending, Gone},
	Ending:     {Gone},
}

// legCore is what both kinds of leg are made of.
type legCore struct {
	*outbox
	id    LegID
	side  media.LegID
	party *Party
	state LegState
	sdp   *offer.Machine
}

func newLegCore(out *outbox, id LegID, p *Party, session uint64) legCore {
	side := media.B
	if id == legA {
		side = media.A
	}
	return legCore{outbox: out, id: id, side: side, party: p, sdp: offer.New(offer.Config{
		Profile: p.profile(), SRTP: p.SRTP, XR: p.XR, Codecs: p.Codecs, PtimeMS: p.Ptime, SessionID: session, AllowLoopback: p.Realm.AllowLoopback,
		Preconditions: p.Preconditions && side == media.B, NoEvents: p.DTMF.eventless(),
	})}
}

// profile is what SDP towards the party looks like.
func (p *Party) profile() offer.Profile {
	if p.Realm.Browsers {
		return offer.WebRTC
	}
	return offer.RTP
}

// Shared are our codecs that the peer has offered.
func (l *legCore) Shared() []offer.Codec { return l.sdp.Shared() }

// offered answers an offer of the peer. When it begins ICE anew the answer has new credentials; media takes them with the stream, so an offer
// that cannot be answered leaves nothing behind.
func (l *legCore) offered(sdp []byte) ([]byte, *offer.Stream, error) {
	if !l.sdp.Restarts(sdp) {
		return l.sdp.Offered(sdp, offer.SendRecv)
	}
	// A token has 80 random bits. RFC 8839 section 5.4 wants 24 and 128.
	return l.sdp.Renewed(sdp, offer.SendRecv, offer.ICE{Ufrag: l.mint(), Pwd: l.mint() + l.mint()})
}

func (l *legCore) mediaSide() media.Side { return l.party.mediaSide() }

func (l *legCore) State() LegState { return l.state }

// move makes a legal move. An illegal one is a defect of this package, which the switch's recover turns into the end of one call.
func (l *legCore) move(to LegState) {
	if l.state == to {
		return
	}
	if !slices.Contains(legMoves[l.state], to) {
		panic(&StateError{Leg: l.id, From: l.state, To: to})
	}
	l.state = to
}

func (l *legCore) ended(c Cause) []Event { return []Event{ended{l.id, c}} }

// record is the part of the CDR that both kinds share.
func (l *legCore) record(kind string) telemetry.Leg {
	r := telemetry.Leg{Realm: l.party.Realm.Name, Peer: l.party.Name, Trunk: l.party.Trunk, Kind: kind, Media: "rtp"}
	gist := l.sdp.Gist()
	switch {
	case l.party.profile() == offer.WebRTC:
		r.Media = "webrtc"
	case gist.SDES:
		r.Media = "sdes"
	case gist.DTLS:
		r.Media = "dtls"
	}
	r.Codec = gist.Codec
	return r
}
