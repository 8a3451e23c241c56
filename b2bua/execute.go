package b2bua

import (
	"fmt"
	"slices"

	"drawbridge/media"
	"drawbridge/policy"
	"drawbridge/sip/dialog"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
	"drawbridge/telemetry"
)

// feed takes a call one event further and executes what it asks for. Answers to its questions are events of the same turn.
func (s *Switch) feed(at *seat, ev Event) {
	if at.call == nil {
		return // it has been buried in the meantime
	}
	at.inbox = append(at.inbox, ev)
	if at.busy {
		return
	}
	at.busy = true
	for len(at.inbox) > 0 && at.call != nil {
		next := at.inbox[0]
		at.inbox = at.inbox[1:]
		s.turn(at, next)
	}
	at.busy = false
}

// turn is one event. A defect ends this call and no other: what the call had asked for is still done, because its legs count on it.
func (s *Switch) turn(at *seat, ev Event) {
	call := at.call
	sound := s.guarded(func() { call.Handle(ev, s.cfg.now()) })
	for _, a := range call.out.acts {
		sound = s.guarded(func() { s.execute(at, a) }) && sound
	}
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
		at.inbox = append(at.inbox, s.routes(a))
	case Spawn:
		s.spawn(at, a)
	case Join:
		s.join(at, a)
	case AskDialog:
		s.mapDialog(at, a)
	case Vacate:
		at.vacate(a.Side)
	case LinkTo:
		s.link(end{at, a.Leg}, a)
	case AskTarget:
		at.inbox = append(at.inbox, s.target(a))
	case AskHops:
		s.lookUp(at, a)
	case Claim:
		at.inbox = append(at.inbox, Claimed{s.claim(at, a.Trunk)})
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
		if cl := at.clients[a.Tx]; cl != nil {
			cl.Cancel(wire.Field{Name: "Reason", Value: a.Reason})
		}
	case Rest:
		s.rest(a)
	case Tell:
		a.Line.Send(a.Signal)
	case StartTimer:
		s.startTimer(at, a)
	case StopTimer:
		at.stopTimer(a.Timer)
	case Started:
		s.cfg.Events.EmitCallStarted(telemetry.CallStarted(a))
	case Answered:
		s.cfg.Events.EmitCallAnswered(telemetry.CallAnswered(a))
	case Rejected:
		s.cfg.Events.EmitRejected(telemetry.Rejected(a))
	case Ended:
		s.release(at)
		at.ended = true
		s.cfg.Events.EmitCallEnded(telemetry.CallEnded(a))
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
		if tx := at.servers[a.Tx]; tx != nil {
			_ = tx.Resend() // lost like any datagram; the next one follows
		}
	case Settled:
		if tx := at.servers[a.Tx]; tx != nil {
			tx.Settle()
			delete(at.servers, a.Tx)
		}
	case SendRaw:
		s.sendRaw(at, a)
	case Bind:
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
	tx := at.servers[a.Tx]
	if tx == nil {
		return
	}
	_ = tx.Respond(a.Msg) // a lost flow reports itself
	if a.Msg.Status < 200 {
		return
	}
	if tx == at.invite {
		delete(s.books[at.sh.Index()].invites, tx)
		at.invite = nil
	}
	if a.Msg.Status >= 300 || a.Msg.CSeq.Method != wire.INVITE {
		delete(at.servers, a.Tx)
	}
}

// send starts a client transaction.
func (s *Switch) send(at *seat, a Send) {
	cl := &client{s: s, at: at, leg: a.Leg, tx: a.Tx, flow: s.way(a.Flow, a.Hop)}
	if a.Msg.Method == wire.INVITE {
		cl.callID, cl.tag = a.Msg.CallID, a.Msg.FromTag()
	}
	tx, err := at.sh.Request(cl.flow, a.Msg, cl)
	if err != nil {
		at.inbox = append(at.inbox, Failed{Leg: a.Leg, Tx: a.Tx, Err: err})
		return
	}
	if cl.tag != "" {
		put(&at.clients, a.Tx, tx)
	}
}

// sendRaw sends a request without a transaction; its Via tells the truth about the way. A lost ACK is asked for again by the next 2xx.
func (s *Switch) sendRaw(at *seat, a SendRaw) {
	f, b := s.way(a.Flow, a.Hop), a.Bytes
	if f.Transport() != a.Flow.Transport() {
		b = txn.Readdress(b, f)
	}
	_ = at.sh.Send(f, b)
}

// endLate acknowledges and ends a 2xx to an INVITE whose call is over (RFC 3261 section 13.2.2.4). The INVITE is no longer in memory: the
// response repeats of it what a dialog needs.
func (cl *client) endLate(sh *txn.Shard, m *wire.Message) {
	if m.FromTag() != cl.tag || len(cl.late) == maxForks && !cl.late[m.ToTag()] {
		return
	}
	l := &sipLeg{legCore: legCore{outbox: &outbox{mint: sh.Token}}, flow: cl.flow, tag: cl.tag}
	invite := &wire.Message{Method: wire.INVITE, URI: m.To.URI, From: m.From, To: m.To, CallID: cl.callID, CSeq: m.CSeq}
	invite.Contact = []wire.Addr{l.contact()}
	d, err := dialog.NewUAC(invite, m)
	if err != nil {
		return
	}
	l.dlg = d
	_ = sh.Send(cl.flow, l.raw(d.Ack(m.CSeq.Seq)))
	if cl.late[m.ToTag()] || slices.Contains(cl.at.settled, m.ToTag()) {
		return
	}
	if cl.late == nil {
		cl.late = map[string]bool{}
	}
	cl.late[m.ToTag()] = true
	bye := d.Request(wire.BYE)
	bye.Add("Reason", reason(causeAbandoned))
	_, _ = sh.Request(cl.flow, bye, &client{s: cl.s, at: cl.at, flow: cl.flow}) // nobody waits for its answer
}

