package b2bua

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"drawbridge/sip/dialog"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
)

// A REFER that is passed on asks whoever is transferred to call the target. Its Refer-To is made here: a number at that side's own domain,
// or, for an attended transfer, the dialog that the target itself has with us, because no identifier of the referrer's side means anything
// there. What cannot be passed, or is refused, is carried out locally.

// passTimeout is how long whoever is transferred may leave us without a final NOTIFY. Chosen here: longer than anything rings.
const passTimeout = referExpiry * time.Second

// Questions about another call's dialog.
type (
	// AskDialog asks which dialog the far side of another call knows the goal by, if that side is To. It is answered by Mapped.
	AskDialog struct {
		Goal   dialog.Replaces
		By, To *Party
	}
	// Mapped answers AskDialog; a zero Replaces means that there is none.
	Mapped struct {
		Replaces dialog.Replaces
		Target   wire.URI
	}
)

func (AskDialog) action() {}
func (Mapped) event()     {}

// News of a REFER that was passed on.
type (
	// referAnswered: whoever is transferred has answered it; 0 is silence.
	referAnswered struct {
		leg    LegID
		status int
	}
	// referProgress: it reports how its call goes.
	referProgress struct {
		leg    LegID
		status int
		over   bool
	}
)

func (referAnswered) event() {}
func (referProgress) event() {}

// passes is the leg that the REFER in hand is passed to, nil when it is for us to carry out.
func (c *Call) passes() *sipLeg {
	far, ok := c.other(c.swap.old).(*sipLeg)
	if !ok || far.party.Refer != ReferPass || c.swap.refused || far.allows != "" && !far.takes(wire.REFER) {
		return nil
	}
	return far
}

// passOn sends the REFER on to a target of our making.
func (c *Call) passOn(far *sipLeg, to wire.URI) {
	m := far.dlg.Request(wire.REFER)
	m.Add("Refer-To", wire.Addr{URI: to}.String())
	far.refer.passed = far.send(m)
	c.swap.passed = true
	c.out.start(noLeg, ringTimer, passTimeout)
}

// numberAt is a number as the far end of a leg would dial it.
func (l *sipLeg) numberAt(number string) wire.URI {
	u := wire.URI{Scheme: "sip", User: l.party.Profile.NumberOut(number), Host: l.party.Realm.Domain}
	if u.Host == "" {
		u.Host = txn.SentByHost(l.flow)
	}
	return u
}

// mappedTo passes an attended transfer on, now that the target's own dialog is known; unknown, it is ours to carry out.
func (c *Call) mappedTo(ev Mapped) {
	if c.swap.refer == nil || c.swap.new != noLeg {
		return
	}
	far := c.passes()
	if far == nil || ev.Replaces.ID.CallID == "" {
		c.carryOut()
		return
	}
	u := ev.Target
	u.Headers = "Replaces=" + wire.Escape(ev.Replaces.String())
	c.passOn(far, u)
}

// passing takes what comes of a REFER that was passed on. true: it was all about that.
func (c *Call) passing(ev Event) bool {
	if !c.swap.passed {
		return false
	}
	l := c.legs[c.swap.old].(*sipLeg)
	switch ev := ev.(type) {
	case referAnswered:
		if ev.status/100 != 2 {
			c.swap.passed, c.swap.refused = false, true
			c.out.stop(noLeg, ringTimer)
			c.carryOut()
			return true
		}
		c.takeUp(l)
	case referProgress:
		c.takeUp(l) // its NOTIFY may come before the 2xx (RFC 6665 section 4.1.2.4)
		if !ev.over {
			l.notify(ev.status)
			return true
		}
		c.passOver(l, cmp.Or(ev.status, 480))
	case Fired:
		c.passOver(l, 480)
	case ended:
		if ev.leg != c.swap.old {
			return false
		}
		c.swap.left = true
	default:
		return false
	}
	return true
}

// takeUp tells the referrer, once, that its REFER is followed.
func (c *Call) takeUp(l *sipLeg) {
	if c.swap.refer.ev.Tx != 0 {
		l.takeUp(c.swap.refer)
		c.swap.refer.ev.Tx = 0
	}
}

// passOver is the end of it. Whoever was transferred has another call now, or has none; when the referrer has gone, this one is over.
func (c *Call) passOver(l *sipLeg, status int) {
	left := c.swap.left
	c.swap = swap{}
	c.out.stop(noLeg, ringTimer)
	l.notify(max(status, 200))
	if !left {
		return
	}
	if status < 300 {
		c.hangup(causeTransferred)
		return
	}
	c.hangup(failure(status, byGateway))
}

// progressed takes a NOTIFY of the REFER that we have sent: its first line alone is read (RFC 3420).
func (l *sipLeg) progressed(ev Request) []Event {
	m := ev.Msg
	pack, _, _ := strings.Cut(m.Get("Event"), ";")
	if l.refer.passed == 0 || strings.TrimSpace(pack) != "refer" {
		l.answer(ev, 481)
		return nil
	}
	l.dlg.Refresh(m)
	l.answer(ev, 200)
	state, _, _ := strings.Cut(m.Get("Subscription-State"), ";")
	over := strings.EqualFold(strings.TrimSpace(state), "terminated")
	status := fragStatus(m)
	if over {
		l.refer.passed = 0
		if status < 200 {
			status = 0 // it will not say how it went
		}
	}
	if status == 0 && !over {
		return nil
	}
	return []Event{referProgress{l.id, status, over || status >= 200}}
}

// fragStatus is the status of a sipfrag, 0 when it has none.
func fragStatus(m *wire.Message) int {
	rest, ok := strings.CutPrefix(string(m.Body), "SIP/2.0 ")
	if !ok || m.MediaType() != "message/sipfrag" || len(rest) < 3 {
		return 0
	}
	status, err := strconv.Atoi(rest[:3])
	if err != nil || status < 100 || status > 699 {
		return 0
	}
	return status
}

// mapped is the dialog that the far side of a call knows the goal by. It is told to nobody but that side itself.
func (c *Call) mapped(leg LegID, a AskDialog) (m Mapped) {
	l, ok := c.legs[leg].(*sipLeg)
	if !ok || l.replaceable(a.Goal, a.By) != 0 {
		return m
	}
	far, ok := c.other(leg).(*sipLeg)
	if !ok || far.dlg == nil || far.state != Confirmed || !far.party.same(a.To) {
		return m
	}
	id := far.dlg.ID()
	return Mapped{
		Replaces: dialog.Replaces{ID: dialog.ID{CallID: id.CallID, LocalTag: id.RemoteTag, RemoteTag: id.LocalTag}}, Target: far.dlg.Target(),
	}
}

// mapDialog asks the shard of another call.
func (s *Switch) mapDialog(at *seat, a AskDialog) {
	shard, ours := s.cfg.Core.ShardOf(a.Goal.ID.LocalTag)
	if !ours {
		at.inbox = append(at.inbox, Mapped{})
		return
	}
	s.cfg.Core.PostForced(shard, func(sh *txn.Shard) {
		var m Mapped
		if o := s.books[sh.Index()].tags[a.Goal.ID.LocalTag]; o != nil && o.seat != nil && o.seat.call != nil {
			m = o.seat.call.mapped(o.leg, a)
		}
		s.cfg.Core.PostForced(at.sh.Index(), func(*txn.Shard) { s.feed(at, m) })
	})
}
