package offer

import (
	"slices"
	"strings"
)

// Limits on a peer's SDP, checked before it is parsed (chosen here; a full Chromium offer with video has about 200 attributes).
const (
	maxBytes      = 64 << 10
	maxMedia      = 32
	maxAttributes = 1024
	maxCandidates = 50 // the rest is dropped, not refused: a client behind many interfaces may offer more
)

// Packet times, in milliseconds.
const (
	defaultPtime = 20
	minPtime     = 10
	maxPtime     = 60
)

// Config configures a Machine. The zero value speaks to a trunk and shares no codec.
type Config struct {
	Profile       Profile
	SRTP          SRTP    // of the RTP profile
	XR            XR      // of the RTP profile
	Codecs        []Codec // ours, best first; telephone-event is added by the machine
	Username      string  // of the o= line; "" means "-"
	SessionID     uint64  // of the o= line, constant for the leg
	AllowLoopback bool    // peers may announce loopback and link-local addresses (demo, tests)
	Preconditions bool    // our first offer to a trunk carries QoS preconditions (RFC 3312); an offer that does is answered in kind anyway
	NoEvents      bool    // telephone-event is neither offered nor answered
	PtimeMS       int     // packet time that we ask a trunk for; 0 means 20
}

// Prefer returns a copy of c whose codecs named come first, in the order given; the others follow in their old order. Names are
// compared without case, unknown names are ignored.
func (c Config) Prefer(names ...string) Config {
	rank := func(k Codec) int {
		i := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, k.Name) })
		if i < 0 {
			return len(names)
		}
		return i
	}
	c.Codecs = slices.Clone(c.Codecs)
	slices.SortStableFunc(c.Codecs, func(a, b Codec) int { return rank(a) - rank(b) })
	return c
}

// withDefaults fills the zero fields.
func (c Config) withDefaults() Config {
	if c.Username == "" || !isToken(c.Username) {
		c.Username = "-"
	}
	if c.PtimeMS == 0 {
		c.PtimeMS = defaultPtime
	}
	c.Codecs = slices.Clone(c.Codecs)
	for i := range c.Codecs {
		c.Codecs[i] = c.Codecs[i].normal()
		if c.Profile == WebRTC && c.Codecs[i].is("opus") && c.Codecs[i].Fmtp == "" {
			c.Codecs[i].Fmtp = opusFmtp(8000)
		}
	}
	c.Codecs = slices.DeleteFunc(c.Codecs, func(k Codec) bool { return k.is(eventName) })
	return c
}
