package media

import (
	"net/netip"
	"time"

	"drawbridge/media/offer"
)

// LegID names a side of a call.
type LegID uint8

// A is the caller's side, B the callee's.
const (
	A LegID = iota
	B
)

// String is the name events and logs use.
func (id LegID) String() string {
	if id == A {
		return "a"
	}
	return "b"
}

// Inside is the realm between two sessions of this engine: loopback, any port, RTP only. A call that was transferred reaches its new far
// end through it, whatever loop and call that one lives in.
const Inside = "(inside)"

// Side says what to allocate for a leg.
type Side struct {
	Realm   string
	Profile offer.Profile
	SRTP    offer.SRTP // RTP profile: which keys its SDP needs, and whether media may flow in clear
	DTMF    DTMF       // how digits go towards it

	Prefixes []netip.Prefix // RTP profile: hosts besides the announced one that media may come from, and is then sent to

	Inactivity time.Duration // media that is due and does not come ends the leg after it; 0 is the realm's, negative never
}

// EventKind says what happened to a session.
type EventKind uint8

const (
	EventICE    EventKind = iota // first verified connectivity check
	EventDTLS                    // keys in place
	EventRTP                     // first authentic media packet in
	EventDTMF                    // a digit came in on Leg, by whatever way; it has gone on already unless the other leg is one of DTMFSignal
	EventFailed                  // media of the leg cannot work any more; Reason says why: "fingerprint", "dtls", "consent", "codec", "media-inactivity"
	EventClosed                  // last event of the session; Stats is set
)

// Event is what a Session reports.
type Event struct {
	Kind     EventKind
	Leg      LegID
	Digit    byte          // of EventDTMF
	Duration time.Duration // of EventDTMF; 0 when nobody has said
	Reason   string
	Stats    [2]LegStats
}

// LegStats are the counters of one leg, now or at the end.
type LegStats struct {
	PacketsIn, OctetsIn, PacketsOut, Lost uint64
	Jitter, RTT                           time.Duration
	Codec                                 string

	AudioIn, AudioOut Verdict     // whether there is audio, and why not
	Quality           *LegQuality // nil when there is nothing to rate yet
}
