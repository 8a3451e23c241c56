package media

import (
	"encoding/binary"
	"time"

	"drawbridge/media/rtpmath"
)

// Fixed by RFC 4733.
const (
	eventSize  = 4      // section 2.3: event, E R volume, duration
	eventEnd   = 0x80   // the E bit
	eventEnds  = 3      // section 2.5.1.4: the end is sent three times
	segmentMax = 0xffff // section 2.5.1.3: longer events go on in a new segment
)

// Chosen here.
const (
	eventSilence = 200 * time.Millisecond // a digit whose end is lost ends after this
	eventGuard   = 30 * time.Millisecond  // audio this close behind a digit's packet is its tone still: the packet that was sent with it
	eventLate    = 2 * time.Second        // a packet of an event this old is no late one: timestamps have gone round
	eventLost    = 40 * time.Millisecond  // how far a timestamp that moves with each packet gets while packets are lost: less than it takes to press a key again
)

// eventIn is the telephone-event that a leg receives. Towards a leg that takes telephone-event it is relayed packet by packet; the digit is
// reported once, at its end.
type eventIn struct {
	known    bool // one has begun
	ended    bool
	twin     bool // the digit has come by another way already
	live     bool // it is relayed
	relayed  bool // a packet of it has been
	code     uint8
	segment  uint32 // incoming timestamp of the present segment
	base     uint32 // ticks of the segments before it
	duration uint32 // ticks in all
	stamp    uint32 // outgoing timestamp of the beginning
	ends     int    // end packets relayed
	at       int64  // of its newest packet; 0: there is none
}

// on tells whether a key is down.
func (e *eventIn) on() bool { return e.known && !e.ended }

// beside tells whether audio that comes now lies beside a digit: it may hold the tone, and is left out.
func (e *eventIn) beside(now int64) bool {
	return e.on() || e.at > 0 && now-e.at < int64(eventGuard)
}

// digitIn takes one telephone-event packet of the leg.
func (g *leg) digitIn(l *loop, p *packet) Drop {
	b := p.payload()
	if len(b) < eventSize || int(b[0]) >= len(eventKeys) {
		g.skip(l, p)
		return DropDigit
	}
	code, end, ticks := b[0], b[1]&eventEnd != 0, uint32(binary.BigEndian.Uint16(b[2:]))
	e := &g.event
	lost := uint32(rtpmath.Units(eventLost, g.st.RecvEvent.Clock))
	switch ahead := p.ts - e.segment; {
	case e.known && ahead == 0 && code == e.code:
	case e.known && int32(ahead) < 0 && !p.fresh && l.now-e.at < int64(eventLate):
		return DropReplay // late, of a digit before
	case e.continues(code, ahead):
		e.base, e.segment = e.base+ahead, p.ts
	case e.wanders(code, ahead-lost, ticks):
		ticks = max(ticks, e.duration)
	case end && !p.marker && e.repeats(code, ahead-lost, l.now):
		ticks = e.duration - e.base
	case end && !p.marker && (ticks == 0 || !g.in.missed(p.ext)):
		g.skip(l, p)
		return DropDigit // an end without a beginning, and the beginning is not lost
	default:
		g.keyDown(l, p, code)
	}
	if ticks += e.base; !end && (e.ended || ticks < e.duration) {
		g.skip(l, p)
		return DropDigit // its time runs back
	}
	e.duration, e.at = max(e.duration, ticks), max(l.now, 1)
	drop := Delivered
	if e.live {
		drop = g.relayDigit(l, p, end)
	} else {
		g.skip(l, p)
	}
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

// wanders tells an event whose sender moves the timestamp with each packet from a new event: the same key cannot go down again before it
// has been let go.
func (e *eventIn) wanders(code uint8, ahead, ticks uint32) bool {
	return e.on() && code == e.code && int32(ahead) <= int32(e.duration) && ticks > e.duration
}

// repeats tells another end of such a sender, when the packet before it has been lost, from an event of which nothing but the end has come.
func (e *eventIn) repeats(code uint8, ahead uint32, now int64) bool {
	return e.known && e.ended && code == e.code && now-e.at < int64(eventSilence) && int32(ahead) <= int32(e.duration)
}

// missed tells whether the packet before this one has not come. It is asked for a packet that has just been received.
func (in *inbound) missed(ext int64) bool { return in.packets > 1 && !in.window.has(ext-1) }

// skip leaves an event packet out of the stream to the other leg.
func (g *leg) skip(l *loop, p *packet) {
	if g.onward != nil {
		g.onward.skip(l, p)
	}
}

// keyDown begins an event.
func (g *leg) keyDown(l *loop, p *packet, code uint8) {
	g.endDigit(l) // the one before has lost its ends
	to := g.session.legs[1-g.id]
	twin := g.twin(eventKeys[code], byEvent, l.now)
	g.event = eventIn{
		known: true, code: code, segment: p.ts, twin: twin,
		live: !twin && g.takesEvents(to) && !to.digits.busy(),
	}
}

// takesEvents tells whether telephone-event can go on to the other leg as it comes.
func (g *leg) takesEvents(to *leg) bool {
	return g.onward != nil && to != nil && to.ready() && to.st.MaySend && to.digitsGo() == byEvent
}

// relayDigit sends the packet on in its own place in the sequence.
func (g *leg) relayDigit(l *loop, p *packet, end bool) Drop {
	to, e := g.session.legs[1-g.id], &g.event
	if !g.takesEvents(to) { // held since
		g.skip(l, p)
		return DropDigit
	}
	if end && e.ends == eventEnds {
		g.skip(l, p)
		return Delivered
	}
	seq, ok := g.onward.number(l, p)
	if !ok {
		return DropReplay
	}
	first := !e.relayed
	if first {
		e.relayed, e.stamp = true, to.digits.clear(g.onward.stamp(l, p), to.st.SendEvent.Clock)
	}
	if end {
		e.ends++
	}
	if int16(seq-to.out.seq) > 0 {
		to.out.seq = seq
	}
	p.end = p.start + eventSize
	ts := to.putEvent(p.payload(), e.code, end, p.b[p.start+1]&0x3f, e.stamp, e.duration, g.st.RecvEvent.Clock)
	to.digits.fill(e.stamp, ts+uint32(binary.BigEndian.Uint16(p.payload()[2:])))
	return to.send(l, p.inPlace(first, to.st.SendEvent.PT, seq, ts, to.out.ssrc))
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

// keyUp ends the event: the digit is reported, and goes on now where it was not relayed.
func (g *leg) keyUp(l *loop) {
	e := &g.event
	if e.ended {
		return
	}
	e.ended = true
	l.disarm(&g.timers[timerEvent])
	key, length := eventKeys[e.code], rtpmath.Time(int64(e.duration), g.st.RecvEvent.Clock)
	g.twins.over(key, byEvent, l.now)
	if e.twin {
		return
	}
	if !e.live {
		g.pass(l, key, length)
	}
	g.tellDigit(key, length)
}

// endDigit ends a digit whose end packets are lost: the far side hears the end from us.
func (g *leg) endDigit(l *loop) {
	e := &g.event
	if !e.on() {
		return
	}
	to := g.session.legs[1-g.id]
	if e.relayed && g.takesEvents(to) {
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
	g.digits.fill(stamp, ts+uint32(binary.BigEndian.Uint16(b[rtpHeader+2:])))
	putRTP(b, marker, g.st.SendEvent.PT, g.out.add(), ts, g.out.ssrc)
	l.drop(g.send(l, b), g.to.addr, g)
}
