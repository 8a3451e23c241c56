package media

import "drawbridge/transcode"

// Opus has two ways. While the receiver loses nothing, CELT with the least delay is the best and the cheapest. Where packets are lost, SILK
// carries a coarse copy of each frame in the next packet (in-band FEC). An encoder's way is fixed at its first frame, so a change of way is a
// change of encoder.

// Chosen here, in percent of packets lost, as RTCP reports them.
const (
	redundantAbove = 2
	redundantBelow = 1 // about six clean reports, half a minute, after 5 %
	lossSteps      = 5 // the encoder is told of loss in such steps: each costs bits
	mostLoss       = 30
)

// Opus is how a realm's Opus is encoded. The zero value is the cheapest.
type Opus struct {
	Complexity int // 0 to 10
	Bitrate    int // bit/s; 0 means 40 000
}

// opusSteps is what bit rates that peers ask for are rounded down to: encoders of the same kind are used again, and a peer shall not choose how many
// kinds there are.
const opusSteps = 4_000

// opus are the options of an encoder for this leg's peer, which loses so many percent. What it says that it takes at most (maxaveragebitrate,
// RFC 7587 section 6.1) is kept to.
func (e *ends) opus(loss int) transcode.Options {
	o := e.to.realm.cfg.Opus
	opt := transcode.Options{Complexity: o.Complexity, Bitrate: o.Bitrate, LossPct: loss, LowDelay: loss == 0}
	if opt.Bitrate == 0 {
		opt.Bitrate = transcode.DefaultOptions.Bitrate
	}
	if most := average(e.out); most > 0 && most < opt.Bitrate {
		opt.Bitrate = max(most/opusSteps*opusSteps, opusLeast)
	}
	return opt
}

// redundancy decides from the receiver's reports how much loss a sender prepares for. The zero value prepares for none.
type redundancy struct {
	loss float64 // percent: a rise counts at once, a fall by a quarter of the way each report
	on   bool
}

// report takes the fraction lost of a report block, in 256ths (RFC 3550 section 6.4.1), and returns the loss to prepare for, in percent.
func (r *redundancy) report(fraction uint8) int {
	now := float64(fraction) * 100 / 256
	r.loss = max(now, (3*r.loss+now)/4)
	if r.on = r.loss > redundantAbove || r.on && r.loss > redundantBelow; !r.on {
		return 0
	}
	return min((int(r.loss)/lossSteps+1)*lossSteps, mostLoss)
}

// adaptive is a path that listens to what the receiver reports.
type adaptive interface {
	adapt(fraction uint8)
}

// reported takes the fraction lost of the stream that we send to this leg.
func (g *leg) reported(fraction uint8) {
	if other := g.session.legs[1-g.id]; other != nil {
		if p, ok := other.onward.(adaptive); ok {
			p.adapt(fraction)
		}
	}
}

// adapt tunes the encoder, or takes another for the other way. Without one the old goes on.
func (t *onArrival) adapt(fraction uint8) {
	if !isOpus(t.out) {
		return
	}
	was := t.loss
	if t.loss = t.redundancy.report(fraction); t.loss == was {
		return
	}
	if e, ok := t.enc.(transcode.Lossy); ok && was > 0 && t.loss > 0 {
		_ = e.SetLoss(t.loss) // libopus takes every percentage
		return
	}
	enc, err := t.pool.Get(t.rate, t.opus(t.loss))
	if err != nil {
		return
	}
	t.pool.Put(t.enc)
	t.enc = enc
}
