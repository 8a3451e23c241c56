package b2bua

import (
	"drawbridge/media"
	"drawbridge/media/offer"
	"drawbridge/sip/wire"
	"drawbridge/telemetry"
)

// jsonLeg is a side that signals over a JSON line (docs/signalling-v1.md). Its states are those of a SIP leg without the waits: an
// answer needs no ACK, a bye no response.
type jsonLeg struct {
	legCore
	line   Line
	ref    string // the call's id on the line
	caller bool

	sdpIn  []byte // caller: the offer
	answer []byte // caller: our answer to it
	stream *offer.Stream
	offer  []byte // callee: our offer
	from   string // callee: who calls
	to     string
	held   bool // the line has been told that the far side holds
	early  bool // the line has been told that there is early media
}

// newCallerLine is the caller's leg: a call has come over a line.
func newCallerLine(core legCore, s *Setup) *jsonLeg {
	l := &jsonLeg{legCore: core, line: s.Line, ref: s.Ref, caller: true, sdpIn: s.SDP}
	l.move(Trying)
	l.do(OwnLine{l.id, l.line, l.ref})
	return l
}

// newCalleeLine is a callee's leg; the call's id on the line is ours. A private caller is not named.
func newCalleeLine(core legCore, line Line, s *Setup, private bool) *jsonLeg {
	l := &jsonLeg{legCore: core, line: line, ref: core.mint(), from: s.From, to: s.To}
	if private {
		l.from = "anonymous"
	}
	l.do(OwnLine{l.id, l.line, l.ref})
	return l
}

// Handle dispatches what is addressed to the leg.
func (l *jsonLeg) Handle(ev Event) []Event {
	switch ev := ev.(type) {
	case Heard:
		return l.heard(ev.Signal)
	case Lost:
		if l.state == Gone {
			return nil
		}
		cause, pending := withSide(causeLost, l.id), l.state != Confirmed && !l.caller
		l.move(Gone)
		if pending {
			return []Event{refused{leg: l.id, cause: cause, unreachable: true}}
		}
		return l.ended(cause)
	}
	return nil
}

// heard serves one signal of the page.
func (l *jsonLeg) heard(s Signal) []Event {
	switch s.Type {
	case SignalBye:
		return l.bye(s)
	case SignalRinging:
		if l.state != Calling {
			return nil
		}
		l.move(Early)
		return []Event{rang{leg: l.id}}
	case SignalAnswer:
		return l.answered(s)
	case SignalHold:
		return l.reoffered(s)
	case SignalDTMF:
		if digits := parseDigits(s.Digits); len(digits) > 0 && (l.state == Confirmed || l.early && l.state == Early) {
			return []Event{dialled{l.id, digits}}
		}
	case SignalCall, SignalStage, SignalError: // never a page's inside a call
	}
	l.refuseSignal(s, 400, "not now")
	return nil
}

// bye is hang-up, cancel or decline, by state.
func (l *jsonLeg) bye(s Signal) []Event {
	was := l.state
	if was == Gone {
		return nil
	}
	l.move(Gone)
	switch {
	case was == Confirmed:
		return l.ended(normal(sideOf(l.id)))
	case l.caller:
		return []Event{cancelled{causeCancelled}}
	}
	status := s.Status
	if status < 400 || status > 699 {
		status = 603
	}
	return []Event{refused{leg: l.id, cause: failure(status, sideOf(l.id))}}
}

// answered takes the page's answer to our offer.
func (l *jsonLeg) answered(s Signal) []Event {
	if l.caller || (l.state != Calling && l.state != Early) {
		l.refuseSignal(s, 400, "no call to answer")
		return nil
	}
	st, err := l.sdp.Answered([]byte(s.SDP))
	if err != nil {
		l.say(Signal{Type: SignalBye, Status: statusOf(err), Reason: "unusable answer"})
		l.move(Gone)
		return []Event{refused{leg: l.id, cause: withSide(causeBadAnswer, l.id)}}
	}
	l.move(Confirmed)
	return []Event{answered{leg: l.id, stream: st}}
}

