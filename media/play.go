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

	toneShort = 80 * time.Millisecond // a tone has to stand a lost packet, a telephone-event does not
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
	voice    *voice // tones; nil: telephone-event

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
	if d.on && (d.way != g.digitsGo() || d.voice != nil && d.voice.codec != g.st.Send.Name) { // agreed anew since
		l.drop(DropDigit, g.to.addr, g)
		d.stop(g)
	}
	if !d.on {
		if g.relaysDigit() { // its packets come when they come: ours wait
			l.arm(due, l.now+int64(eventStep))
			return
		}
		if !d.next(g, l) {
			return
		}
	}
	var pause time.Duration
	if d.voice != nil {
		pause = g.playTone(l)
	} else {
		pause = g.playEvent(l)
	}
	l.arm(due, due.at+int64(pause))
}

// relaysDigit tells whether a telephone-event of the other leg is being relayed to this one.
func (g *leg) relaysDigit() bool {
	from := g.session.legs[1-g.id]
	return from != nil && from.event.on() && from.event.live
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
	if d.voice != nil {
		g.session.engine.encoders.Put(d.voice.enc)
		d.voice = nil
	}
}

// voice makes the tones of digits in the codec of a leg. It lives from the first digit of a row to the last.
type voice struct {
	enc   transcode.Encoder
	codec string
	tones *tone.DTMFSource
	pcm   []int16 // one packet
}

// nextTone begins a digit in the audio; its timestamps go on from those of the audio in whole packets.
func (d *digits) nextTone(g *leg, l *loop, q digit) bool {
	codec, ptime := g.st.Send, packetTime(g.st)
	if d.voice == nil || d.voice.codec != codec.Name {
		d.release(g)
		v, err := newVoice(g, codec.Name)
		if err != nil {
			d.on = false
			l.drop(DropCodec, g.to.addr, g)
			return d.next(g, l)
		}
		d.voice = v
	}
	d.voice.tones, _ = tone.NewDTMFSource(eventKeys[q.code], d.voice.enc.Rate())
	d.voice.pcm = make([]int16, ptime*d.voice.enc.Rate()/1000)
	step := uint32(ptime * codec.Clock / 1000)
	d.stamp = g.out.ts
	if g.out.at != 0 {
		d.stamp += max((g.out.stamp(l.now, codec.Clock)-g.out.ts+step-1)/step, 1) * step
	}
	packets := (max(q.length, toneShort) + time.Duration(ptime)*time.Millisecond - 1) / (time.Duration(ptime) * time.Millisecond)
	d.total = uint32(packets) * step
	return true
}

func newVoice(g *leg, codec string) (v *voice, err error) {
	v = &voice{codec: codec}
	switch {
	case strings.EqualFold(codec, "opus"):
		v.enc, err = g.session.engine.encoders.Get(narrowRate, transcode.DefaultOptions)
	case strings.EqualFold(codec, "G722"):
		v.enc, err = transcode.NewEncoder(codec, wideRate, transcode.Options{})
	default:
		v.enc, err = transcode.NewEncoder(codec, narrowRate, transcode.Options{})
	}
	return v, err
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
	step := uint32(len(v.pcm) * g.st.Send.Clock / v.enc.Rate())
	ts, first := d.stamp+d.duration, d.duration == 0
	d.duration += step
	d.fill(d.stamp, ts+step)
	marker := first && l.now-g.out.at > int64(2*eventGap)
	g.out.sent(g.out.add(), ts, l.now)
	putRTP(b, marker, g.st.Send.PT, g.out.seq, ts, g.out.ssrc)
	l.drop(g.send(l, b[:rtpHeader+n:slotSize]), g.to.addr, g)
	length := rtpmath.Time(int64(step), g.st.Send.Clock)
	if d.duration < d.total {
		return length
	}
	d.on = false
	return length + eventGap
}
