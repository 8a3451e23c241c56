package b2bua

import (
	"cmp"
	"strings"

	"drawbridge/media"
	"drawbridge/media/offer"
	"drawbridge/policy"
	"drawbridge/sip/dialog"
	"drawbridge/topology"
)

// swap is a leg of a call that is up being replaced by a link to another call. There is one at a time.
//
//	REFER     this call asks: judge -> 202 -> link asks -> it rings -> its offer -> media -> BYE to who referred
//	Replaces  this call is asked, by a call made for the INVITE or by one whose leg sent a REFER: media -> offer -> answer -> BYE
type swap struct {
	on     bool
	old    LegID // who leaves
	new    LegID // the link; noLeg while policy is asked
	refer  *refer
	left   bool // who leaves has hung up already
	billed bool // who leaves pays for what goes on: a call made for its REFER, or the one that it has made itself

	passed  bool // whoever is transferred has been asked to do it
	refused bool // and has refused
}

// referred follows a REFER, if the call is where it can be.
func (c *Call) referred(ev referred) {
	l, _ := c.legs[ev.leg].(*sipLeg)
	far := c.other(ev.leg)
	switch {
	case l.party.Refer == ReferReject || !c.concerns(ev.leg) || l.refer.seen == maxReferrals:
		l.answer(ev.refer.ev, 603)
	case c.swap.on || c.phase != talking || far == nil || far.State() != Confirmed || l.state != Confirmed:
		l.answer(ev.refer.ev, 491)
	default:
		c.swap = swap{on: true, old: ev.leg, new: noLeg, refer: &ev.refer}
		c.judgeReferral(l)
	}
}

// judgeReferral asks policy about the number that somebody is to be transferred to, as if the referrer had dialled it (security.md T31).
// A dialog of our own needs no judgement: both its ends have been judged.
func (c *Call) judgeReferral(l *sipLeg) {
	r := c.swap.refer
	if r.replaces != nil {
		if far := c.passes(); far != nil {
			c.out.do(AskDialog{*r.replaces, l.party, far.party})
			return
		}
		c.carryOut()
		return
	}
	number, ok := l.party.dialled(userPart(r.to))
	if !ok {
		c.referralRefused(404)
		return
	}
	passed := c.passes() != nil
	c.out.do(AskPolicy{Again: true, Routed: passed, Ahead: !passed, Request: l.party.attempt(c.userOf(l.id), number)})
}

// referralJudged passes the REFER on, or carries it out.
func (c *Call) referralJudged(d policy.Decision) {
	if c.swap.refer == nil || c.swap.new != noLeg {
		return
	}
	if !d.Allow {
		c.referralRefused(cmp.Or(d.Status, 403))
		return
	}
	if far := c.passes(); far != nil {
		number, _ := c.legs[c.swap.old].(*sipLeg).party.dialled(userPart(c.swap.refer.to))
		c.passOn(far, far.numberAt(number))
		return
	}
	c.carryOut()
}

// carryOut looks for the target itself: the call of a dialog, or one of its own, which the referrer has made. This call is in the place of
// its caller.
func (c *Call) carryOut() {
	l := c.legs[c.swap.old].(*sipLeg)
	c.takeUp(l)
	c.partOf(c.setup.ID)
	c.swap.billed = c.swap.refer.replaces == nil || c.sideOf(l.id) == media.A
	if goal := c.swap.refer.replaces; goal != nil {
		c.ask(newAsking(c.insideCore(l.id), goal, l.party)).Dial(nil, false)
		return
	}
	number, _ := l.party.dialled(userPart(c.swap.refer.to))
	link := newAsking(c.insideCore(l.id), nil, l.party)
	link.move(Calling)
	c.ask(link)
	private := topology.Private(c.swap.refer.ev.Msg) || c.sideOf(l.id) == media.A && c.private()
	c.out.do(Spawn{link.id, &Setup{Caller: l.party, From: c.userOf(l.id), To: strings.Clone(number), Private: private, Moved: c.moved}})
}

// partOf makes the call part of a transfer, for the records of all its calls. A call that is part of one already stays so.
func (c *Call) partOf(transfer CallID) { c.moved = cmp.Or(c.moved, transfer) }

// referralRefused answers a REFER that is not followed.
func (c *Call) referralRefused(status int) {
	l := c.legs[c.swap.old].(*sipLeg)
	l.answer(c.swap.refer.ev, status)
	c.swap = swap{}
}

// ask enters a link that is to replace the leg that leaves.
func (c *Call) ask(link *linkLeg) *linkLeg {
	c.legs = append(c.legs, link)
	c.swap.new = link.id
	return link
}

// insideCore is the core of a new link on the side of a leg; it speaks what the other side speaks, if it can.
func (c *Call) insideCore(of LegID) legCore {
	id := LegID(len(c.legs))
	codec := ""
	if far := c.other(of); far != nil {
		codec = far.Record().Codec
	}
	core := newLegCore(c.out, id, inside(codec), c.cfg.serial+uint64(id))
	core.side = c.sideOf(of)
	return core
}

// joined gives the place of a leg to a link (RFC 3891 section 3).
func (c *Call) joined(ev Joining) {
	status := 481
	if l, ok := c.legs[ev.Leg].(*sipLeg); ok {
		status = l.replaceable(ev.Goal, ev.By)
	}
	switch {
	case status != 0:
	case c.phase == ending:
		status = 603
	case c.swap.on || c.phase != talking && c.phase != dialling || c.phase == talking && !c.concerns(ev.Leg):
		status = 491
	}
	if status != 0 {
		c.out.do(LinkTo{Leg: noLeg, To: ev.From, Word: linkBye, Cause: failure(status, byGateway)})
		return
	}
	c.partOf(ev.Moved)
	link := newAsked(c.insideCore(ev.Leg), ev.From, ev.By)
	c.legs = append(c.legs, link)
	if c.phase == dialling {
		c.hunt.branches = append(c.hunt.branches, link.id)
	}
	c.swap = swap{on: true, old: ev.Leg, new: link.id}
	c.swap.billed = ev.Moved != "" && link.side == media.A // an INVITE with Replaces has taken a place of its own
	c.out.do(AskMedia{link.side, link.mediaSide()})
}

