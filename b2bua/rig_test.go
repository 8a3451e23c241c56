package b2bua

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"drawbridge/media"
	"drawbridge/media/offer"
	"drawbridge/policy"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
)

// rig drives a Call without a switch: Handle alone, no transactions, no time but its own. Questions are answered at once.
type rig struct {
	t    *testing.T
	call *Call
	now  time.Time
	log  []string // what the call has asked for, one short word each

	caller   *peer
	invites  map[LegID]*wire.Message // our INVITEs, by leg
	requests map[LegID][]Send        // our requests without a final response, INVITEs included
	final    int                     // status the caller's INVITE was answered with
	acks     map[LegID]int           // ACKs sent
	ended    int                     // CDRs
	cause    Cause
	opened   int // media sessions
	closed   int
	buried   int
	noMedia  bool
	targets  int // branches of a candidate
	hunts    int // candidates
	lastTx   TxID
	finalled map[TxID]bool
	ask      []Event
	dialogs  map[LegID]*peer
	holdBye  bool // the EventClosed of media is not delivered by itself
	reliable bool // callees make their 18x reliable
	rseq     int
	timed    bool // callees have us refresh
	late     bool // the caller's INVITE has no offer
	offers   ledger
}

func newRig(t *testing.T) *rig {
	n := 0
	r := &rig{
		t: t, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), targets: 1, hunts: 1, lastTx: firstServerTx,
		invites: map[LegID]*wire.Message{}, requests: map[LegID][]Send{}, acks: map[LegID]int{},
		finalled: map[TxID]bool{}, dialogs: map[LegID]*peer{}, offers: newLedger(t),
	}
	r.call = newCall(callConfig{ring: ringLimit, session: sessionLength, allDown: 504, serial: 1}, func() string {
		n++
		return fmt.Sprintf("tok%d", n)
	})
	w := &world{t: t, peers: map[string]*peer{}}
	w.addPeer("U", "carrier", "192.0.2.2:5060", "UDP")
	r.caller = w.peers["U"]
	return r
}

// invite starts the call.
func (r *rig) invite(fields ...wire.Field) {
	m := r.caller.call("100")
	m.Fields = append(m.Fields, fields...)
	if !r.late {
		m.ContentType, m.Body = sdpType, r.caller.sdp("", false)
	}
	tx := r.served()
	r.offers.asked(legA, tx, m)
	r.feed(Invited{&Setup{
		ID: "id", From: "4711", To: "100", Invite: m, Tx: tx, Tag: "ourtag", Flow: r.caller.flow,
		Caller: &Party{Realm: Realm{Name: "carrier", Codecs: []offer.Codec{pcma}}, Name: "backup", Trunk: true, Codecs: []offer.Codec{pcma}},
	}})
}

func (r *rig) served() TxID {
	r.lastTx++
	return r.lastTx
}

// feed hands events in and answers the call's questions until it has none left.
func (r *rig) feed(ev Event) {
	r.ask = append(r.ask, ev)
	for len(r.ask) > 0 && r.buried == 0 { // the switch forgets a call that is buried
		next := r.ask[0]
		r.ask = r.ask[1:]
		for _, a := range r.call.Handle(next, r.now) {
			r.do(a)
		}
	}
}

func (r *rig) say(format string, args ...any) { r.log = append(r.log, fmt.Sprintf(format, args...)) }

func (r *rig) do(a Action) {
	if r.buried > 0 {
		r.t.Errorf("%T after the burial", a)
	}
	switch a := a.(type) {
	case AskPolicy:
		r.ask = append(r.ask, Decided{policy.Decision{Allow: true}})
	case AskRoutes:
		r.ask = append(r.ask, Routed{Candidates: r.candidates()})
	case Claim:
		r.ask = append(r.ask, Claimed{Granted: true})
	case AskMedia:
		r.opened = 1
		r.ask = append(r.ask, r.allocate(a))
	case Respond:
		r.responded(a)
	case Resend:
		r.say("a again")
	case Send:
		r.sent(a)
	case SendRaw:
		r.raw(a)
	case CancelTx:
		r.say("cancel %d", r.legOf(a.Tx))
	case Bind:
		r.say("bind %s", a.Side)
	case CloseMedia:
		r.closed++
		if !r.holdBye {
			r.ask = append(r.ask, Media{media.Event{Kind: media.EventClosed}})
		}
	case Ended:
		r.ended++
		r.cause = a.Cause
		r.say("cdr %d %s", a.Cause.SIP, a.Cause.By)
	case Buried:
		r.buried++
	default:
		r.linked(a)
	}
}

