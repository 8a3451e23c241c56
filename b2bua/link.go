package b2bua

import (
	"drawbridge/media"
	"drawbridge/media/offer"
	"drawbridge/sip/dialog"
	"drawbridge/sip/wire"
	"drawbridge/telemetry"
)

// linkLeg joins two calls of this gateway: it is a leg of each, and what one says the other hears, on whatever shard it lives. A transfer
// is made of such pairs: the leg that leaves a call is replaced by a link to the call in which the new far end is. Their media meet on
// loopback (media.Inside), so neither far end sees anything of it: no re-INVITE, no new address, no changed SDP.
//
//	asks      Idle -> Calling -> Early -> Confirmed -> Gone
//	is asked  Trying -> Early -> Accepted (offer said) -> Confirmed -> Gone
//
// Who is asked makes the offer, because it knows last what it will carry; nothing is allocated on the asking side before.
type linkLeg struct {
	legCore
	peer   end
	asked  bool             // the other call has asked for us
	goal   *dialog.Replaces // asks: the dialog whose place is wanted; nil when the other call is made for us
	by     *Party           // asks: who wants it; is asked: whom the CDR shows
	open   bool             // it has its media address
	remote []byte           // asks: the offer, while our address is missing
}

// end is the other leg of a link. Only the shard of its call looks inside.
type end struct {
	seat *seat
	leg  LegID
}

// word is what a link leg says to the other one.
type word uint8

const (
	linkMade   word = iota // to who asks: the other call is there
	linkRang               // to who asks
	linkOffer              // to who asks: the new far end has answered
	linkAnswer             // to who was asked
	linkBye                // either way: refusal, cancel or hang-up
	linkCircle             // either way: the word of a call that looks for a ring
)

// inside is who is at the far end of a link, as far as media is concerned. codec is what the call at this end speaks already.
func inside(codec string) *Party {
	p := &Party{Realm: Realm{Name: media.Inside, AllowLoopback: true}}
	for _, name := range []string{codec, "opus", "G722", "PCMA", "PCMU"} {
		if c, ok := offer.Lookup(name); ok && !speaks(p.Codecs, name) {
			p.Codecs = append(p.Codecs, c)
		}
	}
	return p
}

func speaks(codecs []offer.Codec, name string) bool {
	for _, c := range codecs {
		if c.Name == name {
			return true
		}
	}
	return false
}

// newAsking is a leg that looks for its other end: goal names it, or a call is made for it.
func newAsking(core legCore, goal *dialog.Replaces, by *Party) *linkLeg {
	return &linkLeg{legCore: core, goal: goal, by: by}
}

// newAsked is a leg for a call that wants to be joined to this one.
func newAsked(core legCore, from end, by *Party) *linkLeg {
	l := &linkLeg{legCore: core, peer: from, asked: true, by: by}
	l.move(Trying)
	return l
}

// Handle takes a word of the other leg.
func (l *linkLeg) Handle(ev Event) []Event {
	in, ok := ev.(Linked)
	if !ok {
		return nil
	}
	if l.state == Gone {
		if in.Word != linkBye && in.Word != linkCircle { // it did not know yet
			l.do(LinkTo{Leg: l.id, To: in.From, Word: linkBye, Cause: causeAbandoned})
		}
		return nil
	}
	l.peer = in.From
	switch in.Word {
	case linkMade:
	case linkCircle:
		return []Event{circled{l.id, in.Origin}}
	case linkRang:
		if l.state == Calling {
			l.move(Early)
			return []Event{rang{leg: l.id}}
		}
	case linkOffer:
		return l.offered(in.SDP)
	case linkAnswer:
		return l.settled(in.SDP)
	case linkBye:
		return l.byed(in.Cause)
	}
	return nil
}

// offered takes the offer of the call that was asked. Without an address of our own it waits for take.
func (l *linkLeg) offered(sdp []byte) []Event {
	if l.asked || l.state != Calling && l.state != Early {
		return nil
	}
	l.remote = sdp
	if !l.open {
		return []Event{linkReady{l.id}}
	}
	st, err := l.take()
	if err != nil {
		return []Event{refused{leg: l.id, cause: causeBadAnswer}}
	}
	return []Event{answered{leg: l.id, stream: st}}
}

// take answers the offer that has come.
func (l *linkLeg) take() (*offer.Stream, error) {
	sdp, st, err := l.sdp.Offered(l.remote, offer.SendRecv)
	l.remote = nil
	if err != nil {
		l.Hangup(causeBadAnswer)
		return nil, err
	}
	l.move(Confirmed)
	l.say(linkAnswer, sdp, Cause{})
	return st, nil
}

// settled takes the answer to our offer.
func (l *linkLeg) settled(sdp []byte) []Event {
	if l.state != Accepted {
		return nil
	}
	st, err := l.sdp.Answered(sdp)
	if err != nil {
		l.Hangup(causeBadAnswer)
		return l.ended(causeBadAnswer)
	}
	l.move(Confirmed)
	return []Event{confirmed{l.id, st}}
}

// byed is refusal, cancel or hang-up, by state.
func (l *linkLeg) byed(c Cause) []Event {
	pending := l.state == Trying || l.state == Calling || l.state == Early
	l.move(Gone)
	switch {
	case pending && l.asked:
		return []Event{cancelled{causeCancelled}}
	case pending:
		return []Event{refused{leg: l.id, cause: c}}
	}
	c.By = byCaller // the far end behind the link has hung up
	if l.side == media.B {
		c.By = byCallee
	}
	return l.ended(c)
}

// Open gives the leg its media address.
func (l *linkLeg) Open(local offer.Local) error {
	l.sdp.SetLocal(local)
	l.open = true
	return nil
}

// Dial asks for the dialog whose place is wanted.
func (l *linkLeg) Dial(*wire.Message, bool) {
	l.move(Calling)
	l.do(Join{l.id, *l.goal, l.by})
}

// Ring tells the other call that the new far end is alerted.
func (l *linkLeg) Ring(bool) {
	if l.state == Trying {
		l.move(Early)
		l.say(linkRang, nil, Cause{})
	}
}

// Accept makes the offer; the answer brings the stream. prefer has said what the new far end speaks.
func (l *linkLeg) Accept() *offer.Stream {
	l.move(Accepted)
	sdp, err := l.sdp.Offer(offer.SendRecv)
	if err != nil {
		l.Hangup(causeNoMedia) // it cannot be: the leg is open, and the machine stable
		return nil
	}
	l.say(linkOffer, sdp, Cause{})
	return nil
}

// Suit puts what the new far end speaks first, so that what both far ends speak is not transcoded.
func (l *linkLeg) Suit(far ...offer.Codec) { l.sdp.Suit(far...) }

// Hangup ends the leg with one bye.
func (l *linkLeg) Hangup(c Cause) {
	if l.state == Gone {
		return
	}
	l.say(linkBye, nil, c)
	l.move(Gone)
}

// say tells the other leg something, once it is known.
func (l *linkLeg) say(w word, sdp []byte, c Cause) {
	if l.peer.seat != nil {
		l.do(LinkTo{Leg: l.id, To: l.peer, Word: w, SDP: sdp, Cause: c})
	}
}

// Record is the leg's part of the CDR: whoever brought the other call about.
func (l *linkLeg) Record() telemetry.Leg {
	r := l.record("link")
	r.Realm, r.Peer = l.by.Realm.Name, l.by.Name
	return r
}

// Tombs: a link needs none.
func (l *linkLeg) Tombs(all []Tomb) []Tomb { return all }
