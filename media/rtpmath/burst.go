package rtpmath

import "time"

// Gmin is the number of packets received in a row that ends a burst of losses (RFC 3611 section 4.7.2 recommends 16).
const Gmin = 16

// lateBy is how many packets behind the newest one may still come: a receiver's buffer is no deeper. Chosen here.
const lateBy = 16

// Bursts tells how losses lie in a stream: one after the other, or far from each other. It is the two-state model of RFC 3611 appendix
// A.2: a burst begins and ends with a loss and has fewer than Gmin packets received in a row within. A packet counts as lost once lateBy
// later ones have come.
type Bursts struct {
	started bool
	newest  int64  // highest extended number
	seen    uint32 // which of the last lateBy have come; bit 0 is the newest
	held    uint8  // how many of these are not judged yet, the newest included

	run      uint32 // received since the last loss
	lost     uint32 // all losses
	received uint32
	runs     uint32 // losses that follow a received packet
	chain    uint32 // losses of the burst in hand; 1 may be a loss in a gap

	// Transition counters of the appendix.
	c11, c13, c14, c22, c23, c33 uint32
}

// Update takes a packet by its extended sequence number, in any order. Numbers from before a restart of the stream must be
// lower: Sequence sees to it.
func (b *Bursts) Update(ext int64) {
	if !b.started {
		b.started, b.newest, b.seen, b.held = true, ext, 1, 1
		return
	}
	ahead := ext - b.newest
	if ahead <= 0 {
		if -ahead < int64(b.held) {
			b.seen |= 1 << uint(-ahead)
		}
		return
	}
	for range ahead {
		b.shift()
	}
	b.newest = ext
	b.seen |= 1
}

// shift moves the window by one packet, and judges the one that falls out.
func (b *Bursts) shift() {
	if b.held == lateBy {
		b.judge(b.seen>>(lateBy-1)&1 != 0)
		b.held--
	}
	b.seen = b.seen << 1 & (1<<lateBy - 1)
	b.held++
}

// Restart judges what the window holds and begins anew: the source has changed, or has started over.
func (b *Bursts) Restart() {
	b.settle()
	b.started = false
}

// settle judges the whole window.
func (b *Bursts) settle() {
	for ; b.held > 0; b.held-- {
		b.judge(b.seen>>(b.held-1)&1 != 0)
	}
	b.seen = 0
}

// judge counts one packet, in order.
func (b *Bursts) judge(came bool) {
	if came {
		b.run++
		b.received++
		return
	}
	if b.run > 0 || b.lost == 0 {
		b.runs++
	}
	b.lost++
	switch {
	case b.run >= Gmin || b.chain == 0: // the burst before, if any, has ended
		if b.chain == 1 {
			b.c14++ // it was a single loss in a gap
		} else if b.chain > 1 {
			b.c13++
		}
		b.chain = 1
		b.c11 += b.run
	default:
		b.chain++
		if b.run == 0 {
			b.c33++
		} else {
			b.c23++
			b.c22 += b.run - 1
		}
	}
	b.run = 0
}

// BurstReport is what RFC 3611 section 4.7.2 says of a stream, and G.107's BurstR.
type BurstReport struct {
	Lost, Received             uint32        // packets judged
	BurstDensity, GapDensity   float64       // lost of the packets in bursts and in gaps, 0 to 1
	BurstDuration, GapDuration time.Duration // mean
	Ratio                      float64       // BurstR: mean length of a run of losses, over that of random losses; at least 1
}

// Report sums up. packet is the time of one packet. The counters go on.
func (b *Bursts) Report(packet time.Duration) BurstReport {
	all := *b // what waits in the window counts as it is, for the report only
	all.settle()
	if all.chain == 1 {
		all.c14++
	} else if all.chain > 1 {
		all.c13++
	}
	all.c11 += all.run
	r := BurstReport{Lost: all.lost, Received: all.received, Ratio: 1}
	if n := all.c11 + all.c14; n > 0 {
		r.GapDensity = float64(all.c14) / float64(n)
	}
	if all.runs > 0 {
		share := float64(all.lost) / float64(all.lost+all.received)
		r.Ratio = max(1, float64(all.lost)/float64(all.runs)*(1-share))
	}
	if all.c13 == 0 {
		r.GapDuration = time.Duration(all.lost+all.received) * packet
		return r
	}
	p32 := float64(all.c23) / float64(all.c13+all.c23+all.c33)
	p23 := 1.0
	if n := all.c22 + all.c23; n > 0 {
		p23 = 1 - float64(all.c22)/float64(n)
	}
	r.BurstDensity = p23 / (p23 + p32)
	gap := float64(all.c11+all.c14+all.c13) / float64(all.c13)
	whole := float64(all.c11+all.c14+all.c13+all.c22+all.c23+all.c13+all.c23+all.c33) / float64(all.c13)
	r.GapDuration = time.Duration(gap * float64(packet))
	r.BurstDuration = time.Duration((whole - gap) * float64(packet))
	return r
}