func (s *Switch) startTimer(at *seat, a StartTimer) {
	at.stopTimer(a.Timer)
	t := at.sh.After(a.After, func() {
		delete(at.timers, a.Timer)
		s.feed(at, Fired{a.Timer})
	})
	put(&at.timers, a.Timer, &t)
}

func (at *seat) stopTimer(key Timer) {
	if t := at.timers[key]; t != nil {
		t.Stop()
		delete(at.timers, key)
	}
}

// openMedia allocates a leg's endpoint; the first time it opens the session.
func (s *Switch) openMedia(at *seat, a AskMedia) Opened {
	if s.cfg.open == nil {
		return Opened{Side: a.Side, Err: media.ErrNoRealm}
	}
	if at.media == nil {
		core, shard := s.cfg.Core, at.sh.Index()
		at.media = s.cfg.open(string(at.id), func(ev media.Event) {
			core.PostForced(shard, func(*txn.Shard) { s.feed(at, Media{ev}) })
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

// decide asks policy, with the call counted in, so that two calls cannot take the last slot. A call that has its slot takes no other.
func (s *Switch) decide(at *seat, a AskPolicy) policy.Decision {
	r := a.Request
	if a.Again {
		d := s.cfg.Decide(r)
		if d.Allow && a.Routed && len(s.cfg.Routes(r.Realm, r.To)) == 0 {
			return policy.Decision{Status: 404, Rule: "route/none"}
		}
		return d
	}
	r.Draining = s.draining.Load()
	r.Active = int(s.admitted.Add(1)) - 1
	at.slots.admitted = true
	t := s.trunks[r.Peer]
	if t != nil && at.call.setup.Caller.Trunk && at.call.setup.Link == nil {
		r.TrunkActive, r.TrunkLimit = int(t.used.Add(1))-1, t.trunk.MaxCalls
		at.slots.a = t
	}
	d := s.cfg.Decide(r)
	if !d.Allow {
		s.release(at)
	}
	return d
}

// claim takes a slot of a trunk for leg B, and gives back the one held before.
func (s *Switch) claim(at *seat, name string) bool {
	if at.slots.b != nil {
		at.slots.b.used.Add(-1)
		at.slots.b = nil
	}
	t := s.trunks[name]
	if t == nil {
		return true
	}
	if others := int(t.used.Add(1)) - 1; t.trunk.MaxCalls > 0 && others >= t.trunk.MaxCalls {
		t.used.Add(-1)
		return false
	}
	at.slots.b = t
	return true
}

// vacate gives back the slot of a leg that has left its call.
func (at *seat) vacate(side media.LegID) {
	slot := &at.slots.b
	if side == media.A {
		slot = &at.slots.a
	}
	if *slot != nil {
		(*slot).used.Add(-1)
		*slot = nil
	}
}

// release gives back every slot of a call. It may be called twice.
func (s *Switch) release(at *seat) {
	if at.slots.admitted {
		s.admitted.Add(-1)
	}
	if at.slots.a != nil {
		at.slots.a.used.Add(-1)
	}
	if at.slots.b != nil {
		at.slots.b.used.Add(-1)
	}
	at.slots = slots{}
}

// bury forgets a call.
func (s *Switch) bury(at *seat, tombs []Tomb) {
	for key := range at.timers {
		at.stopTimer(key)
	}
	s.books[at.sh.Index()].strike(at, tombs)
	at.call, at.media, at.owners = nil, nil, nil
	at.servers, at.clients, at.inbox = nil, nil, nil
	s.active.Add(-1)
	select {
	case s.left <- struct{}{}:
	default:
	}
}

// abandon ends a call that a defect has struck: by its own means at first, by force when that fails or takes too long.
func (s *Switch) abandon(at *seat) {
	switch {
	case at.call == nil:
	case at.broken || at.call.phase == ending:
		s.discard(at)
	default:
		at.broken = true
		at.inbox = append(at.inbox, Stop{causeInternal})
		at.sh.After(2*lifetime, func() { s.discard(at) })
	}
}

// discard gives back everything a call holds without asking it.
func (s *Switch) discard(at *seat) {
	if at.call == nil {
		return
	}
	if at.invite != nil {
		_ = at.invite.Respond(wire.NewResponse(at.call.setup.Invite, 500, "", at.invite.Tag())) // a lost flow reports itself
	}
	if at.media != nil {
		s.guarded(at.media.Close)
	}
	s.unlink(at)
	s.release(at)
	if !at.ended {
		setup, times := at.call.setup, at.call.times
		s.cfg.Events.EmitCallEnded(telemetry.CallEnded{
			Call: string(at.id), From: setup.From, To: setup.To,
			Start: times.start, Answer: times.answer, End: s.cfg.now(), Cause: causeInternal,
		})
	}
	s.bury(at, nil)
}