func (r *rig) candidates() []Candidate {
	var all []Candidate
	for range r.hunts {
		c := Candidate{Callee: &Party{Realm: Realm{Name: "carrier"}, Name: "acme", Trunk: true, Codecs: []offer.Codec{pcma}}}
		for i := range r.targets {
			name := string(rune('T' + i))
			r.caller.w.addPeer(name, "carrier", fmt.Sprintf("192.0.2.%d:5060", 10+i), "UDP")
			c.Targets = append(c.Targets, r.caller.w.peers[name].registered("100"))
		}
		all = append(all, c)
	}
	return all
}

func (r *rig) allocate(a AskMedia) Opened {
	if r.noMedia {
		return Opened{Side: a.Side, Err: media.ErrNoPorts}
	}
	m := &memMedia{w: r.caller.w}
	local, _ := m.Add(a.Side, a.At)
	return Opened{Side: a.Side, Local: local}
}

func (r *rig) responded(a Respond) {
	if r.finalled[a.Tx] && a.Msg.CSeq.Method != wire.INVITE {
		r.t.Errorf("two final responses: %d", a.Msg.Status)
	}
	if a.Msg.Status >= 200 {
		r.finalled[a.Tx] = true
	}
	if a.Tx == firstServerTx+1 { // the caller's INVITE
		if a.Msg.Status >= 200 {
			if r.final != 0 {
				r.t.Errorf("a second final response %d behind %d", a.Msg.Status, r.final)
			}
			r.final = a.Msg.Status
		} else if r.final != 0 {
			r.t.Errorf("%d behind the final %d", a.Msg.Status, r.final)
		}
		r.caller.heard(a.Msg)
	}
	r.offers.responded(a)
	r.say("%d %s", a.Msg.Status, a.Msg.CSeq.Method)
}

func (r *rig) sent(a Send) {
	r.requests[a.Leg] = append(r.requests[a.Leg], a)
	r.offers.sent(a)
	if a.Msg.Method == wire.INVITE && a.Msg.ToTag() == "" {
		r.invites[a.Leg] = a.Msg
		p := &peer{w: r.caller.w, name: fmt.Sprintf("b%d", a.Leg), flow: a.Flow.(*memFlow), seen: map[string]bool{}}
		p.heard(a.Msg)
		r.dialogs[a.Leg] = p
	}
	r.say("%s %d", a.Msg.Method, a.Leg)
}

func (r *rig) raw(a SendRaw) {
	m, v := wire.Read(a.Bytes, wire.CanonOptions{})
	if v.Status != 0 || m.Method != wire.ACK {
		r.t.Errorf("raw bytes that are no ACK: %s", a.Bytes)
	}
	for leg, in := range r.invites {
		if in.CallID == m.CallID {
			r.acks[leg]++
			r.say("ACK %d", leg)
		}
	}
}

func (r *rig) legOf(tx TxID) LegID {
	for leg, all := range r.requests {
		for _, s := range all {
			if s.Tx == tx {
				return leg
			}
		}
	}
	return noLeg
}

// open finds our request of a method on a leg that has no final response yet.
func (r *rig) open(leg LegID, method wire.Method) (Send, bool) {
	i := slices.IndexFunc(r.requests[leg], func(s Send) bool { return s.Msg.Method == method })
	if i < 0 {
		return Send{}, false
	}
	return r.requests[leg][i], true
}

// settle forgets a request that has its final response; a 2xx to INVITE may come again.
func (r *rig) settle(leg LegID, s Send) {
	r.requests[leg] = slices.DeleteFunc(r.requests[leg], func(o Send) bool { return o.Tx == s.Tx })
}

// answerTo lets a callee respond to our request.
func (r *rig) answerTo(leg LegID, method wire.Method, status int) {
	s, ok := r.open(leg, method)
	if !ok {
		r.t.Fatalf("no %s on leg %d to answer: %v", method, leg, r.log)
	}
	r.respondTo(leg, s, status)
}

func (r *rig) respondTo(leg LegID, s Send, status int) {
	method := s.Msg.Method
	m := wire.NewResponse(s.Msg, status, "", fmt.Sprintf("tag%d", leg))
	p := r.dialogs[leg]
	if r.reliable && method == wire.INVITE && s.Msg.ToTag() == "" && status < 200 && status > 100 {
		r.rseq++
		m.Add("Require", "100rel")
		m.Add("RSeq", strconv.Itoa(r.rseq))
	}
	if r.timed && status == 200 {
		m.Add("Require", "timer")
		m.Add("Session-Expires", "120;refresher=uac")
	}
	if method == wire.INVITE && status < 300 {
		m.Contact = []wire.Addr{{URI: p.contact()}}
		if status >= 183 {
			m.ContentType, m.Body = sdpType, p.sdp("", true)
		}
	}
	if status >= 200 && !(method == wire.INVITE && status < 300 && s.Msg.ToTag() == "") {
		r.settle(leg, s)
	}
	r.offers.answered(leg, s, m)
	r.feed(Response{Leg: leg, Tx: s.Tx, Msg: m})
}

