package b2bua

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"drawbridge/sip/dialog"
	"drawbridge/sip/wire"
)

// elsewhereEnd is the other call of a rig's links: nobody looks inside.
var elsewhereEnd = end{seat: &seat{}, leg: 0}

var wordNames = [...]string{linkMade: "made", linkRang: "rang", linkOffer: "offer", linkAnswer: "answer", linkBye: "bye", linkCircle: "circle"}

// linked notes what a call asks of another one.
func (r *rig) linked(a Action) {
	switch a := a.(type) {
	case Spawn:
		r.say("spawn %d", a.Leg)
	case Join:
		r.say("join %d", a.Leg)
	case LinkTo:
		r.say("tell %s", wordNames[a.Word])
	}
}

// hear lets the other end of a link say something.
func (r *rig) hear(leg LegID, what string) {
	ev := Linked{Leg: leg, From: elsewhereEnd, Word: word(slices.Index(wordNames[:], what)), Cause: failure(486, byCallee)}
	if ev.Word == linkOffer || ev.Word == linkAnswer {
		ev.SDP = r.caller.sdp("", ev.Word == linkAnswer)
	}
	r.feed(ev)
}

// join lets another call ask for the place of a leg.
func (r *rig) join(leg LegID) {
	l := r.call.legs[leg].(*sipLeg)
	ev := Joining{Leg: leg, From: elsewhereEnd, By: l.party}
	if l.dlg != nil {
		ev.Goal = dialog.Replaces{ID: l.dlg.ID()}
	}
	r.feed(ev)
}

// randomTransfer adds what legs and links may do to a call that is up.
func (r *rig) randomTransfer(rnd *rand.Rand, add func(func())) {
	for i, leg := range r.call.legs {
		id := LegID(i)
		switch leg := leg.(type) {
		case *linkLeg:
			add(func() { r.hear(id, wordNames[rnd.IntN(len(wordNames))]) })
		case *sipLeg:
			if rnd.IntN(4) == 0 {
				add(func() { r.join(id) })
			}
			if leg.state == Confirmed {
				add(func() { r.speak(id, wire.REFER, false) })
			}
		}
	}
}

// TestTransferRaces holds one row for each race of a transfer. Leg 2 is the link.
func TestTransferRaces(t *testing.T) {
	const up, began = "invite; 1 200; a ACK; ", "INVITE 1; ACK 1; bind b; 200 INVITE; bind a; "
	rows := []struct{ name, steps, want string }{
		{"callee refers, target answers", "1 REFER; 1 200 NOTIFY; link 2 made; link 2 offer; 1 200 NOTIFY; 1 200 BYE; a BYE",
			"202 REFER; NOTIFY 1; spawn 2; tell answer; bind b; NOTIFY 1; BYE 1; 200 BYE; tell bye; cdr 0 a"},
		{"caller refers, target answers", "a REFER; a 200 NOTIFY; link 2 made; link 2 offer; a 200 NOTIFY; a 200 BYE; 1 BYE",
			"202 REFER; NOTIFY 0; spawn 2; tell answer; bind a; NOTIFY 0; BYE 0; 200 BYE; tell bye; cdr 0 b"},
		{"target is busy", "1 REFER; link 2 made; link 2 bye; 1 200 NOTIFY; 1 200 NOTIFY; a BYE; 1 200 BYE",
			"202 REFER; NOTIFY 1; spawn 2; NOTIFY 1; 200 BYE; BYE 1; cdr 0 a"},
		{"referrer hangs up, target answers", "1 REFER; 1 BYE; link 2 made; link 2 offer; a BYE",
			"202 REFER; NOTIFY 1; spawn 2; 200 BYE; tell answer; bind b; 200 BYE; tell bye; cdr 0 a"},
		{"referrer hangs up, target is busy", "1 REFER; 1 BYE; link 2 made; link 2 bye; a 200 BYE",
			"202 REFER; NOTIFY 1; spawn 2; 200 BYE; BYE 0; cdr 486 b"},
		{"the other side hangs up while the target rings", "1 REFER; link 2 made; link 2 rang; a BYE; 1 200 BYE",
			"202 REFER; NOTIFY 1; spawn 2; 200 BYE; NOTIFY 1; BYE 1; tell bye; cdr 0 a"},
		{"and the target answers all the same", "1 REFER; link 2 made; a BYE; link 2 offer; 1 200 BYE",
			"202 REFER; NOTIFY 1; spawn 2; 200 BYE; BYE 1; tell bye; cdr 0 a; tell bye"},
		{"the referrer's BYE crosses with ours", "1 REFER; link 2 made; link 2 offer; 1 BYE; 1 481 BYE; a BYE",
			"202 REFER; NOTIFY 1; spawn 2; tell answer; bind b; NOTIFY 1; BYE 1; 200 BYE; 200 BYE; tell bye; cdr 0 a"},
		{"both sides refer", "1 REFER; a REFER; link 2 made; link 2 bye; a BYE; 1 200 BYE",
			"202 REFER; NOTIFY 1; spawn 2; 491 REFER; 200 BYE; NOTIFY 1; BYE 1; cdr 0 a"},
		{"the target's side hangs up after the transfer", "1 REFER; link 2 made; link 2 offer; 1 200 BYE; link 2 bye; a 200 BYE",
			"202 REFER; NOTIFY 1; spawn 2; tell answer; bind b; NOTIFY 1; BYE 1; BYE 0; cdr 486 b"},
		{"a link speaks twice", "1 REFER; link 2 made; link 2 offer; link 2 offer; 1 200 BYE; a BYE",
			"202 REFER; NOTIFY 1; spawn 2; tell answer; bind b; NOTIFY 1; BYE 1; 200 BYE; tell bye; cdr 0 a"},
		{"who replaces takes the leg over", "joining 1; link 2 answer; 1 200 BYE; a BYE", "tell offer; bind b; BYE 1; 200 BYE; tell bye; cdr 0 a"},
		{"who replaces hangs up first", "joining 1; link 2 bye; 1 200 BYE; a 200 BYE", "tell offer; BYE 0; BYE 1; cdr 486 b"},
		{"the replaced leg hangs up first", "joining 1; 1 BYE; link 2 answer; a BYE", "tell offer; 200 BYE; bind b; 200 BYE; tell bye; cdr 0 a"},
		{"two want the same leg", "joining 1; joining 1; link 2 answer; 1 200 BYE; a BYE", "tell offer; tell bye; bind b; BYE 1; 200 BYE; tell bye; cdr 0 a"},
		{"stopped in the middle", "1 REFER; link 2 made; stop; a 200 BYE; 1 200 BYE", "202 REFER; NOTIFY 1; spawn 2; BYE 0; BYE 1; tell bye; cdr 503 gateway"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(t)
			r.play(up + row.steps)
			if d := gocmp.Diff(strings.Split(began+row.want, "; "), r.log); d != "" {
				t.Error(d)
			}
			r.checkEnd()
		})
	}
}
