package offer

import (
	"slices"
	"strconv"
	"strings"
)

// Fixed by the RFCs.
const (
	eventName    = "telephone-event" // RFC 4733
	dynamicFirst = 96                // RFC 3551 section 6
	lastPT       = 127
	comfortName  = "CN" // RFC 3389, payload type 13
	rtcpPTFirst  = 64   // 64-95 look like RTCP when muxed (RFC 5761 section 4)
	rtcpPTLast   = 95
)

// Chosen here.
const (
	// opusBase asks a browser for mono with redundancy (RFC 7587 section 6.1).
	opusBase = "minptime=10;useinbandfec=1;stereo=0"
	// eventFmtp is the sixteen digits of RFC 4733 section 3.2.
	eventFmtp = "0-15"
)

// staticCodecs are the audio payload types of RFC 3551 table 4 that a peer may use without a rtpmap. Their meaning cannot be redefined.
var staticCodecs = [...]Codec{
	0:  {Name: "PCMU", PT: 0, Clock: 8000, Channels: 1},
	3:  {Name: "GSM", PT: 3, Clock: 8000, Channels: 1},
	4:  {Name: "G723", PT: 4, Clock: 8000, Channels: 1},
	8:  {Name: "PCMA", PT: 8, Clock: 8000, Channels: 1},
	9:  {Name: "G722", PT: 9, Clock: 8000, Channels: 1},
	13: {Name: "CN", PT: 13, Clock: 8000, Channels: 1},
	15: {Name: "G728", PT: 15, Clock: 8000, Channels: 1},
	18: {Name: "G729", PT: 18, Clock: 8000, Channels: 1},
}

// static is the codec of a static payload type; its Name is "" when the type has none.
func static(pt uint8) Codec {
	if int(pt) < len(staticCodecs) {
		return staticCodecs[pt]
	}
	return Codec{}
}

// catalogue holds the codecs the gateway knows, with the payload types it likes to offer.
var catalogue = [...]Codec{
	{Name: "opus", PT: 111, Clock: 48000, Channels: 2},
	staticCodecs[0], staticCodecs[8], staticCodecs[9],
}

// opusFmtp makes a browser send what the far side can use (media.md section 3): rate is up to where it hears, in Hz, 48000 for all there is.
func opusFmtp(rate int) string {
	switch rate {
	case 8000:
		return opusBase + ";maxplaybackrate=8000;sprop-maxcapturerate=8000"
	case 16000:
		return opusBase + ";maxplaybackrate=16000;sprop-maxcapturerate=16000"
	}
	return opusBase
}

// Lookup returns the codec of that name (any case) as the gateway offers it.
func Lookup(name string) (Codec, bool) {
	i := slices.IndexFunc(catalogue[:], func(c Codec) bool { return c.is(name) })
	if i < 0 {
		return Codec{}, false
	}
	return catalogue[i], true
}

func (c Codec) is(name string) bool { return strings.EqualFold(c.Name, name) }

// Same reports whether c and d are one format; payload type and parameters do not count.
func (c Codec) Same(d Codec) bool {
	return c.is(d.Name) && c.Clock == d.Clock && c.Channels == d.Channels
}

// normal repairs what peers commonly write wrongly: G.722's clock is 8000 whatever the text says (RFC 3551 section 4.5.2), Opus is
// always 48000/2 (RFC 7587 section 7), and one channel is the default.
func (c Codec) normal() Codec {
	if c.Channels == 0 {
		c.Channels = 1
	}
	switch {
	case c.is("G722"):
		c.Clock = 8000
	case c.is("opus"):
		c.Clock, c.Channels = 48000, 2
	}
	return c
}

// write writes a=rtpmap, and a=fmtp where there are parameters (RFC 8866 sections 6.6 and 6.15).
func (c *Codec) write(b []byte) []byte {
	b = append(strconv.AppendUint(append(b, "a=rtpmap:"...), uint64(c.PT), 10), ' ')
	b = strconv.AppendInt(append(append(b, c.Name...), '/'), int64(c.Clock), 10)
	if c.Channels > 1 {
		b = strconv.AppendInt(append(b, '/'), int64(c.Channels), 10)
	}
	if c.Fmtp != "" {
		b = strconv.AppendUint(append(b, "\r\na=fmtp:"...), uint64(c.PT), 10)
		b = append(append(b, ' '), c.Fmtp...)
	}
	return append(b, "\r\n"...)
}

