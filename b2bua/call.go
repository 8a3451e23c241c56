package b2bua

import (
	"time"

	"drawbridge/media"
	"drawbridge/media/offer"
	"drawbridge/policy"
	"drawbridge/sip/wire"
	"drawbridge/telemetry"
)

// phase is where a call stands.
type phase uint8

const (
	admitting phase = iota
	routing
	opening
	dialling
	answering
	talking
	ending
)

var phaseNames = [ending + 1]string{"admitting", "routing", "opening", "dialling", "answering", "talking", "ending"}

func (p phase) String() string { return phaseNames[p] }

// Call pairs the caller's leg with the callee's. It lives on one shard and is touched by that shard's goroutine alone.
type Call struct {
	out   *outbox
	cfg   callConfig
	setup Setup
	phase phase

	legs []Leg // by LegID
	a    Leg   // legs[0]
	b    Leg   // the callee's leg, once it has answered

	origin origin // the caller's INVITE, once setup no longer has it
	hunt   hunt
	swap   swap
	met    Leg // who answered first: the callee of the CDR
	times  times
	media  mediaState
	over   closing
}

// callConfig is what a call takes from its switch at INVITE and keeps till BYE.
type callConfig struct {
	ring    time.Duration
	session time.Duration
	serial  uint64 // o= session ids of the legs start here
}

// times of the CDR.
type times struct{ start, answer time.Time }

// mediaState says what of the media session exists.
type mediaState struct {
	open   bool
	early  bool // the callee's side is bound from a preview
	stats  [2]media.LegStats
	closed bool
}

// newCall returns a call that waits for its Invited event. mint makes the tokens of its shard.
func newCall(cfg callConfig, mint func() string) *Call {
	return &Call{cfg: cfg, out: &outbox{mint: mint}}
}

// Handle takes the call one event further and returns what is to be done, in order. It is pure: now is the only clock it knows.
func (c *Call) Handle(ev Event, now time.Time) []Action {
	c.out.now, c.out.acts = now, nil
	for _, e := range c.atLeg(ev) {
		c.next(e)
	}
	c.bury()
	return c.out.acts
}

// atLeg lets the leg that an event is addressed to settle it first; what comes back is for the coordinator.
func (c *Call) atLeg(ev Event) []Event {
	id := noLeg
	switch ev := ev.(type) {
	case Request:
		id = ev.Leg
	case Response:
		id = ev.Leg
	case Failed:
		id = ev.Leg
	case Heard:
		id = ev.Leg
	case Lost:
		id = ev.Leg
	case Linked:
		id = ev.Leg
	case Cancelled:
		id = legA
	case Fired:
		id = ev.Timer.Leg
	}
	if id == noLeg {
		return []Event{ev}
	}
	if int(id) >= len(c.legs) {
		return nil
	}
	return c.legs[id].Handle(ev)
}

// next takes the call one event further. The phases are in wire order.
func (c *Call) next(ev Event) {
	if cause, over := c.interrupted(ev); over {
		c.hangup(cause)
		return
	}
	if j, ok := ev.(Joining); ok { // another call wants the place of one of our legs
		c.joined(j)
		return
	}
	if w, ok := ev.(circled); ok {
		c.circled(w)
		return
	}
	switch c.phase {
	case admitting: // policy: may this caller call at all?
		c.admit(ev)
	case routing: // policy/route: candidates, best first
		c.route(ev)
	case opening: // media: the caller's endpoint, and the answer to its offer
		c.openMedia(ev)
	case dialling: // the callee's INVITE: forks, failover through the candidates
		c.dial(ev)
	case answering: // the caller has its 2xx; wait for the ACK
		c.answer(ev)
	case talking: // re-offers, digits, until somebody hangs up
		c.talk(ev)
	case ending: // one cause: both legs, media, one CallEnded
		c.end(ev)
	}
}

// interrupted says whether an event ends the call whatever it was about to do.
func (c *Call) interrupted(ev Event) (Cause, bool) {
	if c.phase == ending {
		return Cause{}, false
	}
	switch ev := ev.(type) {
	case cancelled:
		return ev.cause, true
	case ended:
		return ev.cause, c.concerns(ev.leg) && !c.leaving(ev.leg)
	case Stop:
		return ev.Cause, true
	case Media:
		switch ev.Event.Kind {
		case media.EventFailed:
			return Cause{SIP: 500, Q850: 41, Text: "media failed: " + ev.Event.Reason, By: byGateway}, true
		case media.EventClosed: // the media plane stops under us
			c.media.closed, c.media.stats = true, ev.Event.Stats
			return causeNoMedia, true
		case media.EventICE, media.EventDTLS, media.EventRTP, media.EventDTMF: // report's
		}
	}
	return Cause{}, false
}

