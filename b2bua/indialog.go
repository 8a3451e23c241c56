package b2bua

import (
	"strings"

	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
	"drawbridge/topology"
)

// request serves a request inside the dialog: whose it is, whether it comes in order and can be read, and then what it asks.
func (l *sipLeg) request(ev Request) []Event {
	m := ev.Msg
	if f := l.early(m); f != nil {
		l.follow(f)
	}
	if status := l.dismissal(ev); status != 0 {
		l.answer(ev, status)
		return nil
	}
	if !lives(l.flow) {
		l.flow = ev.Flow // the peer has come back over another connection
	}
	if m.Method == wire.ACK {
		unpack(m) // an answer that is not found there ends the call as an unusable one
		return l.acked(m)
	}
	if status := l.dlg.Accept(m); status != 0 {
		l.answer(ev, status, wire.Field{Name: "Retry-After", Value: "1"})
		return nil
	}
	l.learnAllow(m)
	if m.Method == wire.INVITE || m.Method == wire.UPDATE || m.Method == wire.PRACK {
		if status := unpack(m); status != 0 {
			l.answer(ev, status, wire.Field{Name: "Accept", Value: accept})
			return nil
		}
	}
	return l.serve(ev)
}

// dismissal is what a request is told that is not of this dialog, or comes when the dialog is over; 0: it is served.
func (l *sipLeg) dismissal(ev Request) int {
	m := ev.Msg
	switch {
	case l.dlg == nil || !l.from(ev.Flow) || m.FromTag() != l.dlg.ID().RemoteTag || m.CallID != l.dlg.ID().CallID:
		return 481
	case l.state == Gone && m.Method == wire.BYE: // as the tomb will answer when the call has gone, too
		return 200
	case l.state == Gone && m.Method != wire.PRACK:
		return 481
	}
	return 0
}

// serve does what a request asks for.
func (l *sipLeg) serve(ev Request) []Event {
	m := ev.Msg
	if l.state == Ending && m.Method != wire.BYE && m.Method != wire.PRACK { // the others need a dialog that stays
		l.answer(ev, 481)
		return nil
	}
	switch m.Method {
	case wire.BYE:
		return l.hungUp(ev)
	case wire.PRACK:
		return l.pracked(ev)
	case wire.INVITE:
		return l.reinvited(ev)
	case wire.UPDATE:
		return l.updated(ev)
	case wire.INFO:
		return l.informed(ev)
	case wire.MESSAGE:
		return l.messaged(ev)
	case wire.REFER:
		return l.referred(ev)
	case wire.NOTIFY:
		return l.progressed(ev)
	case wire.OPTIONS:
		l.answer(ev, 200, capabilities()...)
	case wire.SUBSCRIBE: // a call's dialog carries no subscription that a peer has asked for
		l.answer(ev, 489, help(489, m.Method)...)
	default:
		l.answer(ev, 405, wire.Field{Name: "Allow", Value: allow})
	}
	return nil
}

// from reports whether a flow is the dialog's own.
func (l *sipLeg) from(f txn.Flow) bool { return sameSource(l.party, l.flow, f) }

// hungUp answers a BYE; it ends the call unless we were already leaving. A caller may end its early dialog that way too.
func (l *sipLeg) hungUp(ev Request) []Event {
	l.answer(ev, 200)
	if l.uas != nil && l.state == Early {
		return []Event{cancelled{givenUp(ev.Msg.Values("Reason"))}}
	}
	if l.state != Accepted && l.state != Confirmed {
		return nil // crossed with our own BYE
	}
	l.quiet()
	l.move(Gone)
	return l.ended(byeCause(ev.Msg, sideOf(l.id)))
}

// answer responds to a request in the dialog; an ACK has no answer.
func (l *sipLeg) answer(ev Request, status int, fields ...wire.Field) {
	if ev.Tx == 0 {
		return
	}
	l.do(Respond{ev.Tx, l.reply(ev.Msg, status, fields...)})
}

// reply builds a response of this leg. Record-Route and To tag follow from the request.
func (l *sipLeg) reply(req *wire.Message, status int, fields ...wire.Field) *wire.Message {
	m := wire.NewResponse(req, status, "", l.tag)
	m.Fields = append(m.Fields, fields...)
	return m
}

// replySDP is reply with our session description.
func (l *sipLeg) replySDP(req *wire.Message, status int, sdp []byte, fields ...wire.Field) *wire.Message {
	m := l.reply(req, status, fields...)
	m.Contact = []wire.Addr{l.contact()}
	m.Add("Allow", allow)
	m.Add("Supported", supported)
	if len(sdp) > 0 {
		m.ContentType, m.Body = sdpType, sdp
	}
	return m
}

func (l *sipLeg) learnAllow(m *wire.Message) {
	if m.Has("Allow") {
		l.allows = strings.Join(m.Values("Allow"), ",")
	}
}

// takes reports whether the peer has said that it serves a method.
func (l *sipLeg) takes(method wire.Method) bool {
	for item := range strings.SplitSeq(l.allows, ",") {
		if strings.EqualFold(strings.TrimSpace(item), string(method)) {
			return true
		}
	}
	return false
}

// capabilities are the answer to OPTIONS (RFC 3261 section 11.2, RFC 6665 section 8.3.1).
func capabilities() []wire.Field {
	return []wire.Field{
		{Name: "Allow", Value: allow}, {Name: "Accept", Value: accept + ", " + acceptDTM}, {Name: "Supported", Value: supported},
		{Name: "Allow-Events", Value: topology.AllowEvents},
	}
}

// hasSDP reports whether a message carries a session description.
func hasSDP(m *wire.Message) bool { return len(m.Body) > 0 && m.MediaType() == sdpType }
