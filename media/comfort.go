package media

import (
	"drawbridge/media/offer"
	"drawbridge/transcode"
)

// A sender may rest while there is nothing to hear (DTX). On the telephone's side comfort noise (RFC 3389) says how loud nothing is; Opus
// says it with a payload of one or two bytes. Each is turned into the other.

const (
	// comfortPT is comfort noise of every codec with a clock of 8 kHz (RFC 3551 table 4). It is heard from peers that never mentioned it, too.
	comfortPT = 13
	// opusRest is 20 ms of Opus without audio, mono, of the narrow band: table of contents, no frame (RFC 6716 section 3.1).
	opusRest = 19 << 3
	// comfortEvery is how many frames of rest go by between two packets of comfort noise. Chosen here.
	comfortEvery = 10
)

// isComfort tells whether a payload type is comfort noise beside the codec in use.
func isComfort(pt uint8, codec offer.Codec) bool { return pt == comfortPT && isTelephone(codec) }

// comforter is a path that takes comfort noise of the telephone.
type comforter interface {
	comfort(l *loop, p *packet) Drop
}

// comfort passes on to a peer that takes it; for any other the pause is a pause.
func (r *relay) comfort(l *loop, p *packet) Drop {
	if !r.to.st.Comfort || r.beside(l, p.ts+r.tsShift) {
		r.skip(l, p)
		return Delivered
	}
	latest := !r.anchored || p.fresh || p.ext > r.newest
	seq, ok := r.number(l, p)
	if !ok {
		return DropReplay
	}
	ts := p.ts + r.tsShift
	if latest {
		r.to.out.sent(seq, ts, l.now)
	}
	return r.to.send(l, p.inPlace(false, comfortPT, seq, ts, r.to.out.ssrc))
}

// comfort says on the other side that the sender rests. Time goes on by the timestamps of what comes next.
func (t *onArrival) comfort(l *loop, p *packet) Drop {
	if p.end == p.start {
		return DropMalformed
	}
	if !t.started || p.fresh {
		t.begin(l, p)
	}
	hole := int32(p.ts - t.expect)
	if p.ext < t.newest && hole < 0 {
		return DropReplay
	}
	t.leap(l, int(max(hole, 0)))
	t.rested = true
	t.newest, t.at, t.expect = p.ext, l.now, p.ts
	level := int(p.payload()[0] & 0x7f)
	switch {
	case t.silent(l, t.ts):
		return Delivered
	case isOpus(t.out):
		return t.rest(l, level)
	case t.to.st.Comfort:
		return t.emitComfort(l, level, t.ts)
	}
	return Delivered
}

// rest sends Opus a frame of noise as loud as the sender's silence, and behind it that nothing follows.
func (t *onArrival) rest(l *loop, level int) Drop {
	pcm := t.pcm[:t.samples()]
	t.noise.Fill(pcm, level)
	if d := t.emit(l, t.enc, pcm, t.ts, true); d != Delivered {
		return d
	}
	b := l.slot()[: rtpHeader+1 : slotSize]
	b[rtpHeader] = opusRest
	out := &t.to.out
	out.sent(out.seq+1, t.ts+t.step(), l.now)
	putRTP(b, false, t.to.st.Send.PT, out.seq, out.ts, out.ssrc)
	return t.to.send(l, b)
}

// rise goes on with voice behind comfort noise. What the noise was given of the time is gone, however soon the voice comes.
func (t *onArrival) rise(l *loop, hole int) {
	t.rested = false
	t.leap(l, hole)
	if next := t.to.out.ts + t.step(); int32(next-t.ts) > 0 {
		t.ts = next
	}
}

// emitComfort sends a packet of comfort noise, level dB below full scale.
func (e *ends) emitComfort(l *loop, level int, ts uint32) Drop {
	b := l.slot()[: rtpHeader+1 : slotSize]
	b[rtpHeader] = byte(level)
	out := &e.to.out
	out.sent(out.seq+1, ts, l.now)
	putRTP(b, false, comfortPT, out.seq, ts, out.ssrc)
	return e.to.send(l, b)
}

// rest takes the place of a frame while Opus rests, where the far side takes comfort noise; false when it has to be played.
func (t *player) rest(l *loop, k transcode.Kind) bool {
	if k != transcode.Silence || !t.to.st.Comfort {
		t.resting = 0
		return false
	}
	t.finish(l)
	if t.resting%comfortEvery == 0 && !t.silent(l, t.ts) {
		l.drop(t.emitComfort(l, t.ring.NoiseLevel(), t.ts), t.to.to.addr, t.to)
	}
	t.resting++
	gone := uint32(int(playStep/1e6) * t.out.Clock / 1000)
	early := min(t.early, gone)
	t.early -= early
	t.ts += gone - early
	t.marker = true
	return true
}

// finish sends the last words of a talk spurt that do not fill a packet, with noise behind them, which is early by its length.
func (t *player) finish(l *loop) {
	for t.frames.Pending() > 0 {
		fill := t.pcm[:min(t.samples()-t.frames.Pending(), len(t.pcm))]
		t.hiss.Fill(fill, t.ring.NoiseLevel())
		t.early += uint32(len(fill) * t.out.Clock / t.rate)
		t.frames.Write(fill)
		t.drain(l)
	}
}
