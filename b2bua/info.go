package b2bua

import (
	"fmt"

	"drawbridge/media"
	"drawbridge/sip/wire"
)

// DTMF is how digits go towards a peer. Whatever way they come in, they are taken.
type DTMF uint8

// What a peer takes.
const (
	DTMFAuto   DTMF = iota // telephone-event when it is negotiated, else tones in the audio
	DTMFEvents             // telephone-event (RFC 4733), or not at all
	DTMFRelay              // INFO with application/dtmf-relay
	DTMFPlain              // INFO with application/dtmf
	DTMFTones              // tones in the audio, both ways
)

// informs reports whether digits go by INFO.
func (d DTMF) informs() bool { return d == DTMFRelay || d == DTMFPlain }

// eventless reports whether our SDP is silent about telephone-event: a peer that reads of it listens for nothing else.
func (d DTMF) eventless() bool { return d.informs() || d == DTMFTones }

// media is what the media plane has to know of it.
func (d DTMF) media() media.DTMF {
	return [...]media.DTMF{media.DTMFAuto, media.DTMFEvents, media.DTMFSignal, media.DTMFSignal, media.DTMFTones}[d]
}

// body is the INFO that asks for a digit.
func (d DTMF) body(g digit) (kind string, body []byte) {
	if d == DTMFPlain {
		return "application/dtmf", []byte{g.key}
	}
	length := g.duration
	if length == 0 {
		length = digitLength
	}
	return "application/dtmf-relay", fmt.Appendf(nil, "Signal=%c\r\nDuration=%d\r\n", g.key, min(max(length, minDigit), maxDigit).Milliseconds())
}

// informState are the digits on their way to a peer by INFO: one request at a time, because two of them may overtake each other.
type informState struct {
	queue []digit
	tx    TxID // of the one under way; 0: none
}

// digits tells the peer, if INFO is its way, what the far side has pressed.
func (l *sipLeg) digits(ds []digit) {
	if !l.party.DTMF.informs() || len(l.inform.queue)+len(ds) > maxDigits {
		return
	}
	l.inform.queue = append(l.inform.queue, ds...)
	l.informNext()
}

// informNext sends the next digit, when there is one and none is under way.
func (l *sipLeg) informNext() {
	s := &l.inform
	if l.dlg == nil || l.state != Early && l.state != Accepted && l.state != Confirmed {
		s.queue = nil
	}
	if s.tx != 0 || len(s.queue) == 0 {
		return
	}
	m := l.dlg.Request(wire.INFO)
	m.ContentType, m.Body = l.party.DTMF.body(s.queue[0])
	s.queue = s.queue[1:]
	s.tx = l.send(m)
}

// told settles a digit: it has been taken, or has come to nothing. A peer that does not know what it is asked for is asked no more.
func (l *sipLeg) told(status int) {
	s := &l.inform
	s.tx = 0
	switch status {
	case 405, 415, 469, 481, 501:
		s.queue = nil
	}
	if len(s.queue) == 0 {
		s.queue = nil
		return
	}
	l.informNext()
}
