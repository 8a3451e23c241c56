package b2bua

import (
	"errors"
	"fmt"

	"drawbridge/media"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
	"drawbridge/telemetry"
)

// feed takes a call one event further and executes what it asks for. Answers to its questions are events of the same turn.
func (s *Switch) feed(at *seat, ev Event) {
	if at.call == nil {
		return // it has been buried in the meantime
	}
	if at.busy {
		at.inbox = append(at.inbox, ev)
		return
	}
	b := s.books[at.sh.Index()]
	at.inbox, b.inbox = append(b.inbox, ev), nil
	at.busy = true
	for i := 0; i < len(at.inbox) && at.call != nil; i++ {
		next := at.inbox[i]
		at.inbox[i] = nil
		s.turn(at, next)
	}
	clear(at.inbox)
	b.inbox, at.inbox, at.busy = at.inbox[:0], nil, false
	if at.call != nil {
		s.wind(at)
	}
}

// turn is one event. A defect ends this call and no other: what the call had asked for is still done, because its legs count on it.
func (s *Switch) turn(at *seat, ev Event) {
	call, b := at.call, s.books[at.sh.Index()]
	call.out.spare, b.acts = b.acts, nil
	sound := s.guarded(func() { call.Handle(ev, s.cfg.now()) })
	for _, a := range call.out.acts {
		sound = s.guarded(func() { s.execute(at, a) }) && sound
	}
	b.acts = call.out.recycle()
	if !sound {
		s.abandon(at)
	}
}

// guarded runs fn and reports whether it came through without a panic.
func (s *Switch) guarded(fn func()) (ok bool) {
	defer func() {
		if r := recover(); r != nil {
			s.cfg.Events.EmitLifecycle(telemetry.Lifecycle{What: "panic", Detail: fmt.Sprintf("b2bua: %T", r)})
		}
	}()
	fn()
	return true
}

// execute does one thing that a call has asked for.
func (s *Switch) execute(at *seat, a Action) {
	b := s.books[at.sh.Index()]
	switch a := a.(type) {
	case AskPolicy:
		at.inbox = append(at.inbox, Decided{s.decide(at, a)})
	case AskRoutes:
		at.inbox = append(at.inbox, s.withRoom(at, s.routes(at.view, a)))
	case Spawn:
		s.spawn(at, a)
	case Join:
		s.join(at, a)
	case AskDialog:
		s.mapDialog(at, a)
	case Vacate:
		s.moveOut(at, a)
	case LinkTo:
		s.link(end{at, a.Leg}, a)
	case AskTarget:
		at.inbox = append(at.inbox, s.target(at.view, a))
	case AskHops:
		s.lookUp(at, a)
	case Claim:
		at.inbox = append(at.inbox, s.claim(at, a))
	case AskMedia:
		at.inbox = append(at.inbox, s.openMedia(at, a))
	case Own:
		b.own(at, a)
	case OwnLine:
		b.ownLine(at, a)
	case Respond:
		s.respond(at, a)
	case Send:
		s.send(at, a)
	case CancelTx:
		if cl := at.clients.of(a.Tx); cl != nil {
			cl.Cancel(a.why()...)
		}
	case Rest:
		s.rest(a)
	case Fared:
		s.fared(a)
	case Tell:
		a.Line.Send(a.Signal)
	case Started:
		s.cfg.Events.EmitCallStarted(telemetry.CallStarted(a))
	case Answered:
		if at.media != nil {
			at.media.Talking()
		}
		s.wentUp(at)
		s.cfg.Events.EmitCallAnswered(telemetry.CallAnswered(a))
	case Rejected:
		s.cfg.Events.EmitRejected(telemetry.Rejected(a))
	case Unanswered:
		s.cfg.Events.EmitRefused(a.event(at.id))
	case Ended:
		s.release(at)
		at.ended = true
		a.Config = at.view.Version
		s.cfg.Events.EmitCallEnded(a.CallEnded)
	case Buried:
		s.bury(at, a.Tombs)
	default:
		s.executeMore(at, a)
	}
}

