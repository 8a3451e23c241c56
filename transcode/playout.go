package transcode

// Chosen here (media.md section 4).
const (
	pullsPerSecond = 50 // one Pull is 20 ms
	ringSlots      = 32 // a power of two; room for the deepest delay at 10 ms a packet, twice
	deepest        = 8  // frames of delay at most; beyond, the oldest are dropped
	fullConceal    = 5  // lost frames concealed at full level
	fadedConceal   = 10 // from here on only comfort noise
	lateRun        = 25 // so many late packets in a row mean that the sender's numbering has gone back
	misorder       = 100
	slabPayload    = 256  // bytes set aside for each slot
	maxPayload     = 1500 // longer ones are dropped
	loudestNoise   = 40   // dB below full scale: a sender that rests is not believed to be louder than that
)

// Kind says where a pulled frame came from.
type Kind uint8

const (
	Idle      Kind = iota // nothing to play yet; n is 0
	Played                // decoded from packets
	Recovered             // in-band FEC of the following packet
	Concealed             // invented by the decoder
	Silence               // comfort noise: the sender rests, or nothing has come for long
)

// PlayoutStats counts what a Playout has done.
type PlayoutStats struct {
	Played, Recovered, Concealed, Silence uint64 // frames pulled
	Late, Dropped                         uint64 // packets
	Shrunk                                uint64 // frames taken out to lower the delay
}

// Playout is the play-out ring between a packet stream with jitter and a steady 20 ms clock. It is pure: Push when a packet comes, Pull
// every 20 ms; one goroutine does both.
//
// A hole is filled from the redundancy of the packet behind it, if that is there, else invented. Where much is lost the delay is two frames,
// so that it is there.
//
// Delay adapts without timestamps of arrival. When the ring is empty at a Pull, a frame is concealed and the stream stands still, so the
// delay grows by that frame unless the packet turns out to be lost. When 95 of 100 pulls have found more than one frame waiting
// and no stall was seen for a while, two frames are blended into one. So the delay is what the 95th percentile of jitter needs, at least one
// frame, at most eight; the same two moves absorb the skew of the sender's clock.
type Playout struct {
	dec   Decoder
	fec   Recoverer // dec, if it can; nil else
	clock int       // of RTP timestamps
	frame int       // samples per Pull

	ring    [ringSlots]packet
	started bool
	waited  bool // the first packet has seen one Pull pass: from then on we play
	nextSeq uint16
	nextTS  uint32 // timestamp of the first sample not yet decoded
	stalled int    // samples concealed while the ring was empty; the stream has stood still for so long
	late    int    // late packets in a row
	span    int    // samples of the last packet

	pcm  []int16 // decoded, not yet pulled: pcm[:held]
	held int

	gone   int  // frames concealed in a row
	rests  bool // the sender has said that it sends nothing while there is nothing to hear (DTX)
	noise  Noise
	level  int // of the noise, dB below full scale
	delays delays
	losses losses
	stats  PlayoutStats
}

type packet struct {
	used  bool
	other bool // there is no audio under this number
	seq   uint16
	ts    uint32
	data  []byte
}

// NewPlayout plays through dec, which it owns from now on; clock is the codec's RTP clock (48000 for Opus).
func NewPlayout(dec Decoder, clock int) *Playout {
	p := &Playout{
		dec: dec, clock: clock, frame: dec.Rate() / pullsPerSecond,
		pcm: make([]int16, dec.Rate()*160/1000), level: quietest,
	}
	p.fec, _ = dec.(Recoverer)
	slab := make([]byte, ringSlots*slabPayload)
	for i := range p.ring {
		p.ring[i].data = slab[i*slabPayload : i*slabPayload : (i+1)*slabPayload]
	}
	p.span = p.frame
	return p
}

// Reset forgets the stream. The counters and the decoder go on.
func (p *Playout) Reset() {
	p.restart(0, 0)
	p.started, p.waited, p.rests = false, false, false
	p.late, p.held, p.gone, p.level = 0, 0, 0, quietest
	p.delays, p.losses = delays{}, losses{}
}

// Stats returns the counters so far.
func (p *Playout) Stats() PlayoutStats { return p.stats }

