package media

import (
	"encoding/binary"
	"strings"
	"time"

	"drawbridge/media/rtpmath"
)

// Fixed by RFC 4733.
const (
	eventSize  = 4                  // section 2.3: event, E R volume, duration
	eventKeys  = "0123456789*#ABCD" // section 3.2: the code is the index
	eventEnd   = 0x80               // the E bit
	eventEnds  = 3                  // section 2.5.1.4: the end is sent three times
	segmentMax = 0xffff             // section 2.5.1.3: longer events go on in a new segment
)

// Chosen here.
const (
	eventStep    = 20 * time.Millisecond
	eventGap     = 60 * time.Millisecond  // between digits: detectors want 40 ms at least
	eventSilence = 200 * time.Millisecond // a digit whose end is lost ends after this
	eventDefault = 100 * time.Millisecond
	eventShort   = 40 * time.Millisecond // shorter ones are made this long
	eventLong    = 6 * time.Second
	eventVolume  = 10 // -10 dBm0
)

// eventIn is the telephone-event that a leg receives. It is relayed packet by packet; the digit is reported once, at its end.
type eventIn struct {
	known    bool // one has begun
	ended    bool
	relayed  bool
	code     uint8
	segment  uint32 // incoming timestamp of the present segment
	base     uint32 // ticks of the segments before it
	duration uint32 // ticks in all
	stamp    uint32 // outgoing timestamp of the beginning
	ends     int    // end packets relayed
	after    uint32 // outgoing timestamp where the newest relayed packet's event ended; kept for the next event
	before   bool   // after is set
}

// on tells whether a key is down: audio waits.
func (e *eventIn) on() bool { return e.known && !e.ended }

// digitIn takes one telephone-event packet of the leg.
func (g *leg) digitIn(l *loop, p *packet) Drop {
	b := p.payload()
	if len(b) < eventSize || int(b[0]) >= len(eventKeys) {
		return DropDigit
	}
	code, end, ticks := b[0], b[1]&eventEnd != 0, uint32(binary.BigEndian.Uint16(b[2:]))
	e := &g.event
	switch ahead := p.ts - e.segment; {
	case e.known && ahead == 0 && code == e.code:
	case e.continues(code, ahead):
		e.base, e.segment = e.base+ahead, p.ts
	case e.known && int32(ahead) < 0 && !p.fresh:
		return DropReplay // late, of a digit before
	default:
		g.endDigit(l) // the one before has lost its ends
		*e = eventIn{known: true, code: code, segment: p.ts, after: e.after, before: e.before}
	}
	ticks += e.base
	if !end && (e.ended || ticks < e.duration) {
		return DropReplay
	}
	e.duration = max(e.duration, ticks)
	drop := g.relayDigit(l, p, end)
	if end {
		g.keyUp(l)
	} else {
		l.arm(&g.timers[timerEvent], l.now+int64(eventSilence))
	}
	return drop
}

// continues tells a new segment of a long event from a new event: it begins where the former, full one ended.
func (e *eventIn) continues(code uint8, ahead uint32) bool {
	return e.on() && code == e.code && ahead > segmentMax-segmentMax/16 && ahead < segmentMax+segmentMax/16
}

// relayDigit sends the packet on in its own place in the sequence.
func (g *leg) relayDigit(l *loop, p *packet, end bool) Drop {
	to, e := g.session.legs[1-g.id], &g.event
	if !g.takesDigits(to) {
		return DropDigit
	}
	seq, ok := g.onward.number(l, p)
	if !ok {
		return DropReplay
	}
	first := !e.relayed
	if first {
		e.relayed, e.stamp = true, g.onward.stamp(l, p)
		if e.before && int32(e.stamp-e.after) <= 0 { // they came in a bunch: two events with one timestamp would be one
			e.stamp = e.after + uint32(rtpmath.Units(eventStep, to.st.SendEvent.Clock))
		}
	}
	if end {
		if e.ends++; e.ends > eventEnds {
			to.out.skew-- // left out: no gap
			return Delivered
		}
	}
	if int16(seq-to.out.seq) > 0 {
		to.out.seq = seq
	}
	p.end = p.start + eventSize
	ts := to.putEvent(p.payload(), e.code, end, p.b[p.start+1]&0x3f, e.stamp, e.duration, g.st.RecvEvent.Clock)
	e.before, e.after = true, ts+uint32(binary.BigEndian.Uint16(p.payload()[2:]))
	return to.send(l, p.inPlace(first, to.st.SendEvent.PT, seq, ts, to.out.ssrc))
}

