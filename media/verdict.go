package media

import (
	"time"

	"drawbridge/media/offer"
)

// Verdict is why there is audio in one direction of a leg, or why there is none. In is the way from the peer to us, out is ours to it.
type Verdict uint8

const (
	VerdictNone       Verdict = iota // not due: nothing negotiated yet, or nobody has answered
	VerdictOK                        // audio flows; out: and the peer reports that it comes
	VerdictHeld                      // the direction is on hold, or the stream refused
	VerdictNever                     // in: not one packet of the peer has come, from anywhere
	VerdictStopped                   // in: audio came, and then nothing any more
	VerdictReports                   // in: RTCP comes, but no audio: the peer is there and sends none, or it is lost on the way
	VerdictSource                    // in: packets come, from an address that is not the peer's
	VerdictICE                       // no connectivity check was verified: the browser cannot reach the address in our SDP
	VerdictKeys                      // no SRTP keys: the DTLS handshake has not ended
	VerdictAuth                      // in: SRTP comes, under other keys
	VerdictPayload                   // in: packets come, with a payload type that was not agreed
	VerdictMalformed                 // in: packets come that are no RTP
	VerdictAddress                   // out: the peer has announced no address that may be sent to
	VerdictNoSource                  // out: nothing to send, see the other leg
	VerdictNoReport                  // out: sent, but the peer has sent no report at all: nobody knows whether it comes
	VerdictUnreceived                // out: sent, and the peer reports that nothing comes
	numVerdicts
)

var verdictNames = [numVerdicts]string{
	VerdictNone: "", VerdictOK: "ok", VerdictHeld: "held", VerdictNever: "nothing-came", VerdictStopped: "stopped", VerdictReports: "reports-only",
	VerdictSource: "wrong-source", VerdictICE: "no-ice", VerdictKeys: "no-keys", VerdictAuth: "wrong-keys", VerdictPayload: "payload-type",
	VerdictMalformed: "malformed", VerdictAddress: "no-address", VerdictNoSource: "nothing-to-send", VerdictNoReport: "no-report",
	VerdictUnreceived: "not-received",
}

// String is the word in events, call records and the API; "" for VerdictNone.
func (v Verdict) String() string { return verdictNames[v] }

// dropVerdicts are the drops that say why a peer is not heard.
var dropVerdicts = [numDrops]Verdict{
	DropSource: VerdictSource, DropAuth: VerdictAuth, DropEarly: VerdictKeys, DropPayloadType: VerdictPayload,
	DropMalformed: VerdictMalformed, DropSSRC: VerdictMalformed,
}

// audioFresh is how old the newest packet may be for audio to flow. Chosen here: longer than phones with silence suppression pause
// between two comfort noise packets.
const audioFresh = 15 * time.Second

// audioIn judges the way from the peer.
func (g *leg) audioIn(now int64) Verdict {
	w := &g.vigil
	switch {
	case !g.bound || w.due == 0 && g.st.MayRecv:
		return VerdictNone
	case !g.st.MayRecv:
		return VerdictHeld
	case w.audio != 0 && now-w.audio < int64(audioFresh):
		return VerdictOK
	case g.profile == offer.WebRTC && g.ice.last == 0:
		return VerdictICE
	case !g.keyed():
		return VerdictKeys
	case w.refused > w.audio:
		return dropVerdicts[w.why]
	case w.report > max(w.audio, now-int64(audioFresh)):
		return VerdictReports
	case w.audio != 0:
		return VerdictStopped
	}
	return VerdictNever
}

// audioOut judges the way to the peer.
func (g *leg) audioOut() Verdict {
	switch {
	case !g.bound || !g.session.talking:
		return VerdictNone
	case !g.st.MaySend:
		return VerdictHeld
	case g.profile == offer.WebRTC && g.ice.last == 0:
		return VerdictICE
	case !g.keyed():
		return VerdictKeys
	case !g.ready():
		return VerdictAddress
	case g.out.packets == 0:
		return VerdictNoSource
	case g.report.peer == nil:
		return VerdictNoReport
	case g.report.peer.deaf >= deafReports:
		return VerdictUnreceived
	}
	return VerdictOK
}

// keyed tells whether the leg has the keys that it must have.
func (g *leg) keyed() bool { return !g.secure || g.crypt != nil }