// reoffered answers a re-offer of the page: hold or resume.
func (l *jsonLeg) reoffered(s Signal) []Event {
	if l.state != Confirmed {
		l.refuseSignal(s, 400, "no call to hold")
		return nil
	}
	sdp, st, err := l.offered([]byte(s.SDP))
	if err != nil {
		l.refuseSignal(s, statusOf(err), "unusable offer")
		return nil
	}
	l.say(Signal{Type: SignalHold, On: s.On, SDP: string(sdp)})
	return []Event{moved{l.id, st}}
}

// Open gives the leg its media address: the caller's offer is answered, the callee's is made.
func (l *jsonLeg) Open(local offer.Local) (err error) {
	l.sdp.SetLocal(local)
	if !l.caller {
		l.offer, err = l.sdp.Offer(offer.SendRecv)
		return err
	}
	sdp, st, err := l.sdp.Offered(l.sdpIn, offer.SendRecv)
	if err != nil {
		return err
	}
	l.answer, l.stream, l.sdpIn = sdp, st, nil
	return nil
}

// Dial rings the page.
func (l *jsonLeg) Dial(*wire.Message, bool) {
	l.move(Calling)
	l.say(Signal{Type: SignalCall, From: l.from, To: l.to, SDP: string(l.offer)})
}

// Suit fits the answer that the page has not seen yet to what the callee speaks.
func (l *jsonLeg) Suit(far ...offer.Codec) {
	if l.early || l.state != Trying && l.state != Early {
		return
	}
	if answer, st, err := l.sdp.Revise(far...); err == nil {
		l.answer, l.stream = answer, st
	}
}

// Ring tells the page that the far side rings, and once more when there is something to hear: the SDP is the one of the answer.
func (l *jsonLeg) Ring(early bool) {
	sound := early && !l.early
	if l.state != Trying && (l.state != Early || !sound) {
		return
	}
	l.move(Early)
	s := Signal{Type: SignalRinging}
	if sound {
		l.early, s.SDP = true, string(l.answer)
		l.do(Bind{l.side, l.stream})
	}
	l.say(s)
}

// Accept answers the page.
func (l *jsonLeg) Accept() *offer.Stream {
	l.move(Accepted)
	l.say(Signal{Type: SignalAnswer, SDP: string(l.answer)})
	l.move(Confirmed)
	return l.stream
}

// Hangup ends the leg with one bye.
func (l *jsonLeg) Hangup(c Cause) {
	if l.state == Gone {
		return
	}
	if l.state != Idle {
		s := Signal{Type: SignalBye, Reason: c.Text}
		if l.state != Confirmed {
			s.Status = callerStatus(c, l.party)
		}
		l.say(s)
	}
	l.move(Gone)
}

// farHold tells the page, once, that the far side holds or has come back.
func (l *jsonLeg) farHold(on bool) {
	if l.state == Confirmed && on != l.held {
		l.held = on
		l.say(Signal{Type: SignalHold, On: on})
	}
}

// digits tells the page what the far side has pressed.
func (l *jsonLeg) digits(ds []digit) {
	if l.state != Confirmed && !l.early {
		return
	}
	keys := make([]byte, len(ds))
	for i, d := range ds {
		keys[i] = d.key
	}
	l.say(Signal{Type: SignalDTMF, Digits: string(keys)})
}

// stage tells the page how far its media has come.
func (l *jsonLeg) stage(k media.EventKind) {
	names := map[media.EventKind]string{media.EventICE: "ice", media.EventDTLS: "dtls", media.EventRTP: "rtp"}
	l.say(Signal{Type: SignalStage, Stage: names[k]})
}

// say sends a signal about this call.
func (l *jsonLeg) say(s Signal) {
	if l.state == Gone {
		return
	}
	s.Call = l.ref
	l.do(Tell{l.line, s})
}

func (l *jsonLeg) refuseSignal(s Signal, status int, why string) {
	l.say(Signal{Type: SignalError, Status: status, Reason: string(s.Type) + ": " + why})
}

// Record is the leg's part of the CDR.
func (l *jsonLeg) Record() telemetry.Leg {
	r := l.record("json")
	r.CallID = l.ref
	return r
}

// Tombs: a line needs none.
func (l *jsonLeg) Tombs(all []Tomb) []Tomb { return all }
