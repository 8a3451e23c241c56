package b2bua

import (
	"time"

	"drawbridge/policy"
	"drawbridge/sip/dialog"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
	"drawbridge/topology"
)

// Chosen here.
const (
	defaultSubscription = 3600 // seconds, where nobody says how long (RFC 6665 leaves it to the package; so do ours)
	maxSubscription     = 24 * 3600
	maxNotifying        = 16 // NOTIFYs of one subscription without an answer
)

// subscription is a light dialog pair (RFC 6665): the near side subscribes to us, we subscribe to the far side, and what is notified there
// is notified here under our name. Each side's requests are settled on that side. It belongs to the shard of its tags.
//
//	asking -> lasting -> over
//	   |         |         ^
//	   +---------+---------+   refused, terminated, expired, a side is gone
//
// One dialog carries one subscription: its reuse is what RFC 6665 section 4.5.1 does away with.
type subscription struct {
	s     *Switch
	sh    *txn.Shard
	setup Setup
	event topology.Event // as the near side knows it, with its id
	near  usage
	far   usage

	ask       *petitioner   // the near side's SUBSCRIBE that waits for its answer
	hunt      *errand       // while no far side has taken us
	sent      *wire.Message // the SUBSCRIBE to the target at hand
	until     txn.Timer
	notifying int
	over      bool
}

// usage is one side's dialog.
type usage struct {
	party *Party
	flow  txn.Flow
	tag   string         // ours
	dlg   *dialog.Dialog // nil until the far side has answered or notified
}

// petitioner is a SUBSCRIBE without an answer.
type petitioner struct {
	tx  *txn.Server
	msg *wire.Message
}

// subscribe begins a subscription.
func (s *Switch) subscribe(sh *txn.Shard, tx *txn.Server, f txn.Flow, m *wire.Message) {
	setup, found, ok := s.petition(tx, f, m)
	if !ok {
		return
	}
	u := &subscription{s: s, sh: sh, setup: setup, ask: &petitioner{tx, m}}
	u.event, _ = topology.ParseEvent(m.Get("Event")) // petition has read it
	u.near = usage{party: setup.Caller, flow: f, tag: tx.Tag()}
	var err error
	u.near.dlg, err = dialog.NewUAS(m, u.near.tag, contactAt(f, u.near.tag))
	no := u.inadmissible(err)
	if no == nil && !s.subscriptions.take(setup.Caller.id(), setup.Caller.share(accountSubscriptions, trunkSubscriptions)) {
		no = &policy.Decision{Status: 403, Reason: "Too Many Subscriptions", Rule: "limits/subscriptions"}
	}
	if no != nil {
		s.turnDown(tx, f, m, no)
		return
	}
	u.book().enter(u, u.near)
	u.hunt = &errand{s: s, sh: sh, setup: setup, left: oneByOne(found), build: u.request, over: u.answered}
	u.hunt.start()
}

// inadmissible is what is wrong with a first SUBSCRIBE beside what every petition is asked for.
func (u *subscription) inadmissible(noDialog error) *policy.Decision {
	switch {
	case noDialog != nil:
		return &policy.Decision{Status: 400, Rule: "subscribe/contact"}
	case !wants(u.ask.msg.Values("Accept"), u.event.Media()):
		return &policy.Decision{Status: 406, Rule: "content/accept"}
	}
	return nil
}

// oneByOne asks the devices of an account one after the other: a subscription has one notifier.
func oneByOne(all []Candidate) []Candidate {
	var out []Candidate
	for _, c := range all {
		if c.unresolved() {
			out = append(out, c)
		}
		for _, t := range c.Targets {
			out = append(out, Candidate{Callee: c.Callee, Targets: []Target{t}, Rule: c.Rule})
		}
	}
	return out
}

