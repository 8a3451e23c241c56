package media

import (
	"time"

	"drawbridge/transcode"
)

const (
	playStep  = 20 * time.Millisecond  // one Pull of the ring
	playWait  = 12 * time.Millisecond  // from the first packet to its Pull, at first: what later ones may be late by before the ring has to grow
	playLapse = 200 * time.Millisecond // a loop that was away for longer does not catch up
)

// player takes Opus through a play-out ring to a codec of the telephone. The ring is filled by arrival and emptied by the loop's clock, so the phone
// hears a steady stream whatever the network does.
type player struct {
	ends
	dec    transcode.Decoder
	enc    transcode.Encoder
	ring   *transcode.Playout
	frames *transcode.Repacketiser[int16]
	pcm    [wideRate * int(playStep/time.Millisecond) / 1000]int16

	phase   phase
	running bool
	resting int    // frames of rest in a row, towards a peer that takes comfort noise
	early   uint32 // how far ts is ahead of the clock, by noise that filled a packet
	hiss    transcode.Noise
	marker  bool   // the next packet begins a talk spurt
	ts      uint32 // outgoing timestamp of the next packet
}

func newPlayer(from, to *leg) (*player, error) {
	t := &player{ends: endsOf(from, to)}
	var err error
	if t.dec, err = transcode.NewDecoder(t.in.Name, t.rate); err != nil {
		return nil, err
	}
	if t.enc, err = transcode.NewEncoder(t.out.Name, t.rate, transcode.Options{}); err != nil {
		return nil, err
	}
	t.ring = transcode.NewPlayout(t.dec, t.in.Clock)
	t.frames = transcode.NewRepacketiser[int16](t.samples())
	t.ear = newEar(from, "", t.dec.Rate())
	from.session.engine.transcodes.Add(1)
	return t, nil
}

func (t *player) forward(l *loop, p *packet) Drop {
	if t.from.event.beside(l.now) { // the ring would play it when the key is up again
		t.ring.Skip(p.seq)
		return Delivered
	}
	if p.fresh || !t.running {
		t.ring.Reset() // another source, or one that was left out: what was known of its numbers means nothing
	}
	if t.ring.Depth() == 0 {
		t.phase.comes(l.now)
	}
	t.ring.Push(p.seq, p.ts, p.payload())
	if !t.running {
		t.running, t.marker = true, true
		t.phase = phase{}
		t.ts, t.early = t.to.out.stamp(l.now, t.out.Clock), 0
		t.frames.Reset()
		l.arm(&t.from.timers[timerPlay], l.now-int64(playStep-playWait)) // the first Pull waits for another; it counts as long past
	}
	return Delivered
}

// number and skip tell the ring of an event packet, which takes a number of the audio's.
func (t *player) number(l *loop, p *packet) (uint16, bool) {
	t.ring.Skip(p.seq)
	return t.ends.number(l, p)
}

func (t *player) skip(_ *loop, p *packet) { t.ring.Skip(p.seq) }

// tick is due every 20 ms while the stream runs.
func (t *player) tick(l *loop, due *timer) {
	if !t.running || !t.to.ready() || !t.to.st.MaySend {
		t.running = false // the next packet starts it again
		return
	}
	next := due.at + int64(playStep)
	if l.now-next > int64(playLapse) {
		t.ts += uint32((l.now - next) / int64(playStep) * int64(t.step()) * int64(playStep/time.Millisecond) / int64(t.ptime))
		next = l.now + int64(playStep)
	}
	l.arm(due, next+t.phase.pulled(next-int64(playStep)))
	n, kind := t.ring.Pull(t.pcm[:])
	if n == 0 || t.rest(l, kind) {
		return
	}
	if t.ear.listens(l, t.pcm[:n]) {
		clear(t.pcm[:n])
	}
	t.frames.Write(t.pcm[:n])
	t.drain(l)
}

// drain sends the packets that are full.
func (t *player) drain(l *loop) {
	for pcm, ok := t.frames.Next(); ok; pcm, ok = t.frames.Next() {
		ts := t.ts
		t.ts += t.step()
		if t.silent(l, ts) { // a digit takes the place of audio; time goes on
			continue
		}
		l.drop(t.emit(l, t.enc, pcm, ts, t.marker), t.to.to.addr, t.to)
		t.marker = false
	}
}

func (t *player) encoder() transcode.Encoder { return t.enc }

func (t *player) pause() { t.running = false }

func (t *player) close() {
	t.running = false
	t.from.session.engine.transcodes.Add(-1)
}
