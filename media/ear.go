package media

import (
	"time"

	"drawbridge/transcode"
	"drawbridge/transcode/tone"
)

// ear listens for digits in the audio that a leg sends: a peer of DTMFTones has no other way. The tones go no further where the digit goes
// on by itself; so that nothing of them leaks, a packet is kept back as soon as its end sounds like a digit.
type ear struct {
	leg  *leg
	dec  transcode.Decoder // for a path that does not decode
	find *tone.DTMFDetector
	pcm  [maxPCM]int16
}

// newEar listens on a leg to PCM at rate, or to the packets of codec; nil when the leg's peer has better ways, or the codec is unknown.
func newEar(g *leg, codec string, rate int) *ear {
	if g.dtmf != DTMFTones {
		return nil
	}
	e := &ear{leg: g}
	if codec != "" {
		for _, r := range [...]int{narrowRate, wideRate} {
			if dec, err := transcode.NewDecoder(codec, r); err == nil {
				e.dec, rate = dec, r
				break
			}
		}
		if e.dec == nil {
			return nil
		}
	}
	e.find = tone.NewDTMFDetector(rate)
	return e
}

// hears takes the payload of a packet that is about to be relayed; true when it holds a digit and is to be left out.
func (e *ear) hears(l *loop, payload []byte) bool {
	if e == nil {
		return false
	}
	n, err := e.dec.Decode(e.pcm[:], payload)
	return err == nil && e.listens(l, e.pcm[:n])
}

// listens takes the next samples; true when they hold a digit and are to be left out.
func (e *ear) listens(l *loop, pcm []int16) bool {
	if e == nil {
		return false
	}
	e.find.Write(pcm, func(key byte, length time.Duration) { e.leg.heardTone(l, key, length) })
	to := e.leg.session.legs[1-e.leg.id]
	return e.find.Suspects() && to != nil && to.digitsGo() != byTone
}

// heardTone takes a digit that was found in the audio. Towards a leg that takes tones it has gone already.
func (g *leg) heardTone(l *loop, key byte, length time.Duration) {
	if to := g.session.legs[1-g.id]; to == nil || to.digitsGo() != byTone {
		g.pressed(l, key, length, byTone)
		return
	}
	if !g.twin(key, byTone, l.now) {
		g.tellDigit(key, length)
	}
}