// Push takes a packet, copying its payload.
func (p *Playout) Push(seq uint16, ts uint32, payload []byte) {
	if len(payload) == 0 || len(payload) > maxPayload {
		p.stats.Dropped++
		return
	}
	ahead := int(int16(seq - p.nextSeq))
	switch {
	case !p.started, ahead >= ringSlots, ahead < -misorder:
		p.restart(seq, ts)
	case ahead < 0:
		if p.late++; p.late < lateRun {
			p.stats.Late++
			return
		}
		p.restart(seq, ts) // and this one is played
	}
	p.late = 0
	s := &p.ring[seq%ringSlots]
	s.used, s.other, s.seq, s.ts, s.data = true, false, seq, ts, append(s.data[:0], payload...)
}

// Skip tells of a number that something else than audio has taken, a digit say: nothing is lost there.
func (p *Playout) Skip(seq uint16) {
	ahead := int(int16(seq - p.nextSeq))
	if s := &p.ring[seq%ringSlots]; p.started && ahead >= 0 && ahead < ringSlots && !s.used {
		s.other, s.seq = true, seq
	}
}

// missing is how many of the numbers before a packet that is next have not come.
func (p *Playout) missing(seq uint16) (n int) {
	for i := p.nextSeq; i != seq; i++ {
		if s := &p.ring[i%ringSlots]; !s.other || s.seq != i {
			n++
		}
	}
	return n
}

// lost tells whether the packet right before one that is next has not come.
func (p *Playout) lost(seq uint16) bool {
	before := &p.ring[(seq-1)%ringSlots]
	return seq != p.nextSeq && !(before.other && before.seq == seq-1)
}

// restart begins anew at a packet: the sender's numbering has jumped.
func (p *Playout) restart(seq uint16, ts uint32) {
	for i := range p.ring {
		p.ring[i].other = false
		if p.ring[i].used {
			p.ring[i].used = false
			p.stats.Dropped++
		}
	}
	p.started, p.nextSeq, p.nextTS, p.stalled = true, seq, ts, 0
}

// Pull writes the next 20 ms to pcm, which must have room for them, and says where they came from; n is 0 only for Idle.
func (p *Playout) Pull(pcm []int16) (n int, k Kind) {
	if !p.waited { // one tick of patience: packets that come on the tick would miss it half the time
		p.waited = p.started
		return 0, Idle
	}
	p.trim()
	p.delays.note(p.Depth(), p.enough())
	k = p.fill(p.frame)
	if p.delays.shouldShrink(p.quiet()) && p.Depth() > 0 {
		p.shrink()
	}
	n = copy(pcm, p.pcm[:p.frame])
	p.held = copy(p.pcm, p.pcm[p.frame:p.held])
	p.count(k)
	return n, k
}

// fill decodes or conceals until n samples are held.
func (p *Playout) fill(n int) Kind {
	k := Played
	for p.held < n {
		k = max(k, p.advance())
	}
	return k
}

// advance adds the next stretch of audio.
func (p *Playout) advance() Kind {
	head := p.head()
	if head == nil {
		p.stalled += p.frame
		if p.rests {
			return p.hiss(p.frame)
		}
		p.delays.stall()
		return p.conceal(p.frame)
	}
	gap := p.samples(head.ts - p.nextTS)
	if p.stalled > 0 && gap > 0 { // the packets we stood still for were lost, not late: their time has passed
		step := min(p.stalled, gap)
		if p.spares() && p.lost(head.seq) && gap-step < p.span { // but the last of them can be recovered, now and henceforth
			step = max(step-p.span, 0)
		}
		p.nextTS, gap = p.nextTS+p.units(step), gap-step
	}
	p.stalled = 0
	if gap < p.dec.Rate()/400 || gap > deepest*p.frame { // less than an Opus frame, or a jump of the sender's clock
		return p.play(head)
	}
	n := min(gap, p.frame)
	n -= n % (p.dec.Rate() / 400)
	p.nextTS += p.units(n)
	if p.rests {
		return p.hiss(n)
	}
	if p.lost(head.seq) && n == gap && n <= p.span { // the packet right before head is missing; FEC reaches one back
		if k, ok := p.recover(n, head.data); ok {
			return k
		}
	}
	return p.conceal(n)
}

// head is the oldest packet waiting; those whose time was concealed are dropped.
func (p *Playout) head() *packet {
	for i := range uint16(ringSlots) {
		s := &p.ring[(p.nextSeq+i)%ringSlots]
		if !s.used {
			continue
		}
		if gap := p.samples(s.ts - p.nextTS); gap < 0 && gap >= -deepest*p.frame {
			s.used = false
			p.stats.Late++
			continue
		}
		return s
	}
	return nil
}

