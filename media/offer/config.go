package offer

import "slices"

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
	Codecs        []Codec // ours, best first; telephone-event is added by the machine. Nobody writes to it
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
	return c.sorted(func(k *Codec) int {
		i := slices.IndexFunc(names, k.is)
		if i < 0 {
			return len(names)
		}
		return i
	})
}

// sorted is c with its codecs by rank. Machines share them, so a new order is a new list.
func (c Config) sorted(rank func(*Codec) int) Config {
	byRank := func(a, b Codec) int { return rank(&a) - rank(&b) }
	if !slices.IsSortedFunc(c.Codecs, byRank) {
		c.Codecs = slices.Clone(c.Codecs)
		slices.SortStableFunc(c.Codecs, byRank)
	}
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
	if slices.ContainsFunc(c.Codecs, func(k Codec) bool { return k != c.offered(k) || k.is(eventName) }) {
		c.Codecs = slices.DeleteFunc(slices.Clone(c.Codecs), func(k Codec) bool { return k.is(eventName) })
		for i, k := range c.Codecs {
			c.Codecs[i] = c.offered(k)
		}
	}
	return c
}

// offered is a codec of the configuration as SDP of ours has it.
func (c *Config) offered(k Codec) Codec {
	k = k.normal()
	if c.Profile == WebRTC && k.is("opus") && k.Fmtp == "" {
		k.Fmtp = opusFmtp(8000)
	}
	return k
}
