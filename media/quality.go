package media

import (
	"time"

	"drawbridge/media/rtpmath"
)

// Quality is how one direction of a leg sounds. R and MOS follow the E-model (ITU-T G.107) with the loss and burst ratio measured; the delay is
// half the leg's round trip, a packet, and a buffer of twice the jitter.
type Quality struct {
	Loss         float64 // per cent of the packets that were due
	BurstRatio   float64 // BurstR of G.107: 1 is random, more is worse; 0 unknown
	BurstDensity float64 // per cent lost within bursts (RFC 3611 section 4.7.2)
	BurstLength  time.Duration
	Jitter       time.Duration
	R            float64
	MOS          float64 // conversational: with the delay
	ListeningMOS float64 // without the delay
}

// LegQuality is both directions of a leg.
type LegQuality struct {
	In  Quality      // measured here
	Out Quality      // as the peer's reports say; where packets are passed on, what was lost on the way to us is lost in it
	XR  *VoIPMetrics // the peer's own view (RFC 3611); nil: it sends none

	InKnown, OutKnown bool
}

// leastPackets is how many packets say something of a stream. Chosen here: a second.
const leastPackets = 50

// quality rates the leg; nil when there is nothing to rate.
func (g *leg) quality() *LegQuality {
	p := g.report.peer
	in, out := g.in.packets >= leastPackets, p != nil && p.known && g.out.packets >= leastPackets
	if !in && !out {
		return nil
	}
	q := &LegQuality{InKnown: in, OutKnown: out}
	if q.InKnown {
		q.In, _ = g.rateIn()
	}
	if q.OutKnown {
		q.Out = g.rateOut()
	}
	if p != nil && p.xr != nil {
		xr := *p.xr
		q.XR = &xr
	}
	return q
}

// rateIn rates what we receive.
func (g *leg) rateIn() (Quality, rtpmath.BurstReport) {
	burst := g.in.bursts.Report(g.packetTime())
	q := Quality{
		BurstRatio: burst.Ratio, BurstDensity: 100 * burst.BurstDensity, BurstLength: burst.BurstDuration,
		Jitter: g.in.jitter.Duration(int(g.in.clock)),
	}
	if all := burst.Lost + burst.Received; all > 0 {
		q.Loss = 100 * float64(burst.Lost) / float64(all)
	}
	g.score(&q)
	return q, burst
}

// rateOut rates what we send, as the peer reports it.
func (g *leg) rateOut() Quality {
	p := g.report.peer
	q := Quality{Jitter: rtpmath.Time(int64(p.jitter), g.st.Send.Clock)}
	due, sent := int64(p.highest-uint32(g.out.first)+1), int64(g.out.ofSource())
	if due <= 0 || due > sent*2+1<<16 { // it counts in its own way
		due = sent
	}
	if due += int64(g.out.before); due > 0 {
		q.Loss = min(100*float64(max(p.lost, 0))/float64(due), 100)
	}
	if xr := p.xr; xr != nil {
		q.BurstDensity, q.BurstLength = xr.BurstDensity, xr.BurstDuration
	}
	g.score(&q)
	return q
}

// score fills R and MOS. G.113 has no values for Opus and G.722 on this narrow-band scale; both conceal at least as well as G.711 does, and are
// taken for it.
func (g *leg) score(q *Quality) {
	impairment := rtpmath.G711
	delay := time.Duration(g.report.rtt)/2 + g.packetTime() + 2*q.Jitter
	q.R = max(rtpmath.RFactor(impairment, q.Loss, delay, q.BurstRatio), 0)
	q.MOS = rtpmath.MOS(q.R)
	q.ListeningMOS = rtpmath.MOS(rtpmath.RFactor(impairment, q.Loss, 0, q.BurstRatio))
}

// packetTime is the length of the peer's packets, as far as anybody has said.
func (g *leg) packetTime() time.Duration {
	if g.st.PtimeMS > 0 {
		return time.Duration(g.st.PtimeMS) * time.Millisecond
	}
	return 20 * time.Millisecond
}
