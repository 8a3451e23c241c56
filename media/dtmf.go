package media

import (
	"strings"
	"time"
)

// A digit comes in on a leg by one way, or by several at once, and goes out towards the other leg by the one way that leg takes:
//
//	in   telephone-event (event.go), tones in the audio (ear.go), the call's signalling (SendDTMF)
//	out  telephone-event, relayed packet by packet where it came in as one and played otherwise, tones (play.go), signalling (EventDTMF)
//
// What comes by two ways is one digit (twins). The audio that lies beside a digit does not go on. Digits may be somebody's PIN: they are
// in no counter, log or sample, and in no event but EventDTMF.

// DTMF is how digits go towards a leg.
type DTMF uint8

// The ways to send digits. By whatever way they come in, they are taken: telephone-event and signalling always, tones where DTMFTones says
// that the peer knows nothing better.
const (
	DTMFAuto   DTMF = iota // telephone-event when it is negotiated, else tones
	DTMFEvents             // telephone-event, or not at all
	DTMFSignal             // the call's business: EventDTMF of the other leg says which
	DTMFTones              // tones, and tones that come in are digits
)

// String is the word for logs.
func (d DTMF) String() string {
	return [...]string{"auto", "events", "signal", "tones"}[d]
}

// Fixed by RFC 4733 section 3.2: the event code of a digit is its index.
const eventKeys = "0123456789*#ABCD"

// twinWindow is how far the two ways of one digit may lie apart: an INFO that is lost twice comes 1.5 s late. Chosen here.
const twinWindow = 2 * time.Second

// digitWay is a way in or out.
type digitWay uint8

const (
	noWay   digitWay = 0
	byEvent digitWay = 1 << (iota - 1)
	byTone
	bySignal
)

// digitsGo is how digits go towards the leg.
func (g *leg) digitsGo() digitWay {
	switch event := g.st.SendEvent.Name != ""; {
	case g.dtmf == DTMFSignal:
		return bySignal
	case g.dtmf == DTMFTones, g.dtmf == DTMFAuto && !event:
		return byTone
	case event:
		return byEvent
	}
	return noWay
}

// pressed takes a whole digit that has come in on the leg.
func (g *leg) pressed(l *loop, key byte, length time.Duration, way digitWay) {
	if g.twin(key, way, l.now) {
		return
	}
	g.pass(l, key, length)
	g.tellDigit(key, length)
}

// pass sends a digit of this leg on, unless that is the call's business.
func (g *leg) pass(l *loop, key byte, length time.Duration) {
	to := g.session.legs[1-g.id]
	if to == nil || !to.bound {
		l.drop(DropDigit, g.to.addr, g)
		return
	}
	if to.digitsGo() != bySignal {
		to.queueDigit(l, key, length)
	}
}

// tellDigit reports a digit to the call.
func (g *leg) tellDigit(key byte, length time.Duration) {
	g.session.tell(Event{Kind: EventDTMF, Leg: g.id, Digit: key, Duration: length})
}

// signalled takes a digit that the call has been told of by the peer of the other leg.
func (g *leg) signalled(l *loop, key byte, length time.Duration) {
	if strings.IndexByte(eventKeys, key) < 0 {
		l.drop(DropDigit, g.to.addr, g)
		return
	}
	if from := g.session.legs[1-g.id]; from != nil {
		from.pressed(l, key, length, bySignal)
		return
	}
	g.queueDigit(l, key, length)
}

// twins remembers the digits of a leg for as long as they may come in again by another way.
type twins struct {
	last [8]struct {
		key  byte
		ways digitWay // by which it has come
		at   int64
	}
	next uint8 // the oldest
}

// twin notes a digit that has come in on the leg; true when it has come by another way before.
func (g *leg) twin(key byte, way digitWay, now int64) bool {
	if g.twins == nil {
		g.twins = new(twins)
	}
	return g.twins.known(key, way, now)
}

// known notes a digit; true when it is one that has come by another way before. Each way brings the digits in order, so the oldest that
// fits is the one.
func (t *twins) known(key byte, way digitWay, now int64) bool {
	for i := range t.last {
		d := &t.last[(int(t.next)+i)%len(t.last)]
		if d.key == key && d.ways&way == 0 && now-d.at < int64(twinWindow) {
			d.ways |= way
			return true
		}
	}
	d := &t.last[t.next]
	d.key, d.ways, d.at = key, way, now
	t.next = (t.next + 1) % uint8(len(t.last))
	return false
}

// over says that a digit which was noted at its beginning has ended: its twins may come from now on still.
func (t *twins) over(key byte, way digitWay, now int64) {
	if t == nil {
		return
	}
	for i := range t.last {
		d := &t.last[(int(t.next)+len(t.last)-1-i)%len(t.last)] // newest first
		if d.key == key && d.ways&way != 0 {
			d.at = now
			return
		}
	}
}