// concerns tells the legs of the call from branches that have lost.
func (c *Call) concerns(id LegID) bool { return c.b == nil || c.legs[id] == c.a || c.legs[id] == c.b }

func (c *Call) admit(ev Event) {
	switch ev := ev.(type) {
	case Invited:
		c.begin(ev.Setup)
		if no := ev.Setup.Refusal; no != nil {
			c.refuse(*no)
			return
		}
		c.out.do(AskPolicy{Request: policy.Request{
			Method: string(wire.INVITE), Realm: c.setup.Caller.Realm.Name, Peer: c.setup.Caller.Name, From: c.setup.From, To: c.setup.To,
		}})
	case Decided:
		if !ev.Decision.Allow {
			c.refuse(ev.Decision)
			return
		}
		c.phase = routing
		if r := c.setup.Replaces; r != nil {
			c.route(Routed{Candidates: joins(*r)})
			return
		}
		c.out.do(AskRoutes{Realm: c.setup.Caller.Realm.Name, Number: c.setup.To})
	}
}

// begin makes the caller's leg and reports the attempt.
func (c *Call) begin(s Setup) {
	c.setup, c.times.start = s, c.out.now
	switch {
	case s.Link != nil:
		c.a = newAsked(newLegCore(c.out, legA, inside(""), c.cfg.serial), *s.Link, s.Caller)
	case s.Line != nil:
		c.a = newCallerLine(newLegCore(c.out, legA, s.Caller, c.cfg.serial), s)
	default:
		c.a = newUAS(newLegCore(c.out, legA, s.Caller, c.cfg.serial), s, c.cfg.session)
	}
	c.legs = append(c.legs, c.a)
	c.out.do(Started(telemetry.CallStarted{Call: string(s.ID), At: c.out.now, From: s.From, To: s.To, A: c.a.Record()}))
}

func (c *Call) route(ev Event) {
	found, ok := ev.(Routed)
	if !ok {
		return
	}
	if len(found.Candidates) == 0 {
		c.over.rule = found.Rule
		c.hangup(failure(found.Status, byGateway))
		return
	}
	ways, no := c.passable(found.Candidates)
	if no != nil {
		c.refuse(*no)
		return
	}
	c.hunt.candidates = ways
	c.phase = opening
	c.out.do(AskMedia{media.A, c.setup.mediaSide()})
}

// mediaSide is where the caller's media is.
func (s Setup) mediaSide() media.Side {
	if s.Link != nil {
		return inside("").mediaSide()
	}
	return s.Caller.mediaSide()
}

func (p Party) mediaSide() media.Side {
	return media.Side{Realm: p.Realm.Name, Profile: p.profile()}
}

func (c *Call) openMedia(ev Event) {
	switch ev := ev.(type) {
	case Opened:
		c.open(ev)
	case moved:
		c.reserved(ev)
	case Fired:
		c.hangup(causeUnreserved)
	}
}

// open settles the caller's offer before anybody is disturbed.
func (c *Call) open(ev Opened) {
	c.media.open = true
	if ev.Err != nil {
		c.noMedia()
		return
	}
	if err := c.a.Open(ev.Local); err != nil {
		c.hangup(failure(statusOf(err), byGateway))
		return
	}
	c.proceed()
}

// dial sees the candidates through until one answers.
func (c *Call) dial(ev Event) {
	if c.swapping(ev) {
		return
	}
	switch ev := ev.(type) {
	case Found:
		c.found(ev)
	case Claimed:
		c.claimed(ev)
	case Decided: // about a target that a trunk has named
		c.judged(ev.Decision)
	case Routed:
		c.rerouted(ev)
	case Opened:
		c.fork(ev)
	case rang:
		c.alert(ev)
	case answered:
		c.connect(ev)
	case refused:
		c.branchFailed(ev)
	case moved:
		c.preview(ev)
	case Fired:
		c.waited(ev.Timer)
	case Media:
		c.report(ev.Event)
	}
}

