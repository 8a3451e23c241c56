package b2bua

import (
	"drawbridge/sip/wire"
	"drawbridge/telemetry"
)

// bury forgets a call.
func (s *Switch) bury(at *seat, tombs []Tomb) {
	at.alarm.Stop()
	s.books[at.sh.Index()].strike(at, tombs)
	for _, n := range at.clients {
		n.tx.Pack()
	}
	at.call, at.media, at.owners = nil, nil, nil
	at.servers, at.clients, at.ring = nil, nil, nil
	at.view.calls.Add(-1)
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
		at.inbox = append(at.inbox, Stop{Cause: causeInternal})
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
		s.cfg.Events.EmitCallEnded(&telemetry.CallEnded{
			Call: string(at.id), Config: at.view.Version, From: setup.From, To: setup.To,
			Start: times.start, Answer: times.answer, End: s.cfg.now(), Cause: causeInternal,
		})
	}
	s.bury(at, nil)
}