// parseRtpmap reads what stands behind the payload type: "opus/48000/2"; ok is false when it is no codec.
func parseRtpmap(text string) (c Codec, ok bool) {
	name, rest, ok := strings.Cut(strings.TrimSpace(text), "/")
	if !ok || name == "" {
		return c, false
	}
	clock, channels, several := strings.Cut(rest, "/")
	c.Name = name
	var err error
	if c.Clock, err = strconv.Atoi(clock); err != nil || c.Clock <= 0 || c.Clock > 1_000_000 {
		return c, false
	}
	if several {
		if c.Channels, err = strconv.Atoi(channels); err != nil || c.Channels < 0 || c.Channels > 255 {
			return c, false
		}
	}
	return c.normal(), true
}

// kept is a peer's codec in memory that its SDP is not kept for: an agreed codec lives as long as its call.
func (c Codec) kept() Codec {
	c.Name, c.Fmtp = shared(c.Name), kept(c.Fmtp)
	return c
}

// shared is a codec's name in memory of our own.
func shared(name string) string {
	if name == eventName {
		return eventName
	}
	for _, c := range catalogue {
		if c.Name == name {
			return c.Name
		}
	}
	return strings.Clone(name)
}

// event returns our telephone-event at a clock, with the payload type we like best for it.
func event(p Profile, clock int) Codec {
	c := Codec{Name: eventName, Clock: clock, Channels: 1}
	switch {
	case p == RTP && clock == 8000:
		c.PT, c.Fmtp = 101, eventFmtp
	case p == RTP:
		c.PT, c.Fmtp = 102, eventFmtp
	case clock == 8000:
		c.PT = 126 // Chromium's own numbers, and it writes no fmtp
	default:
		c.PT = 110
	}
	return c
}

// events adds the telephone-events of an offer: 48000 beside Opus, 8000 always on a trunk and beside G.711 to a browser.
func (cfg *Config) events(out []Codec) []Codec {
	p, codecs := cfg.Profile, cfg.Codecs
	if cfg.NoEvents {
		return out
	}
	if slices.ContainsFunc(codecs, func(c Codec) bool { return c.Clock == 48000 }) {
		out = append(out, event(p, 48000))
	}
	if p == RTP || slices.ContainsFunc(codecs, func(c Codec) bool { return c.Clock == 8000 }) {
		out = append(out, event(p, 8000))
	}
	return out
}

// pickEvent chooses the telephone-event that goes with the audio codec: the same clock (RFC 4733 section 2.1), else any that media can scale.
// Firefox offers 8000 beside Opus and nothing else; without an answer its DTMF would be dead.
func pickEvent(offered []Codec, audio Codec) (Codec, bool) {
	var found Codec
	for _, c := range offered {
		if !c.is(eventName) || c.Channels != 1 || (c.Clock != 8000 && c.Clock != 48000) {
			continue
		}
		if c.Clock == audio.Clock {
			return c, true
		}
		if found.Name == "" {
			found = c
		}
	}
	return found, found.Name != ""
}

// payloadTypes remembers what each payload type has meant in our own SDP. A type never gets a second meaning (RFC 3264 section 8.3.2).
type payloadTypes []Codec

// copy is a table with room for n more types, that a step may change.
func (p payloadTypes) copy(n int) payloadTypes {
	return append(make(payloadTypes, 0, len(p)+n), p...)
}

// bind gives c a payload type: the wanted one when it is free or means c already, else one that has meant c before, else a free
// dynamic one.
func (p *payloadTypes) bind(c Codec, want uint8) Codec {
	c.PT = want
	if p.allows(c) {
		p.add(c)
		return c
	}
	if i := slices.IndexFunc(*p, c.Same); i >= 0 {
		c.PT = (*p)[i].PT
		return c
	}
	for pt := lastPT; pt >= dynamicFirst; pt-- {
		if c.PT = uint8(pt); p.allows(c) {
			p.add(c)
			return c
		}
	}
	c.PT = want // all 32 are taken by other formats: nothing better exists
	return c
}

// last returns the type that c had most recently, or its own.
func (p payloadTypes) last(c Codec) uint8 {
	for i := len(p) - 1; i >= 0; i-- {
		if p[i].Same(c) {
			return p[i].PT
		}
	}
	return c.PT
}

// allows reports whether c.PT is free or means c already.
func (p payloadTypes) allows(c Codec) bool {
	if s := static(c.PT); s.Name != "" && !s.Same(c) {
		return false
	}
	if c.PT > lastPT || c.PT >= rtcpPTFirst && c.PT <= rtcpPTLast {
		return false
	}
	i := slices.IndexFunc(p, func(k Codec) bool { return k.PT == c.PT })
	return i < 0 || p[i].Same(c)
}

// add appends c, moving an equal entry to the end so that last finds it first.
func (p *payloadTypes) add(c Codec) {
	*p = append(slices.DeleteFunc(*p, func(k Codec) bool { return k.PT == c.PT }), c)
}
