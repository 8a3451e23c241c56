package b2bua

import (
	"strconv"
	"strings"

	"drawbridge/sip/wire"
)

// Rel100 is what a peer and the gateway make of reliable provisional responses (RFC 3262). Whatever it says, a caller that requires
// them gets them, and a callee that sends one gets its PRACK.
type Rel100 uint8

const (
	Rel100Off       Rel100 = iota // not asked for, and sent only to a caller that requires them
	Rel100Supported               // announced to callees, and sent to every caller that supports them
	Rel100Required                // required of callees too
)

// reliableState makes the 18x to our caller reliable (RFC 3262 section 3): one at a time, sent again until its PRACK comes.
type reliableState struct {
	on      bool
	cseq    uint32 // of the INVITE
	rseq    uint32 // of the last one sent; 0: none yet
	waits   bool   // for the PRACK to it
	every   int    // how often the interval has doubled
	carries carried
	next    bool // ringing that is due once the PRACK is in
	early   bool // with our media
	held    bool // the callee has answered; the 2xx is due once the PRACK is in
}

// carried is the session description in the 18x that waits.
type carried uint8

const (
	noSDP carried = iota
	ourAnswer
	ourOffer // the PRACK brings the answer
)

// want decides from the caller's INVITE and its profile.
func (r *reliableState) want(invite *wire.Message, profile Rel100) {
	r.cseq = invite.CSeq.Seq
	r.on = invite.HasOption("Require", "100rel") || profile != Rel100Off && invite.HasOption("Supported", "100rel")
}

// askReliable tells a callee what we make of its 18x. Preconditions need reliable ones (RFC 3312 section 11).
func askReliable(m *wire.Message, p *Party) {
	tags := m.Get("Supported")
	if p.Rel100 != Rel100Off || p.Preconditions {
		tags += ", 100rel"
	}
	if p.Preconditions {
		tags += ", precondition"
	}
	m.Set("Supported", tags)
	if p.Rel100 == Rel100Required {
		m.Add("Require", "100rel")
	}
}

// reliably marks a 18x as the next reliable one and starts its retransmission. The numbers start at random, below half of their range, and
// go up by one.
func (l *sipLeg) reliably(m *wire.Message, carries carried) {
	r := &l.rel
	if r.rseq == 0 {
		r.rseq = l.random()>>2 + 1
	} else {
		r.rseq++
	}
	m.Add("Require", "100rel")
	m.Add("RSeq", strconv.FormatUint(uint64(r.rseq), 10))
	r.waits, r.carries, r.every = true, carries, 0
	r.next, r.early = false, false
	l.start(l.id, prackTimer, t1)
	l.start(l.id, prackLimitTimer, lifetime)
}

// repeatRinging sends the 18x once more: T1 doubling without an end (RFC 3262 section 3).
func (l *sipLeg) repeatRinging() {
	if !l.rel.waits {
		return
	}
	l.do(Resend{l.uas.tx})
	l.rel.every++
	l.start(l.id, prackTimer, t1<<l.rel.every)
}

// unpracked gives up on a caller that asked for reliable responses and does not acknowledge them.
func (l *sipLeg) unpracked() []Event {
	if !l.rel.waits || l.state != Early {
		return nil
	}
	return l.ended(causeNoPrack)
}

// pracked takes a PRACK: 481 when it acknowledges nothing that is open, 200 else, also behind the final response. What was waiting for
// it goes out after its answer.
func (l *sipLeg) pracked(ev Request) []Event {
	if !l.rel.waits || !l.acknowledges(ev.Msg) {
		l.answer(ev, 481)
		return nil
	}
	carries := l.rel.carries
	l.rel.waits, l.rel.carries = false, noSDP
	l.stop(l.id, prackTimer, prackLimitTimer)
	if l.state != Early {
		l.answer(ev, 200)
		return nil
	}
	news, ok := l.prackBody(ev, carries)
	switch {
	case !ok:
	case l.rel.held:
		l.sendOK()
	case l.rel.next:
		l.Ring(l.rel.early)
	}
	return news
}

// acknowledges reports whether a PRACK means the 18x that waits (RFC 3262 section 7.2).
func (l *sipLeg) acknowledges(m *wire.Message) bool {
	w := strings.Fields(m.Get("RAck"))
	if len(w) != 3 {
		return false
	}
	rseq, err1 := strconv.ParseUint(w[0], 10, 32)
	cseq, err2 := strconv.ParseUint(w[1], 10, 32)
	return err1 == nil && err2 == nil && uint32(rseq) == l.rel.rseq && uint32(cseq) == l.rel.cseq && w[2] == string(wire.INVITE)
}

// prackBody settles what a PRACK brings: the answer to our offer, or an offer of its own once ours is answered (RFC 3262 section 5). ok
// is false when the call cannot go on.
func (l *sipLeg) prackBody(ev Request, carries carried) (news []Event, ok bool) {
	switch {
	case carries == ourOffer:
		st, err := l.sdp.Answered(ev.Msg.Body)
		l.answer(ev, 200) // it acknowledges, whatever it brings
		if err != nil {
			l.sdp.Cancel()
			return l.ended(causeBadAnswer), false
		}
		l.uas.stream, l.uas.settled = st, true
		return []Event{moved{l.id, st}}, true
	case !hasSDP(ev.Msg):
		l.answer(ev, 200)
		return nil, true
	case !l.uas.settled: // its offer in the INVITE is still unanswered
		l.answer(ev, 500, wire.Field{Name: "Retry-After", Value: "2"})
		return nil, true
	}
	sdp, st, err := l.offered(ev.Msg.Body)
	if err != nil {
		l.answer(ev, statusOf(err))
		return nil, true
	}
	l.uas.stream = st
	m := l.reply(ev.Msg, 200)
	m.ContentType, m.Body = sdpType, sdp
	l.do(Respond{ev.Tx, m})
	return []Event{moved{l.id, st}}, true
}