// takesDigits tells whether telephone-event can go on to the other leg.
func (g *leg) takesDigits(to *leg) bool {
	return g.onward != nil && to != nil && to.ready() && to.st.MaySend && to.st.SendEvent.Name != ""
}

// putEvent writes a payload for this leg and returns its timestamp. ticks of clock run from stamp; beyond 16 bits in our clock the
// event goes on in a segment of its own.
func (g *leg) putEvent(b []byte, code uint8, end bool, volume byte, stamp, ticks uint32, clock int) (ts uint32) {
	d := uint64(ticks)
	if clock > 0 {
		d = d * uint64(g.st.SendEvent.Clock) / uint64(clock)
	}
	segment := d / segmentMax
	if d -= segment * segmentMax; d == 0 && segment > 0 {
		segment, d = segment-1, segmentMax
	}
	b[0], b[1] = code, volume
	if end {
		b[1] |= eventEnd
	}
	binary.BigEndian.PutUint16(b[2:], uint16(d))
	return stamp + uint32(segment*segmentMax)
}

// keyUp reports the digit, once.
func (g *leg) keyUp(l *loop) {
	if g.event.ended {
		return
	}
	g.event.ended = true
	l.disarm(&g.timers[timerEvent])
	g.session.tell(Event{Kind: EventDTMF, Leg: g.id, Digit: eventKeys[g.event.code]})
}

// endDigit ends a digit whose end packets are lost: the far side hears the end from us.
func (g *leg) endDigit(l *loop) {
	e := &g.event
	if !e.on() {
		return
	}
	to := g.session.legs[1-g.id]
	if e.relayed && g.takesDigits(to) {
		for range eventEnds {
			to.sendEvent(l, e.code, true, false, e.stamp, e.duration, g.st.RecvEvent.Clock)
		}
	}
	g.keyUp(l)
}

// sendEvent sends an event packet of the gateway's own making.
func (g *leg) sendEvent(l *loop, code uint8, end, marker bool, stamp, ticks uint32, clock int) {
	b := l.slot()[:rtpHeader+eventSize]
	ts := g.putEvent(b[rtpHeader:], code, end, eventVolume, stamp, ticks, clock)
	putRTP(b, marker, g.st.SendEvent.PT, g.out.add(), ts, g.out.ssrc)
	l.drop(g.send(l, b), g.to.addr, g)
}

// digits are those that the gateway generates towards a leg.
type digits struct {
	queue    []digit
	on       bool
	code     uint8
	stamp    uint32 // of the beginning
	duration uint32 // ticks so far
	total    uint32
	ends     int
}

type digit struct {
	code   uint8
	length time.Duration
}

// playing tells whether a digit is on: it takes the place of audio.
func (d *digits) playing() bool { return d.on }

// queueDigit adds a digit to play.
func (g *leg) queueDigit(l *loop, key byte, length time.Duration) {
	code := strings.IndexByte(eventKeys, key)
	if code < 0 || g.st.SendEvent.Name == "" || len(g.digits.queue) >= maxDigits {
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
	if !g.ready() || !g.st.MaySend || g.st.SendEvent.Name == "" { // held since: nothing may go out
		for range d.queue {
			l.drop(DropDigit, g.to.addr, g)
		}
		d.queue, d.on = nil, false
		return
	}
	first := !d.on
	if first && !d.next(g, l.now) {
		return
	}
	clock := g.st.SendEvent.Clock
	d.duration = min(d.duration+uint32(rtpmath.Units(eventStep, clock)), d.total)
	end := d.duration == d.total
	g.sendEvent(l, d.code, end, first, d.stamp, d.duration, clock)
	pause := eventStep
	if end {
		if d.ends++; d.ends == eventEnds {
			d.on, pause = false, eventGap
		}
	}
	l.arm(&g.timers[timerDigit], g.timers[timerDigit].at+int64(pause))
}

// next begins the next digit; false when there is none.
func (d *digits) next(g *leg, now int64) bool {
	if len(d.queue) == 0 {
		d.queue = nil
		return false
	}
	q := d.queue[0]
	d.queue = d.queue[1:]
	d.on, d.code, d.duration, d.ends = true, q.code, 0, 0
	d.stamp = g.out.stamp(now, g.st.Send.Clock)
	d.total = uint32(rtpmath.Units(q.length, g.st.SendEvent.Clock))
	return true
}