// play decodes a packet. One that cannot be decoded counts as lost.
func (p *Playout) play(s *packet) Kind {
	s.used = false
	p.losses.note(p.missing(s.seq))
	p.nextSeq = s.seq + 1
	n, err := p.dec.Decode(p.pcm[p.held:], s.data)
	if err != nil || n == 0 {
		p.stats.Dropped++
		p.nextTS = s.ts + p.units(p.span)
		return p.conceal(p.frame)
	}
	if r, ok := p.dec.(Rester); ok && r.Rests(s.data) {
		p.rests, p.level = true, min(max(Level(p.pcm[p.held:p.held+n]), loudestNoise), quietest)
	} else {
		p.rests = false
	}
	p.held += n
	p.span, p.gone = n, 0
	p.nextTS = s.ts + p.units(n)
	if p.rests {
		return Silence
	}
	return Played
}

// NoiseLevel is how loud the comfort noise is, in dB below full scale.
func (p *Playout) NoiseLevel() int { return p.level }

// recover takes a lost stretch from the redundancy of the packet behind it.
func (p *Playout) recover(n int, next []byte) (Kind, bool) {
	if p.fec == nil {
		return 0, false
	}
	if _, err := p.fec.Recover(p.pcm[p.held:], n, next); err != nil {
		return 0, false
	}
	p.held += n
	p.gone = 0
	return Recovered, true
}

// conceal invents n samples: as the decoder does it at first, then falling, then comfort noise.
func (p *Playout) conceal(n int) Kind {
	p.gone++
	if p.gone > fadedConceal {
		p.level = quietest
		return p.hiss(n)
	}
	out := p.pcm[p.held : p.held+n]
	if _, err := p.dec.Conceal(out, n); err != nil {
		return p.hiss(n)
	}
	p.held += n
	if p.gone > fullConceal {
		p.fade(out)
	}
	return Concealed
}

// fade lowers a frame in a straight line that reaches silence with the last concealed frame.
func (p *Playout) fade(out []int16) {
	whole := len(out) * (fadedConceal - fullConceal)
	from := whole - len(out)*(p.gone-fullConceal-1)
	for i := range out {
		out[i] = int16(int(out[i]) * (from - i) / whole)
	}
}

// hiss fills n samples with comfort noise.
func (p *Playout) hiss(n int) Kind {
	p.noise.Fill(p.pcm[p.held:p.held+n], p.level)
	p.held += n
	return Silence
}

// trim drops the oldest packets when the delay is beyond the limit.
func (p *Playout) trim() {
	for p.Depth() > deepest {
		s := p.head()
		if s == nil {
			return
		}
		s.used = false
		p.stats.Dropped++
		p.nextSeq, p.nextTS, p.stalled = s.seq+1, s.ts+p.units(p.span), 0
	}
}

// shrink blends two frames into one.
func (p *Playout) shrink() {
	n := p.frame
	if p.fill(2*n) != Played {
		return
	}
	a, b := p.pcm[:n], p.pcm[n:2*n]
	for i := range a {
		a[i] = int16((int(a[i])*(n-i) + int(b[i])*i) / n)
	}
	p.held = n + copy(p.pcm[n:], p.pcm[2*n:p.held])
	p.stats.Shrunk++
}

// spares tells whether a frame of delay is spent on the redundancy of the next packet.
func (p *Playout) spares() bool { return p.fec != nil && p.losses.on }

// enough is how many frames should wait at a Pull.
func (p *Playout) enough() int {
	if p.spares() {
		return 2
	}
	return 1
}

// Depth is the audio waiting, in whole frames of a Pull.
func (p *Playout) Depth() int {
	waiting := p.held
	for i := range p.ring {
		if p.ring[i].used {
			waiting += p.span
		}
	}
	return waiting / p.frame
}

// quiet reports whether the frame to be pulled is so low that a change of speed goes unheard.
func (p *Playout) quiet() bool {
	for _, s := range p.pcm[:p.frame] {
		if s > 300 || s < -300 { // -40 dB of full scale
			return false
		}
	}
	return true
}

// samples turns a difference of timestamps into PCM samples.
func (p *Playout) samples(d uint32) int {
	return int(int64(int32(d)) * int64(p.dec.Rate()) / int64(p.clock))
}

func (p *Playout) units(samples int) uint32 {
	return uint32(int64(samples) * int64(p.clock) / int64(p.dec.Rate()))
}

func (p *Playout) count(k Kind) {
	switch k {
	case Played:
		p.stats.Played++
	case Recovered:
		p.stats.Recovered++
	case Concealed:
		p.stats.Concealed++
	case Silence:
		p.stats.Silence++
	case Idle: // nothing was played
	}
}