// replaceable says whether a dialog may be replaced by who asks: 0, or the status owed. Only the party at its far end may: tags can be
// seen on the way, and whoever takes a dialog over hears a call.
func (l *sipLeg) replaceable(r dialog.Replaces, by *Party) int {
	switch {
	case l.dlg == nil || l.dlg.ID() != r.ID:
		return 481
	case !l.party.same(by):
		return 403
	case l.state == Gone || l.state == Ending || l.state == Cancelling:
		return 603
	case l.state == Early && l.uac == nil: // it rings because of whoever wants to replace it
		return 481
	case r.EarlyOnly && l.state != Early:
		return 486
	case l.state != Early && l.state != Confirmed:
		return 491
	}
	return 0
}

// same reports whether two legs lead to one account or trunk.
func (p *Party) same(o *Party) bool {
	return p.Name == o.Name && p.Trunk == o.Trunk && p.Realm.Name == o.Realm.Name
}

// seatLink gives a link its media, in the place of the leg that leaves. When there is none left the old leg keeps its own.
func (c *Call) seatLink(ev Opened) {
	link := c.legs[c.swap.new].(*linkLeg)
	if ev.Err != nil {
		link.Hangup(causeNoMedia)
		c.swapFailed(causeNoMedia, true)
		return
	}
	_ = link.Open(ev.Local) // keeps it, no more
	if link.asked {
		if codec, ok := offer.Lookup(c.codecBeside(c.swap.old)); ok {
			link.Suit(codec)
		}
		link.Accept()
		return
	}
	st, err := link.take()
	if err != nil {
		c.swapFailed(causeBadAnswer, false)
		return
	}
	c.replace(st)
}

// codecBeside is what the side that stays speaks.
func (c *Call) codecBeside(id LegID) string {
	if far := c.other(id); far != nil {
		return far.Record().Codec
	}
	return ""
}

// replace puts the link in the place of the leg that leaves, which is told and let go.
func (c *Call) replace(st *offer.Stream) {
	s := c.swap
	c.swap = swap{}
	old := c.legs[s.old]
	if c.a == old {
		c.a = c.legs[s.new]
	} else {
		c.b = c.legs[s.new]
	}
	c.rebind(s.new, st)
	c.out.do(Vacate{c.sideOf(s.new), s.billed})
	if l, ok := old.(*sipLeg); ok && s.refer != nil {
		l.notify(200)
	}
	old.Hangup(causeTransferred)
	c.search()
}

// swapFailed tells who referred how it went. The call goes on as it was, if both its sides are still there and have their media.
func (c *Call) swapFailed(cause Cause, whole bool) {
	s := c.swap
	c.swap = swap{}
	if l, ok := c.legs[s.old].(*sipLeg); ok && s.refer != nil {
		l.notify(cmp.Or(callerStatus(cause, l.party), 480))
	}
	if s.left || !whole {
		c.hangup(cause)
	}
}

// swapping takes what happens to the legs of a swap. true: it was all about that.
func (c *Call) swapping(ev Event) bool {
	if !c.swap.on {
		return false
	}
	if c.passing(ev) {
		return true
	}
	switch ev := ev.(type) {
	case Decided:
		c.referralJudged(ev.Decision)
	case Mapped:
		c.mappedTo(ev)
	case Opened:
		c.seatLink(ev)
	case rang:
		if l, ok := c.legs[c.swap.old].(*sipLeg); ok && ev.leg == c.swap.new {
			l.notify(180)
		}
	case linkReady:
		link := c.legs[ev.leg].(*linkLeg)
		c.out.do(AskMedia{link.side, link.mediaSide()})
	case confirmed:
		if ev.leg != c.swap.new || ev.stream == nil {
			return false
		}
		if c.phase == dialling { // it was ringing: the link is the branch that answers
			c.swap = swap{}
			c.connect(answered{leg: ev.leg, stream: ev.stream})
			return true
		}
		c.replace(ev.stream)
	case answered: // a branch that rang beside the one that is being replaced; its media is gone
		c.legs[ev.leg].Hangup(causeElsewhere)
	case refused:
		if ev.leg != c.swap.new {
			return false
		}
		c.swapFailed(ev.cause, true)
	case ended:
		if ev.leg == c.swap.new {
			c.swapFailed(ev.cause, false)
			return true
		}
		c.swap.left = true
	default:
		return false
	}
	return true
}

// leaving reports whether a leg is on its way out of a call that goes on without it.
func (c *Call) leaving(id LegID) bool { return c.swap.on && (id == c.swap.old || id == c.swap.new) }

// sideOf is the side of the media session that a leg is on.
func (c *Call) sideOf(id LegID) media.LegID {
	if c.legs[id] == c.a {
		return media.A
	}
	return media.B
}

// userOf names who is at the far end of a leg: who called, or who was called.
func (c *Call) userOf(id LegID) string {
	if l, ok := c.legs[id].(*sipLeg); ok && !l.party.Trunk {
		return l.party.Name
	}
	if c.sideOf(id) == media.A {
		return c.setup.From
	}
	return c.setup.To
}

// joins is the way to a dialog of our own that an INVITE wants to replace.
func joins(r dialog.Replaces) []Candidate {
	return []Candidate{{Callee: inside(""), Targets: []Target{{Join: &r}}, Rule: "replaces"}}
}
