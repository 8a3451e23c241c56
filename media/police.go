package media

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"drawbridge/media/offer"
	"drawbridge/telemetry"
)

// A peer may send what was negotiated and a quarter more, with bursts of a fifth of a second (QOS-01). What goes beyond is dropped and
// counted; the call stays. The rate is that of the codec's payload, so a peer may cut it into other packets than were agreed; how many
// packets it may make of it has a limit of its own.

// Chosen here, but for the first two.
const (
	policeBurst  = 200 * time.Millisecond
	policeSpare  = 1.25
	policePacket = 4 * time.Millisecond // the shortest packets, 5 ms, and a quarter more of them

	opusLeast = 6_000   // bit/s; RFC 7587 section 6.1: values below make no sense
	opusMost  = 510_000 // and none is above
	g711Rate  = 64_000  // of G.722 too

	floodLimit  = 500         // packets refused on one leg, or among strangers on one loop, within
	floodWindow = time.Second // that are told as a flood
	floodQuiet  = time.Minute // without one, until strangers make another flood
)

// police holds a leg's incoming stream to its rate. Both times run ahead of the clock by what has been let through.
type police struct {
	byteTime int64 // nanoseconds that a byte takes; 0: there is no limit
	bytes    int64 // when the bytes let through would have taken their time
	packets  int64 // the same for packets
}

// limit sets the rate of a codec.
func (po *police) limit(c offer.Codec) {
	po.byteTime = int64(8 * float64(time.Second) / (policeSpare * float64(bitrate(c))))
}

// admits tells whether a packet of size payload bytes may pass.
func (po *police) admits(size int, now int64) bool {
	if po.byteTime == 0 {
		return true
	}
	bytes := max(po.bytes, now) + int64(size)*po.byteTime
	packets := max(po.packets, now) + int64(policePacket)
	if bytes-now > int64(policeBurst) || packets-now > int64(policeBurst) {
		return false
	}
	po.bytes, po.packets = bytes, packets
	return true
}

// bitrate is what a codec may take at most, in bit/s. What our SDP says of Opus is clamped: no text means no limit.
func bitrate(c offer.Codec) int {
	if !strings.EqualFold(c.Name, "opus") {
		return g711Rate
	}
	if n := average(c); n > 0 {
		return n
	}
	return opusMost
}

// average is the maxaveragebitrate of Opus that an SDP says, in bit/s and within what makes sense; 0 when it says none.
func average(c offer.Codec) int {
	for p := range strings.SplitSeq(c.Fmtp, ";") {
		if v, ok := strings.CutPrefix(strings.TrimSpace(p), "maxaveragebitrate="); ok {
			if n, err := strconv.Atoi(v); err == nil {
				return min(max(n, opusLeast), opusMost)
			}
		}
	}
	return 0
}

// flood counts refused packets, to tell a flood once.
type flood struct {
	since int64
	n     int32
	told  bool
}

// rises notes one more; true when it makes a flood that has not been told. With again a flood that follows minutes later is another one.
func (f *flood) rises(now int64, again bool) bool {
	if now-f.since > int64(floodWindow) {
		if again && now-f.since > int64(floodQuiet) {
			f.told = false
		}
		f.since, f.n = now, 0
	}
	f.n++
	if f.told || f.n < floodLimit {
		return false
	}
	f.told = true
	return true
}

// flooded reports a flood: of a call's leg once, of strangers on a browser socket once as long as it goes on.
func (l *loop) flooded(d Drop, src netip.AddrPort, g *leg) {
	f := &l.flood
	if g != nil {
		f = &g.flood
	}
	if !f.rises(l.now, g == nil) {
		return
	}
	ev := telemetry.Refused{Kind: "media-flood", Source: sourceText(src), Detail: d.String()}
	if g != nil {
		ev.Realm, ev.Call = g.realm.name, g.session.call
	}
	l.engine.cfg.Events.EmitRefused(ev)
}