// request is the SUBSCRIBE to one target. A target asked before it is forgotten: what it notifies belongs to nobody.
func (u *subscription) request(c Candidate, t Target) *wire.Message {
	b := u.book()
	b.leave(u, u.far)
	u.far = usage{party: c.Callee, flow: t.Flow, tag: u.sh.Token()}
	b.enter(u, u.far)
	m := u.hunt.request(u.ask.msg, c, t)
	m.From.Params.Set("tag", u.far.tag)
	m.Contact = []wire.Addr{contactAt(t.Flow, u.far.tag)}
	u.sent = m
	return m
}

// answered takes what the first SUBSCRIBE has come to.
func (u *subscription) answered(o outcomeOfErrand) {
	switch {
	case o.silent:
		u.end() // no answer is owed any more
		return
	case o.answer == nil || o.answer.Status >= 300:
		_ = u.ask.tx.Respond(nearAnswer(u.ask.msg, u.near.tag, o, u.near.party))
		u.end()
		return
	case o.sent.FromTag() != u.far.tag: // a target that was given up has agreed after all, too late
		u.answered(outcomeOfErrand{})
		return
	}
	d, err := dialog.NewUAC(o.sent, o.answer)
	if err != nil {
		u.answered(outcomeOfErrand{})
		return
	}
	u.far.dlg = d
	u.accept(o.answer.Expires)
}

// accept answers the near side's SUBSCRIBE: its wish, unless the far side allows less.
func (u *subscription) accept(granted int) {
	p := u.ask
	u.ask = nil
	a := wire.NewResponse(p.msg, 200, "", u.near.tag)
	a.Contact = []wire.Addr{u.near.dlg.Contact()}
	a.Expires = lasting(p.msg.Expires, granted)
	u.near.dlg.Established()
	_ = p.tx.Respond(a) // a lost flow reports itself
	u.keep(a.Expires)
}

// lasting is how long a subscription is granted, in seconds.
func lasting(wish, granted int) int {
	if wish < 0 {
		wish = defaultSubscription
	}
	if granted >= 0 {
		wish = min(wish, granted)
	}
	return min(wish, maxSubscription)
}

// keep lets the subscription run for so many seconds, and as long again as its last NOTIFY may take.
func (u *subscription) keep(expires int) {
	if u.over { // the near side was not to be reached with what has just come
		return
	}
	u.until.Stop()
	u.until = u.sh.After(time.Duration(expires)*time.Second+lifetime, u.expired)
}

// expired ends a subscription that nobody has refreshed.
func (u *subscription) expired() {
	u.lapse("timeout")
	u.end()
}

// side is the half of the subscription that a tag of ours belongs to.
func (u *subscription) side(tag string) *usage {
	if tag == u.far.tag {
		return &u.far
	}
	return &u.near
}

// inDialog serves a request with one of our two tags.
func (u *subscription) inDialog(tx *txn.Server, f txn.Flow, m *wire.Message) {
	side := u.side(m.ToTag())
	switch {
	case tx == nil: // an ACK means nothing here
	case !sameSource(side.party, side.flow, f):
		reply(tx, m, 481)
	case side == &u.near && m.Method == wire.SUBSCRIBE:
		u.refreshed(tx, m)
	case side == &u.far && m.Method == wire.NOTIFY:
		u.notified(tx, m)
	case m.Method == wire.OPTIONS && side.dlg != nil && side.dlg.Matches(m):
		reply(tx, m, 200, capabilities()...)
	case side.dlg == nil || !side.dlg.Matches(m) || m.Method == wire.BYE || m.Method == wire.NOTIFY:
		reply(tx, m, 481)
	default:
		reply(tx, m, 405, wire.Field{Name: "Allow", Value: "SUBSCRIBE, NOTIFY, OPTIONS"})
	}
}