// executeMore is the part of execute that moves bytes and packets inside a call that is up.
func (s *Switch) executeMore(at *seat, a Action) {
	switch a := a.(type) {
	case Resend:
		if tx := at.servers.of(a.Tx); tx != nil {
			_ = tx.Resend() // lost like any datagram; the next one follows
		}
	case Settled:
		if tx := at.servers.of(a.Tx); tx != nil {
			tx.Settle()
			at.servers.drop(a.Tx)
		}
	case SendRaw:
		s.sendRaw(at, a)
	case Bind:
		s.settle(at, a.Side, a.Stream)
		if at.media != nil {
			at.media.Bind(a.Side, a.Stream)
		}
	case PlayDTMF:
		if at.media != nil {
			at.media.SendDTMF(a.Side, a.Digit, a.Duration)
		}
	case CloseMedia:
		s.closeMedia(at)
	}
}

// respond answers a server transaction.
func (s *Switch) respond(at *seat, a Respond) {
	tx := at.servers.of(a.Tx)
	if tx == nil {
		return
	}
	err := tx.Respond(a.Msg) // a lost flow reports itself
	if a.Msg.Status < 200 {
		return
	}
	if errors.Is(err, ErrRules) && a.Msg.Status < 300 && a.Msg.CSeq.Method != wire.BYE { // the peer has heard 500 of what is agreed here
		at.servers.drop(a.Tx)
		at.inbox = append(at.inbox, Stop{Cause: causeMisruled, Rule: "rules/error"})
	}
	if tx == at.invite {
		delete(s.books[at.sh.Index()].invites, tx)
		at.invite = nil
	}
	if a.Msg.Status >= 300 || a.Msg.CSeq.Method != wire.INVITE {
		at.servers.drop(a.Tx)
	}
}

// send starts a client transaction.
func (s *Switch) send(at *seat, a Send) {
	cl := &client{s: s, at: at, leg: a.Leg, tx: a.Tx, flow: s.way(a.Flow, a.Hop)}
	if a.Msg.Method == wire.INVITE {
		cl.callID, cl.tag = a.Msg.CallID, a.Msg.FromTag()
	}
	tx, err := s.request(at.sh, at.party(a.Leg), cl.flow, a.Msg, cl)
	if err != nil {
		at.inbox = append(at.inbox, Failed{Leg: a.Leg, Tx: a.Tx, Err: err})
		return
	}
	if cl.tag != "" {
		at.clients.put(a.Tx, tx)
	}
}

// sendRaw sends a request without a transaction; its Via tells the truth about the way. A lost ACK is asked for again by the next 2xx.
func (s *Switch) sendRaw(at *seat, a SendRaw) {
	f, b := s.way(a.Flow, a.Hop), a.Bytes
	if f.Transport() != a.Flow.Transport() {
		b = txn.Readdress(b, f)
	}
	_ = at.sh.Send(f, s.acknowledgement(at.party(a.Leg), f, b))
}

// wind sets the alarm of a call to the timer that is due first. One that rings too early for a timer that was stopped or set anew finds
// nothing to do: that is rarer than timers are set.
func (s *Switch) wind(at *seat) {
	next, ok := at.call.out.ticks.first()
	switch {
	case !ok:
		at.alarm.Stop()
		return
	case at.alarm.Active() && !next.due.Before(at.rings):
		return
	case at.ring == nil:
		at.ring = func() { s.rung(at) }
	}
	at.alarm.Stop()
	at.rings = next.due
	at.alarm = at.sh.After(next.due.Sub(s.cfg.now()), at.ring)
}

// rung tells a call of its timers that are due.
func (s *Switch) rung(at *seat) {
	now := s.cfg.now()
	for at.call != nil {
		next, ok := at.call.out.ticks.first()
		if !ok || next.due.After(now) {
			s.wind(at)
			return
		}
		at.call.out.ticks.stop(next.key)
		s.feed(at, Fired{next.key})
	}
}

// openMedia allocates a leg's endpoint; the first time it opens the session.
func (s *Switch) openMedia(at *seat, a AskMedia) Opened {
	if s.cfg.open == nil {
		return Opened{Side: a.Side, Err: media.ErrNoRealm}
	}
	if at.media == nil {
		core, shard := s.cfg.Core, at.sh.Index()
		at.media = s.cfg.open(string(at.id), func(said media.Event) {
			ev := Event(Media{said})
			core.PostForced(shard, func(*txn.Shard) { s.feed(at, ev) })
		})
	}
	local, err := at.media.Add(a.Side, a.At)
	return Opened{Side: a.Side, Local: local, Err: err}
}

func (s *Switch) closeMedia(at *seat) {
	if at.media == nil {
		at.inbox = append(at.inbox, Media{media.Event{Kind: media.EventClosed}})
		return
	}
	at.media.Close()
}
