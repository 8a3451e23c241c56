package offer

import (
	"net/netip"
	"slices"
)

// Profile is what kind of peer a leg's SDP is written for.
type Profile uint8

const (
	// RTP is a trunk: RTP/AVP, port pair, no ICE (clients.md, "SDP towards the trunk").
	RTP Profile = iota
	// WebRTC is a browser: UDP/TLS/RTP/SAVPF, ice-lite, rtcp-mux, BUNDLE, DTLS-SRTP (RFC 8827, RFC 8829).
	WebRTC
)

// Direction is RFC 3264 section 5.1, from the view of the SDP that carries it.
type Direction uint8

const (
	SendRecv Direction = iota
	SendOnly
	RecvOnly
	Inactive
)

// Codec is one payload format. Two codecs are the same when Name (case-insensitive), Clock and Channels are.
type Codec struct {
	Name     string // "opus", "PCMU", "PCMA", "telephone-event"
	PT       uint8  // 0..127
	Clock    int    // RTP clock, Hz
	Channels int    // 1, or 2 for opus/48000/2
	Fmtp     string // text behind the payload type, "" when absent
}

// Local is what the media plane has allocated for a leg: the addresses and secrets that its SDP announces.
type Local struct {
	RTP         netip.AddrPort // address announced in c= and m=; for WebRTC also the one host candidate
	RTCP        netip.AddrPort // RTP profile: the odd port; invalid for WebRTC (rtcp-mux)
	Ufrag, Pwd  string         // WebRTC: ICE-lite credentials (RFC 8445), the same until the peer begins ICE anew
	Fingerprint string         // DTLS: "sha-256 AB:CD:..." of the process's certificate
	Keys        *Keys          // RTP profile with SDES; nil: none are to be had
}

// ICE is a side's credentials; Ufrag "" means no ICE.
type ICE struct {
	Ufrag, Pwd string
}

// Setup is the DTLS role the gateway takes (RFC 5763): it prefers to be the server.
type Setup uint8

const (
	SetupNone    Setup = iota
	SetupPassive       // the gateway is the DTLS server
	SetupActive        // the gateway is the DTLS client
)

// Stream is one negotiated audio stream, seen from the gateway: everything the media plane needs to bind a leg.
type Stream struct {
	Local       Local
	Remote      netip.AddrPort // where media goes; invalid when the peer refused the stream or has been on hold by c=0.0.0.0 from the start. On WebRTC a hint only: media follows verified checks
	RemoteRTCP  netip.AddrPort // invalid when there is none: send no RTCP
	NAT         netip.Addr     // host that media may come from besides Remote: the peer signals from there, and Remote is a private address behind its NAT. Invalid: no NAT
	Send        Codec          // what the gateway sends: the peer's payload type
	Recv        Codec          // what the gateway receives: our payload type
	SendEvent   Codec          // telephone-event towards the peer; Name "" when not negotiated
	RecvEvent   Codec
	PtimeMS     int // packet time towards the peer, ours when it said nothing
	ICE         ICE
	Fingerprint string // the peer's "sha-256 AB:CD:..."; "" without DTLS
	SDES        *SDES  // nil without; the same pointer as long as the agreement is the same
	FMTP        string // the peer's parameters of Send

	// What is small lies together: a leg keeps two of these for as long as its call.
	MaxPtimeMS uint16 // the longest packet time that the peer takes; 0 when it said nothing
	Setup      Setup
	Refused    bool // port 0: there is no media at all
	MaySend    bool // the gateway may send media (peer's direction allows it, and so does ours)
	MayRecv    bool
	PtimeAsked bool   // the peer has asked for PtimeMS
	Comfort    bool   // comfort noise at payload type 13 (RFC 3389), both ways
	Mux        bool   // rtcp-mux (RFC 5761)
	XR         bool   // the peer is to get VoIP metrics (RFC 3611 section 5)
	Also       Others // what the peer may send instead of Recv: its answer had that, too
}

// Others are codecs beside the one in use: the gateway knows one more than there is room for.
type Others [len(catalogue) - 1]alternative

// alternative is a place in the catalogue, from 1, and the payload type in use. The zero value is none.
type alternative struct{ Place, PT uint8 }

func (o alternative) codec() Codec {
	c := catalogue[o.Place-1]
	c.PT = o.PT
	return c
}

// Has tells whether a codec with this payload type is among them.
func (o *Others) Has(pt uint8) bool { return o.index(pt) >= 0 }

func (o *Others) index(pt uint8) int {
	return slices.IndexFunc(o[:], func(x alternative) bool { return x.Place > 0 && x.PT == pt })
}

// Add has one more; what the gateway does not know, or has no room for, is none.
func (o *Others) Add(c Codec) {
	free := slices.Index(o[:], alternative{})
	if i := slices.IndexFunc(catalogue[:], c.Same); i >= 0 && free >= 0 {
		o[free] = alternative{uint8(i + 1), c.PT}
	}
}

// Swap takes the codec with this payload type out, which must be there, and has another in its place.
func (o *Others) Swap(pt uint8, c Codec) Codec {
	i := o.index(pt)
	out := o[i].codec()
	o[i] = alternative{}
	o.Add(c)
	return out
}
