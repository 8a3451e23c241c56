package media

import (
	"strings"
	"time"

	"drawbridge/media/rtpmath"
	"drawbridge/transcode"
	"drawbridge/transcode/tone"
)

// Chosen here.
const (
	eventStep    = 20 * time.Millisecond
	eventGap     = 60 * time.Millisecond // between digits: detectors want 40 ms at least
	eventDefault = 100 * time.Millisecond
	eventShort   = 40 * time.Millisecond // shorter ones are made this long
	eventLong    = 6 * time.Second
	eventVolume  = 10 // -10 dBm0

	toneShort   = 80 * time.Millisecond  // a tone has to stand a lost packet, a telephone-event does not
	toneStrange = 160 * time.Millisecond // the same in G.722, where the decoder has followed another encoder and has to find into ours
)

// digits are those that the gateway plays towards a leg.
type digits struct {
	queue    []digit
	on       bool
	way      digitWay // of the one that is on
	code     uint8
	stamp    uint32 // of the beginning
	duration uint32 // ticks so far
	total    uint32
	ends     int
	voice    *voice // of tones

	// The time that digits have taken last, played or relayed, as the far side's timestamps: no other digit begins in it, no audio lies in it.
	filled      bool
	from, until uint32
}

type digit struct {
	code   uint8
	length time.Duration
}

// playing tells whether a digit is on: it takes the place of audio.
func (d *digits) playing() bool { return d.on }

// busy tells whether a digit is on or waits.
func (d *digits) busy() bool { return d.on || len(d.queue) > 0 }

// fill notes the time of a digit.
func (d *digits) fill(from, until uint32) { d.filled, d.from, d.until = true, from, until }

// clear is the timestamp at which a digit may begin: two events with one timestamp would be one.
func (d *digits) clear(stamp uint32, clock int) uint32 {
	if d.filled && int32(stamp-d.until) <= 0 && d.until-stamp < uint32(clock)*8 {
		return d.until + uint32(rtpmath.Units(eventStep, clock))
	}
	return stamp
}

// covers tells whether audio with this timestamp lies beside the digit.
func (d *digits) covers(ts uint32) bool { return d.filled && ts-d.from < d.until-d.from }

// queueDigit adds a digit to play.
func (g *leg) queueDigit(l *loop, key byte, length time.Duration) {
	code := strings.IndexByte(eventKeys, key)
	if code < 0 || g.digitsGo() == noWay || len(g.digits.queue) >= maxDigits {
		l.drop(DropDigit, g.to.addr, g)
		return
	}
	if length == 0 {
		length = eventDefault
	}
	g.digits.queue = append(g.digits.queue, digit{uint8(code), min(max(length, eventShort), eventLong)})
	if g.timers[timerDigit].pos == 0 {
		l.arm(&g.timers[timerDigit], l.now)
	}
}

// playDigit sends the packet that is due and sets the clock for the next.
func (g *leg) playDigit(l *loop) {
	d := &g.digits
	if !g.ready() || !g.st.MaySend || g.digitsGo() == noWay { // held since: nothing may go out
		for range d.queue {
			l.drop(DropDigit, g.to.addr, g)
		}
		d.queue = nil
		d.stop(g)
		return
	}
	due := &g.timers[timerDigit]
	if d.on && (d.way != g.digitsGo() || d.way == byTone && !d.voice.fits(g)) { // agreed anew since
		l.drop(DropDigit, g.to.addr, g)
		d.stop(g)
	}
	if !d.on {
		if g.relaysDigit(l.now) { // its packets come when they come: ours wait
			l.arm(due, l.now+int64(eventStep))
			return
		}
		if !d.next(g, l) {
			return
		}
	}
	var pause time.Duration
	if d.way == byTone {
		pause = g.playTone(l)
	} else {
		pause = g.playEvent(l)
	}
	l.arm(due, due.at+int64(pause))
}

// relaysDigit tells whether a telephone-event of the other leg is being relayed to this one, the repetitions of its end included.
func (g *leg) relaysDigit(now int64) bool {
	from := g.session.legs[1-g.id]
	return from != nil && from.event.live && from.event.ends < eventEnds && from.event.beside(now)
}

// playEvent sends one packet of a telephone-event and says when the next is due.
func (g *leg) playEvent(l *loop) time.Duration {
	d, clock := &g.digits, g.st.SendEvent.Clock
	first := d.duration == 0
	d.duration = min(d.duration+uint32(rtpmath.Units(eventStep, clock)), d.total)
	end := d.duration == d.total
	g.sendEvent(l, d.code, end, first, d.stamp, d.duration, clock)
	if end {
		if d.ends++; d.ends == eventEnds {
			d.on = false
			return eventGap
		}
	}
	return eventStep
}

// next begins the next digit; false when there is none.
func (d *digits) next(g *leg, l *loop) bool {
	if len(d.queue) == 0 {
		d.stop(g)
		d.queue = nil
		return false
	}
	q := d.queue[0]
	d.queue = d.queue[1:]
	d.on, d.way, d.code, d.duration, d.ends = true, g.digitsGo(), q.code, 0, 0
	if d.way == byTone {
		return d.nextTone(g, l, q)
	}
	d.release(g)
	d.stamp = d.clear(g.out.stamp(l.now, g.st.Send.Clock), g.st.SendEvent.Clock)
	d.total = uint32(rtpmath.Units(q.length, g.st.SendEvent.Clock))
	return true
}