// refreshed passes a SUBSCRIBE inside the near dialog on: a refresh, or the end with Expires 0.
func (u *subscription) refreshed(tx *txn.Server, m *wire.Message) {
	e, ok := topology.ParseEvent(m.Get("Event"))
	switch {
	case !u.near.dlg.Matches(m):
		reply(tx, m, 481)
		return
	case !ok || e != u.event:
		reply(tx, m, 489, wire.Field{Name: "Allow-Events", Value: topology.AllowEvents})
		return
	case u.near.dlg.Accept(m) != 0 || u.ask != nil || u.far.dlg == nil: // out of order, or another one waits (RFC 3261 section 12.2.2)
		reply(tx, m, 500, wire.Field{Name: "Retry-After", Value: "1"})
		return
	}
	u.near.dlg.Refresh(m)
	u.ask = &petitioner{tx, m}
	u.resubscribe(m.Expires, u.prolonged)
}

// resubscribe sends a SUBSCRIBE inside the far dialog.
func (u *subscription) resubscribe(expires int, over func(*wire.Message)) {
	m := u.far.dlg.Request(wire.SUBSCRIBE)
	m.Expires = expires
	m.Add("Event", u.event.Package)
	m.Add("Accept", u.event.Media())
	u.inside(&u.far, m, over)
}

// inside sends a request in one of the two dialogs; over gets its final response, or nil.
func (u *subscription) inside(side *usage, m *wire.Message, over func(*wire.Message)) {
	f := u.s.way(side.flow, hopOf(side.party, side.flow, side.dlg))
	q := &query{s: u.s, sh: u.sh, party: side.party, flow: f, dlg: side.dlg, msg: m, over: over}
	q.keyed(side.party)
	q.send()
}

// prolonged answers a refresh with what the far side says to it.
func (u *subscription) prolonged(m *wire.Message) {
	switch {
	case u.over || u.ask == nil:
	case m == nil: // silence, or no way there: no answer is owed, the subscription runs out
		u.ask = nil
	case m.Status < 300:
		u.far.dlg.Refresh(m)
		u.accept(m.Expires)
	case gone(m.Status):
		_ = u.ask.tx.Respond(wire.NewResponse(u.ask.msg, 481, "", u.near.tag))
		u.ask = nil
		u.expired()
	default:
		_ = u.ask.tx.Respond(nearAnswer(u.ask.msg, u.near.tag, outcomeOfErrand{answer: m}, u.near.party))
		u.ask = nil
	}
}

// withdraw ends the far side's half, because the near side has gone.
func (u *subscription) withdraw() {
	if u.far.dlg != nil {
		u.resubscribe(0, func(*wire.Message) {})
	}
	u.end()
}

// deactivate ends a subscription because the gateway stops. Its subscriber may come back at once, to another gateway (RFC 6665 section
// 4.1.3).
func (u *subscription) deactivate() {
	if u.over {
		return
	}
	if u.ask != nil {
		a := wire.NewResponse(u.ask.msg, 503, "", u.near.tag)
		a.Fields = append(a.Fields, retryAfter())
		_ = u.ask.tx.Respond(a) // a lost flow reports itself
		u.ask = nil
	}
	if u.far.dlg != nil {
		u.lapse("deactivated")
	}
	u.withdraw()
}

// lapse tells the near side that its subscription is over.
func (u *subscription) lapse(reason string) {
	u.tell(topology.State{Word: "terminated", Reason: reason, Expires: -1, RetryAfter: -1}, "", nil)
}

// flowLost ends a subscription one of whose connections has gone. A subscriber that is still there may come back at once.
func (u *subscription) flowLost(key txn.FlowKey) {
	if u.near.flow.Key() == key {
		u.withdraw()
		return
	}
	if u.ask == nil || u.far.dlg != nil {
		u.lapse("deactivated")
		u.end()
	} // else the errand hears of it and goes on
}

// end forgets the subscription.
func (u *subscription) end() {
	if u.over {
		return
	}
	u.over = true
	u.until.Stop()
	if u.hunt != nil {
		u.hunt.abandon()
	}
	b := u.book()
	b.leave(u, u.near)
	b.leave(u, u.far)
	u.s.subscriptions.give(u.setup.Caller.id())
}

func (u *subscription) book() *subscriptions { return u.s.books[u.sh.Index()].subs }