// waited: DNS has not answered in time, or nobody has answered the call.
func (c *Call) waited(t Timer) {
	if t.Kind == lookupTimer {
		c.found(Found{Round: c.hunt.round})
		return
	}
	c.hangup(causeNoAnswer)
}

// alert passes the ringing on. To the caller it is one dialog with one SDP, however many branches ring and however often they fork:
// its media is switched to whoever spoke of media last.
func (c *Call) alert(ev rang) {
	c.hunt.alerted = true
	if ev.early != nil {
		c.out.do(Bind{media.B, *ev.early})
		c.media.early = true
	}
	c.a.Ring(c.media.early)
}

// preview takes a stream that was renegotiated before the answer: the caller's own, or a branch's early one.
func (c *Call) preview(ev moved) {
	c.out.do(Bind{c.sideOf(ev.leg), ev.stream})
	if ev.leg != legA && !c.media.early {
		c.media.early = true
		c.a.Ring(true)
	}
}

// connect takes the first branch that answers, lets the others go and answers the caller.
func (c *Call) connect(ev answered) {
	c.b = c.legs[ev.leg]
	c.met = c.b
	for _, id := range c.hunt.branches {
		if id != ev.leg {
			c.legs[id].Hangup(causeElsewhere)
		}
	}
	c.out.stop(noLeg, ringTimer)
	c.out.do(Bind{media.B, ev.stream})
	c.phase, c.times.answer = answering, c.out.now
	if l, ok := c.a.(*linkLeg); ok {
		l.prefer(ev.stream.Send.Name)
	}
	if st := c.a.Accept(); st != nil {
		c.out.do(Bind{media.A, *st})
	}
	c.out.do(Answered(telemetry.CallAnswered{Call: string(c.setup.ID), At: c.out.now}))
	if c.a.State() == Confirmed { // a JSON line has no ACK to wait for
		c.phase = talking
	}
	c.search()
}

func (c *Call) answer(ev Event) {
	up, ok := ev.(confirmed)
	if !ok {
		c.talk(ev) // the callee's side may talk already
		return
	}
	if up.stream != nil {
		c.out.do(Bind{media.A, *up.stream})
	}
	c.phase = talking
	c.search()
}

// talk settles what arises on one leg on that leg; the other one learns what its media needs to know.
func (c *Call) talk(ev Event) {
	if c.swapping(ev) {
		return
	}
	switch ev := ev.(type) {
	case confirmed:
		if ev.stream != nil {
			c.rebind(ev.leg, *ev.stream)
		}
	case moved:
		c.rebind(ev.leg, ev.stream)
	case dialled:
		c.play(ev)
	case referred:
		c.referred(ev)
	case said:
		c.pass(ev)
	case heard:
		c.hear(ev)
	case answered: // a branch that answered too late
		c.legs[ev.leg].Hangup(causeElsewhere)
	case Media:
		c.report(ev.Event)
	}
}

// rebind gives the media plane a leg's new stream; who watches the other side learns of hold.
func (c *Call) rebind(id LegID, st offer.Stream) {
	if !c.concerns(id) {
		return
	}
	c.out.do(Bind{c.sideOf(id), st})
	if l, ok := c.other(id).(watcher); ok {
		l.farHold(!st.MaySend)
	}
}

// play sends digits that came by signalling towards the other leg.
func (c *Call) play(ev dialled) {
	if !c.concerns(ev.leg) {
		return
	}
	to := media.A
	if c.sideOf(ev.leg) == media.A {
		to = media.B
	}
	for _, d := range ev.digits {
		c.out.do(PlayDTMF{to, d.key, d.duration})
	}
	if l, ok := c.other(ev.leg).(watcher); ok {
		l.digits(ev.digits)
	}
}

// report passes on what media has seen: a leg's own stages, and digits heard on the far side.
func (c *Call) report(ev media.Event) {
	own, far := c.a, c.b
	if ev.Leg == media.B {
		own, far = far, own
	}
	switch ev.Kind {
	case media.EventICE, media.EventDTLS, media.EventRTP:
		if l, ok := own.(watcher); ok {
			l.stage(ev.Kind)
		}
	case media.EventDTMF:
		if l, ok := far.(watcher); ok {
			l.digits([]digit{{key: ev.Digit}})
		}
	case media.EventFailed, media.EventClosed: // interrupted has ended the call
	}
}

// other is the leg on the far side of id, nil while there is none.
func (c *Call) other(id LegID) Leg {
	if c.sideOf(id) == media.A {
		return c.b
	}
	return c.a
}