// stop ends what is being played.
func (d *digits) stop(g *leg) {
	d.on = false
	d.release(g)
}

// release gives back what makes tones.
func (d *digits) release(g *leg) {
	if d.voice != nil && d.voice.own {
		g.session.engine.encoders.Put(d.voice.enc)
	}
	d.voice = nil
}

// voice makes the tones of digits in the codec of a leg. It lives from the first digit of a row to the last.
type voice struct {
	enc   transcode.Encoder
	own   bool // else it is the path's, whose state the far side's decoder has followed
	codec string
	rate  int // of the PCM, Hz
	tones *tone.DTMFSource
	pcm   []int16 // one packet
}

// speaker is a path that encodes.
type speaker interface{ encoder() transcode.Encoder }

// newVoice takes the encoder of the path to the leg, or makes one beside a path that has none.
func newVoice(g *leg) (*voice, error) {
	v := &voice{codec: g.st.Send.Name}
	if v.enc = g.pathEncoder(); v.enc == nil {
		var err error
		if v.enc, err = newEncoder(g); err != nil {
			return nil, err
		}
		v.own = true
	}
	v.rate = v.enc.Rate()
	v.pcm = make([]int16, packetTime(g.st)*v.rate/1000)
	return v, nil
}

// pathEncoder is what audio towards the leg is encoded with; nil when it is not.
func (g *leg) pathEncoder() transcode.Encoder {
	if from := g.session.legs[1-g.id]; from != nil {
		if p, ok := from.onward.(speaker); ok {
			return p.encoder()
		}
	}
	return nil
}

func newEncoder(g *leg) (transcode.Encoder, error) {
	switch codec := g.st.Send; {
	case isOpus(codec):
		return g.session.engine.encoders.Get(narrowRate, transcode.DefaultOptions)
	case isG722(codec):
		return transcode.NewEncoder(codec.Name, wideRate, transcode.Options{})
	default:
		return transcode.NewEncoder(codec.Name, narrowRate, transcode.Options{})
	}
}

// nextTone begins a digit in the audio; its timestamps go on from those of the audio in whole packets.
func (d *digits) nextTone(g *leg, l *loop, q digit) bool {
	if !d.voice.fits(g) {
		d.release(g)
		v, err := newVoice(g)
		if err != nil {
			d.on = false
			l.drop(DropCodec, g.to.addr, g)
			return d.next(g, l)
		}
		d.voice = v
	}
	d.voice.tones, _ = tone.NewDTMFSource(eventKeys[q.code], d.voice.rate)
	clock := g.st.Send.Clock
	step := d.voice.step(clock)
	d.stamp = g.out.ts
	if g.out.at != 0 {
		d.stamp += max((g.out.stamp(l.now, clock)-g.out.ts+step-1)/step, 1) * step
	}
	packet := rtpmath.Time(int64(step), clock)
	d.total = uint32((d.voice.length(q)+packet-1)/packet) * step
	return true
}

// fits tells whether the voice can go on: the codec, its encoder's rate and the packet time are what they were. The path's encoder may be
// another one by now.
func (v *voice) fits(g *leg) bool {
	if v == nil || v.codec != g.st.Send.Name || len(v.pcm) != packetTime(g.st)*v.rate/1000 {
		return false
	}
	enc := g.pathEncoder()
	if enc != nil && !v.own {
		v.enc = enc
	}
	return (enc == nil) == v.own && v.enc.Rate() == v.rate
}

// step is the length of one packet in ticks.
func (v *voice) step(clock int) uint32 { return uint32(len(v.pcm) * clock / v.rate) }

// length is how long a tone is to be.
func (v *voice) length(q digit) time.Duration {
	if v.own && v.rate == wideRate {
		return max(q.length, toneStrange)
	}
	return max(q.length, toneShort)
}

// playTone sends one packet of a tone and says when the next is due.
func (g *leg) playTone(l *loop) time.Duration {
	d, v := &g.digits, g.digits.voice
	for i := range v.pcm {
		v.pcm[i] = v.tones.Next()
	}
	b := l.slot()
	n, err := v.enc.Encode(b[rtpHeader:rtpHeader:slotSize-tailRoom], v.pcm)
	if err != nil {
		l.drop(DropCodec, g.to.addr, g)
		d.on = false
		return eventGap
	}
	clock := g.st.Send.Clock
	step, ts, first := v.step(clock), d.stamp+d.duration, d.duration == 0
	d.duration += step
	d.fill(d.stamp, ts+step)
	marker := first && l.now-g.out.at > int64(2*eventGap)
	g.out.sent(g.out.add(), ts, l.now)
	putRTP(b, marker, g.st.Send.PT, g.out.seq, ts, g.out.ssrc)
	l.drop(g.send(l, b[:rtpHeader+n:slotSize]), g.to.addr, g)
	length := rtpmath.Time(int64(step), clock)
	if d.duration < d.total {
		return length
	}
	d.on = false
	return length + eventGap
}
