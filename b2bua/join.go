package b2bua

import (
	"drawbridge/media"
	"drawbridge/sip/dialog"
	"drawbridge/sip/txn"
)

// What one call asks of another. Calls never touch each other: a word goes to the shard that owns the other call.
type (
	// Spawn makes a call whose caller's side is a link to a leg of this one.
	Spawn struct {
		Leg   LegID
		Setup *Setup
	}
	// Join asks the call of a dialog for the place of the leg in it. by is who wants it.
	Join struct {
		Leg  LegID
		Goal dialog.Replaces
		By   *Party
	}
	// Vacate gives back the place of a leg that was replaced. An account keeps its place among its calls where what goes on without it is on
	// its bill (Billed): it could have any number of them by transferring each as soon as it is up.
	Vacate struct {
		Side   media.LegID
		Billed bool
	}
	// LinkTo says a word to the other end of a link.
	LinkTo struct {
		Leg   LegID
		To    end
		Word  word
		SDP   []byte
		Cause Cause

		Origin CallID // of linkCircle
	}

	// Linked is a word from the other end of a link.
	Linked struct {
		Leg   LegID
		From  end
		Word  word
		SDP   []byte
		Cause Cause

		Origin CallID
	}
	// Joining asks a call for the place of a leg.
	Joining struct {
		Leg  LegID
		From end
		Goal dialog.Replaces
		By   *Party

		Moved CallID // the transfer that who asks is part of
	}
)

func (Spawn) action()  {}
func (Join) action()   {}
func (LinkTo) action() {}
func (Vacate) action() {}

func (Linked) event()  {}
func (Joining) event() {}

// spawn makes the other call, on the same shard.
func (s *Switch) spawn(at *seat, a Spawn) {
	child := s.seat(at.sh, s.view())
	a.Setup.ID, a.Setup.Link = child.id, &end{at, a.Leg}
	at.inbox = append(at.inbox, Linked{Leg: a.Leg, From: end{child, legA}, Word: linkMade})
	s.feed(child, Invited{a.Setup})
}

// join finds the call of a dialog: our own tag names its shard (RFC 3891 section 3). 481: we know no such dialog. 603: it is over.
func (s *Switch) join(at *seat, a Join) {
	tag, from, moved := a.Goal.ID.LocalTag, end{at, a.Leg}, at.call.moved
	shard, ours := s.cfg.Core.ShardOf(tag)
	if !ours {
		at.inbox = append(at.inbox, Linked{Leg: a.Leg, Word: linkBye, Cause: failure(481, byGateway)})
		return
	}
	s.cfg.Core.PostForced(shard, func(sh *txn.Shard) {
		b := s.books[sh.Index()]
		o := b.tags[tag]
		_, over := b.tombs.find(tag)
		switch {
		case over:
			s.link(end{}, LinkTo{To: from, Word: linkBye, Cause: failure(603, byGateway)})
		case o == nil:
			s.link(end{}, LinkTo{To: from, Word: linkBye, Cause: failure(481, byGateway)})
		default:
			s.feed(o.seat, Joining{Leg: o.leg, From: from, Goal: a.Goal, By: a.By, Moved: moved})
		}
	})
}

// link takes a word to the other end of a link. A call that is gone by then says goodbye.
func (s *Switch) link(from end, a LinkTo) {
	s.cfg.Core.PostForced(a.To.seat.sh.Index(), func(*txn.Shard) {
		switch {
		case a.To.seat.call != nil:
			s.feed(a.To.seat, Linked{Leg: a.To.leg, From: from, Word: a.Word, SDP: a.SDP, Cause: a.Cause, Origin: a.Origin})
		case a.Word != linkBye && a.Word != linkCircle && from.seat != nil:
			s.link(a.To, LinkTo{To: from, Word: linkBye, Cause: causeAbandoned})
		}
	})
}

// unlink says goodbye for a call that cannot do so itself.
func (s *Switch) unlink(at *seat) {
	for i, leg := range at.call.legs {
		if l, ok := leg.(*linkLeg); ok && l.state != Gone && l.peer.seat != nil {
			s.link(end{at, LegID(i)}, LinkTo{To: l.peer, Word: linkBye, Cause: causeInternal})
		}
	}
}