// inDialog lets one of the two sides send a request inside its dialog.
func (r *rig) inDialog(leg LegID, method wire.Method) { r.speak(leg, method, false) }

// speak is inDialog, with SDP if wanted.
func (r *rig) speak(leg LegID, method wire.Method, sdp bool) {
	p := r.caller
	if leg != legA {
		p = r.dialogs[leg]
		p.local.Params = nil
		p.local.Params.Set("tag", fmt.Sprintf("tag%d", leg))
	}
	tx := TxID(0)
	m := p.request(method, p.invSeq)
	if method != wire.ACK {
		tx = r.served()
		m = p.within(method)
	}
	if method == wire.PRACK {
		m.Add("RAck", p.rack)
	}
	if method == wire.REFER {
		m.Add("Refer-To", "<sip:300@example.com>")
	}
	if sdp && (method == wire.INVITE || method == wire.UPDATE || method == wire.ACK || method == wire.PRACK) {
		m.ContentType, m.Body = sdpType, p.sdp("", method == wire.ACK || method == wire.PRACK)
	}
	r.offers.asked(leg, tx, m)
	r.feed(Request{Leg: leg, Tx: tx, Flow: p.flow, Msg: m})
}

// fire lets a running timer fire.
func (r *rig) fire(key Timer) {
	ticks := &r.call.out.ticks
	i := slices.IndexFunc(*ticks, func(t ticking) bool { return t.key == key })
	if i < 0 {
		r.t.Fatalf("timer %+v does not run: %v", key, *ticks)
	}
	if due := (*ticks)[i].due; due.After(r.now) {
		r.now = due
	}
	ticks.stop(key)
	r.feed(Fired{key})
}

var timerNames = map[string]TimerKind{
	"ring": ringTimer, "progress": progressTimer, "refresh": refreshTimer, "repeat": repeatTimer, "ack": ackTimer,
	"cancel": cancelTimer, "patience": patienceTimer, "prack": prackTimer, "unpracked": prackLimitTimer, "session": sessionTimer, "expiry": expiryTimer,
}

// play runs steps such as "invite; 1 180; cancel; a ACK; 1 BYE; 1 timeout; fire 1 progress; stop".
func (r *rig) play(steps string) {
	for step := range strings.SplitSeq(steps, ";") {
		w := strings.Fields(step)
		switch w[0] {
		case "invite":
			r.invite()
		case "reliable":
			r.invite(wire.Field{Name: "Require", Value: "100rel"})
		case "cancel":
			r.feed(Cancelled{})
		case "stop":
			r.feed(Stop{Cause: causeDraining})
		case "link":
			r.hear(legNumber(w[1]), w[2])
		case "joining":
			r.join(legNumber(w[1]))
		case "closed":
			r.feed(Media{media.Event{Kind: media.EventClosed}})
		case "fire":
			leg := noLeg
			if w[1] != "call" {
				leg = legNumber(w[1])
			}
			r.fire(Timer{leg, timerNames[w[2]]})
		default:
			r.peerStep(legNumber(w[0]), w[1:])
		}
	}
}

func legNumber(s string) LegID {
	if s == "a" {
		return legA
	}
	n, _ := strconv.Atoi(s)
	return LegID(n)
}

func (r *rig) peerStep(leg LegID, w []string) {
	status, err := strconv.Atoi(w[0])
	switch {
	case err == nil:
		method := wire.INVITE
		if len(w) > 1 {
			method = wire.Method(w[1])
		}
		r.answerTo(leg, method, status)
	case w[0] == "timeout" || w[0] == "broken":
		r.unanswered(leg, w[0])
	case w[0] == "lost":
		r.feed(Lost{Leg: leg})
	default:
		r.inDialog(leg, wire.Method(w[0]))
	}
}

func (r *rig) unanswered(leg LegID, why string) {
	err := txn.ErrTimeout
	if why == "broken" {
		err = txn.ErrFlowLost
	}
	s := r.requests[leg][0]
	r.settle(leg, s)
	r.feed(Failed{Leg: leg, Tx: s.Tx, Err: err})
}
