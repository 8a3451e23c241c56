package media

import (
	"encoding/binary"
	"time"

	"drawbridge/media/rtpmath"
)

// Extended reports (RFC 3611): the VoIP metrics block of section 4.7, read from whoever sends it, sent to those that want it.

// VoIPMetrics are what a peer says of the stream that it receives from us.
type VoIPMetrics struct {
	Lost, Discarded            float64 // per cent, the latter by its jitter buffer
	BurstDensity, GapDensity   float64 // per cent lost within
	BurstDuration, GapDuration time.Duration
	RoundTrip, EndDelay        time.Duration
	R                          int     // 0 unknown
	ListeningMOS, MOS          float64 // 0 unknown
}

const (
	xrVoIP        = 7
	xrVoIPSize    = 36 // block header included
	xrUnavailable = 127
)

// readXR walks the blocks behind the header of an XR packet.
func (g *leg) readXR(b []byte) {
	for len(b) >= 4 {
		size := 4 + 4*int(binary.BigEndian.Uint16(b[2:]))
		if size > len(b) {
			return
		}
		if b[0] == xrVoIP && size == xrVoIPSize && binary.BigEndian.Uint32(b[4:]) == g.out.ssrc {
			g.readVoIP(b[8:])
		}
		b = b[size:]
	}
}

// readVoIP takes the metrics. The first block of a leg makes room for them; that is the one allocation.
//
//	|   loss rate   | discard rate  | burst density |  gap density  |
//	|       burst duration          |         gap duration          |
//	|     round trip delay          |       end system delay        |
//	| signal level  |  noise level  |     RERL      |     Gmin      |
//	|   R factor    | ext. R factor |    MOS-LQ     |    MOS-CQ     |
//	|   RX config   |   reserved    |          JB nominal           |
//	|          JB maximum           |          JB abs max           |
func (g *leg) readVoIP(b []byte) {
	p := g.report.ofPeer()
	if p.xr == nil {
		p.xr = new(VoIPMetrics)
	}
	share := func(v byte) float64 { return float64(v) * 100 / 256 }
	ms := func(at int) time.Duration { return time.Duration(binary.BigEndian.Uint16(b[at:])) * time.Millisecond }
	*p.xr = VoIPMetrics{
		Lost: share(b[0]), Discarded: share(b[1]), BurstDensity: share(b[2]), GapDensity: share(b[3]),
		BurstDuration: ms(4), GapDuration: ms(6), RoundTrip: ms(8), EndDelay: ms(10),
	}
	if r := b[16]; r <= 100 {
		p.xr.R = int(r)
	}
	if lq := b[18]; lq >= 10 && lq <= 50 {
		p.xr.ListeningMOS = float64(lq) / 10
	}
	if cq := b[19]; cq >= 10 && cq <= 50 {
		p.xr.MOS = float64(cq) / 10
	}
}

// appendXR writes an XR packet with what we have measured of the peer's stream.
func (g *leg) appendXR(b []byte) []byte {
	q, burst := g.rateIn()
	b = appendHeader(b, 0, rtcpXR, (rtcpHeader+xrVoIPSize)/4-1, g.out.ssrc)
	b = append(b, xrVoIP, 0, 0, xrVoIPSize/4-1)
	b = binary.BigEndian.AppendUint32(b, g.in.ssrc)
	b = append(b, in256(q.Loss/100), 0, in256(burst.BurstDensity), in256(burst.GapDensity))
	for _, d := range [4]time.Duration{burst.BurstDuration, burst.GapDuration, time.Duration(g.report.rtt), 0} {
		b = binary.BigEndian.AppendUint16(b, uint16(min(d.Milliseconds(), 0xffff)))
	}
	b = append(b, xrUnavailable, xrUnavailable, xrUnavailable, rtpmath.Gmin)
	b = append(b, byte(q.R+.5), xrUnavailable, byte(q.ListeningMOS*10+.5), byte(q.MOS*10+.5))
	return append(b, 0, 0, 0, 0, 0, 0, 0, 0) // no buffer of ours stands in the way: who passes on does not play
}

// in256 is a share as RFC 3611 writes it.
func in256(share float64) byte { return byte(min(max(share, 0)*256, 255)) }
