package b2bua

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"drawbridge/media"
	"drawbridge/sip/wire"
)

// races holds one row for each race of a call's signalling: what comes in, in this order, and all that goes out.
var races = []struct {
	name           string
	targets, hunts int
	steps, want    string
}{
	{"answer", 1, 1, "invite; 1 180; 1 200; a ACK; a BYE; 1 200 BYE",
		"INVITE 1; 180 INVITE; ACK 1; bind b; 200 INVITE; bind a; 200 BYE; BYE 1; cdr 0 a"},
	{"caller cancels before any 1xx: the CANCEL is asked for, the transaction holds it back", 1, 1, "invite; cancel; 1 487",
		"INVITE 1; 487 INVITE; cancel 1; cdr 487 a"},
	{"caller cancels while it rings", 1, 1, "invite; 1 180; cancel; 1 487", "INVITE 1; 180 INVITE; 487 INVITE; cancel 1; cdr 487 a"},
	{"caller cancels, callee answers first", 1, 1, "invite; 1 200; cancel; a ACK; 1 BYE; a 200 BYE",
		"INVITE 1; ACK 1; bind b; 200 INVITE; bind a; 200 BYE; BYE 0; cdr 0 b"},
	{"caller cancels, callee's 2xx is on its way", 1, 1, "invite; 1 180; cancel; 1 200; 1 200 BYE",
		"INVITE 1; 180 INVITE; 487 INVITE; cancel 1; cdr 487 a; ACK 1; BYE 1"},
	{"and that 2xx comes twice", 1, 1, "invite; cancel; 1 200; 1 200; 1 200 BYE",
		"INVITE 1; 487 INVITE; cancel 1; cdr 487 a; ACK 1; BYE 1; ACK 1"},
	{"cancelled twice", 1, 1, "invite; 1 180; cancel; cancel; 1 487", "INVITE 1; 180 INVITE; 487 INVITE; cancel 1; cdr 487 a"},
	{"a cancelled INVITE is never answered", 1, 1, "invite; 1 180; cancel; fire 1 cancel", "INVITE 1; 180 INVITE; 487 INVITE; cancel 1; cdr 487 a"},
	{"a cancelled INVITE times out", 1, 1, "invite; cancel; 1 timeout", "INVITE 1; 487 INVITE; cancel 1; cdr 487 a"},
	{"two BYEs cross", 1, 1, "invite; 1 200; a ACK; a BYE; 1 BYE; 1 481 BYE",
		"INVITE 1; ACK 1; bind b; 200 INVITE; bind a; 200 BYE; BYE 1; cdr 0 a; 200 BYE"},
	{"callee hangs up before the caller's ACK", 1, 1, "invite; 1 200; 1 BYE; a ACK; a 200 BYE",
		"INVITE 1; ACK 1; bind b; 200 INVITE; bind a; 200 BYE; cdr 0 b; BYE 0"},
	{"the same, and the ACK never comes", 1, 1, "invite; 1 200; 1 BYE; fire a repeat; fire a ack; a 200 BYE",
		"INVITE 1; ACK 1; bind b; 200 INVITE; bind a; 200 BYE; cdr 0 b; a again; BYE 0"},
	{"caller hangs up before its own ACK", 1, 1, "invite; 1 200; a BYE; 1 200 BYE",
		"INVITE 1; ACK 1; bind b; 200 INVITE; bind a; 200 BYE; BYE 1; cdr 0 a"},
	{"the caller's ACK is lost", 1, 1, "invite; 1 200; fire a repeat; fire a repeat; fire a ack; a 200 BYE; 1 200 BYE",
		"INVITE 1; ACK 1; bind b; 200 INVITE; bind a; a again; a again; BYE 0; BYE 1; cdr 408 gateway"},
	{"the caller's ACK comes twice", 1, 1, "invite; 1 200; a ACK; a ACK; a BYE; 1 200 BYE",
		"INVITE 1; ACK 1; bind b; 200 INVITE; bind a; 200 BYE; BYE 1; cdr 0 a"},
	{"the callee's 2xx comes again", 1, 1, "invite; 1 200; 1 200; a ACK; 1 200; a BYE; 1 200 BYE",
		"INVITE 1; ACK 1; bind b; 200 INVITE; bind a; ACK 1; ACK 1; 200 BYE; BYE 1; cdr 0 a"},
	{"BYE is never answered", 1, 1, "invite; 1 200; a ACK; a BYE; 1 200; 1 timeout; 1 timeout",
		"INVITE 1; ACK 1; bind b; 200 INVITE; bind a; 200 BYE; BYE 1; cdr 0 a; ACK 1"},
	{"two contacts, the first answers", 2, 1, "invite; 1 180; 2 180; 2 200; 1 487; a ACK; a BYE; 2 200 BYE",
		"INVITE 1; INVITE 2; 180 INVITE; 180 INVITE; ACK 2; cancel 1; bind b; 200 INVITE; bind a; 200 BYE; BYE 2; cdr 0 a"},
	{"two contacts answer at once", 2, 1, "invite; 1 200; 2 200; 2 200 BYE; a ACK; a BYE; 1 200 BYE",
		"INVITE 1; INVITE 2; ACK 1; cancel 2; bind b; 200 INVITE; bind a; ACK 2; BYE 2; 200 BYE; BYE 1; cdr 0 a"},
	{"two contacts, one declines for both", 2, 1, "invite; 1 603; 2 487", "INVITE 1; INVITE 2; 603 INVITE; cancel 2; cdr 603 b"},
	{"two contacts ring, the caller gives up", 2, 1, "invite; 1 180; cancel; 1 487; 2 200; 2 200 BYE",
		"INVITE 1; INVITE 2; 180 INVITE; 487 INVITE; cancel 1; cancel 2; cdr 487 a; ACK 2; BYE 2"},
	{"nobody there: the next one", 1, 2, "invite; 1 timeout; 2 200; a ACK; 2 BYE; a 200 BYE",
		"INVITE 1; INVITE 2; ACK 2; bind b; 200 INVITE; bind a; 200 BYE; BYE 0; cdr 0 b"},
	{"no response while another one waits", 1, 2, "invite; fire 1 patience; 2 180; 1 180; 1 200; 1 200 BYE; 2 486",
		"INVITE 1; cancel 1; INVITE 2; 180 INVITE; ACK 1; BYE 1; 486 INVITE; cdr 486 b"},
	{"any response calls for patience", 1, 2, "invite; 1 100; 1 486", "INVITE 1; 486 INVITE; cdr 486 b"},
	{"transport error: the next one", 1, 2, "invite; 1 broken; 2 486", "INVITE 1; INVITE 2; 486 INVITE; cdr 486 b"},
	{"503, then 408: the last word counts", 1, 2, "invite; 1 503; 2 408", "INVITE 1; INVITE 2; 408 INVITE; cdr 408 b"},
	{"Timer C turns to the next one", 1, 2, "invite; fire 1 progress; 1 487; 2 486", "INVITE 1; cancel 1; INVITE 2; 486 INVITE; cdr 486 b"},
	{"Timer C, and the first one answers after all", 1, 2, "invite; fire 1 progress; 1 200; 1 200 BYE; 2 486",
		"INVITE 1; cancel 1; INVITE 2; ACK 1; BYE 1; 486 INVITE; cdr 486 b"},
	{"no next one after a 18x", 1, 2, "invite; 1 180; 1 503", "INVITE 1; 180 INVITE; 500 INVITE; cdr 503 b"},
	{"nobody is reachable", 1, 2, "invite; 1 timeout; 2 broken", "INVITE 1; INVITE 2; 504 INVITE; cdr 504 gateway"},
	{"nobody answers", 1, 1, "invite; 1 180; fire call ring; 1 487", "INVITE 1; 180 INVITE; 480 INVITE; cancel 1; cdr 480 gateway"},
	{"early media: one answer for 183 and 200", 1, 1, "invite; 1 183; 1 200; a ACK; a BYE; 1 200 BYE",
		"INVITE 1; bind b; bind a; 183 INVITE; ACK 1; bind b; 200 INVITE; bind a; 200 BYE; BYE 1; cdr 0 a"},
	{"stopped while it rings", 1, 1, "invite; 1 180; stop; 1 487", "INVITE 1; 180 INVITE; 503 INVITE; cancel 1; cdr 503 gateway"},
	{"stopped while it talks", 1, 1, "invite; 1 200; a ACK; stop; a 200 BYE; 1 200 BYE",
		"INVITE 1; ACK 1; bind b; 200 INVITE; bind a; BYE 0; BYE 1; cdr 503 gateway"},
	{"the media plane stops", 1, 1, "invite; 1 200; a ACK; closed; a 200 BYE; 1 200 BYE",
		"INVITE 1; ACK 1; bind b; 200 INVITE; bind a; BYE 0; BYE 1; cdr 503 gateway"},
	{"the callee's connection goes while it rings", 1, 1, "invite; 1 180; 1 lost", "INVITE 1; 180 INVITE; 408 INVITE; cdr 408 b"},
	{"the caller's connection goes while it rings", 1, 1, "invite; 1 180; a lost; 1 487", "INVITE 1; 180 INVITE; cancel 1; cdr 408 a"},
	{"a re-INVITE before our 2xx is acknowledged", 1, 1, "invite; 1 200; a INVITE; a BYE; 1 200 BYE",
		"INVITE 1; ACK 1; bind b; 200 INVITE; bind a; 500 INVITE; 200 BYE; BYE 1; cdr 0 a"},
	{"2xx while a reliable 18x with SDP waits", 1, 1, "reliable; 1 183; 1 200; a PRACK; a ACK; a BYE; 1 200 BYE",
		"INVITE 1; bind b; bind a; 183 INVITE; ACK 1; bind b; bind a; 200 PRACK; 200 INVITE; 200 BYE; BYE 1; cdr 0 a"},
	{"PRACK behind the 2xx", 1, 1, "reliable; 1 180; 1 200; a PRACK; a PRACK; a ACK; a BYE; 1 200 BYE",
		"INVITE 1; 180 INVITE; ACK 1; bind b; 200 INVITE; bind a; 200 PRACK; 481 PRACK; 200 BYE; BYE 1; cdr 0 a"},
	{"one reliable 18x at a time", 1, 1, "reliable; 1 180; 1 183; 1 183; a PRACK; a PRACK; 1 486",
		"INVITE 1; 180 INVITE; bind b; bind b; 200 PRACK; bind a; 183 INVITE; 200 PRACK; 486 INVITE; cdr 486 b"},
	{"the PRACK never comes", 1, 1, "reliable; 1 180; fire a prack; fire a prack; fire a unpracked; 1 487",
		"INVITE 1; 180 INVITE; a again; a again; 504 INVITE; cancel 1; cdr 504 gateway"},
	{"the PRACK never comes, the callee has answered", 1, 1, "reliable; 1 183; 1 200; fire a unpracked; 1 200 BYE",
		"INVITE 1; bind b; bind a; 183 INVITE; ACK 1; bind b; bind a; 504 INVITE; BYE 1; cdr 504 gateway"},
	{"the caller gives up while the 2xx waits for the PRACK", 1, 1, "reliable; 1 183; 1 200; cancel; 1 200 BYE",
		"INVITE 1; bind b; bind a; 183 INVITE; ACK 1; bind b; bind a; 487 INVITE; BYE 1; cdr 487 a"},
	{"the caller's ACK behind its BYE", 1, 1, "invite; 1 200; a BYE; a ACK; 1 200 BYE",
		"INVITE 1; ACK 1; bind b; 200 INVITE; bind a; 200 BYE; BYE 1; cdr 0 a"},
}

// TestRaces plays the rows.
func TestRaces(t *testing.T) {
	for _, row := range races {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(t)
			r.targets, r.hunts = row.targets, row.hunts
			r.play(row.steps)
			if d := gocmp.Diff(strings.Split(row.want, "; "), r.log); d != "" {
				t.Error(d)
			}
			r.checkEnd()
		})
	}
}

// checkEnd holds what every call owes, whatever happened to it.
func (r *rig) checkEnd() {
	r.t.Helper()
	if r.ended != 1 || r.buried != 1 {
		r.t.Errorf("%d CDRs, %d burials; legs %v; log %v", r.ended, r.buried, r.states(), r.log)
	}
	if r.closed > r.opened || r.closed > 1 {
		r.t.Errorf("media opened %d times, closed %d times", r.opened, r.closed)
	}
	if r.final == 0 && r.call.a.State() != Gone {
		r.t.Error("the caller's INVITE was never answered")
	}
	if ticks := r.call.out.ticks; len(ticks) != 0 {
		r.t.Errorf("timers left: %v", ticks)
	}
}

func (r *rig) states() []LegState {
	var all []LegState
	for _, l := range r.call.legs {
		all = append(all, l.State())
	}
	return all
}

func TestNoMediaIsRefusedBeforeAnybodyRings(t *testing.T) {
	r := newRig(t)
	r.noMedia = true
	r.invite()
	if d := gocmp.Diff([]string{"503 INVITE", "cdr 503 gateway"}, r.log); d != "" {
		t.Error(d)
	}
	r.checkEnd()
}

// TestHandleIsPure: the same events give the same actions.
func TestHandleIsPure(t *testing.T) {
	const steps = "invite; 1 183; 1 200; a ACK; 1 BYE; a 200 BYE"
	one, two := newRig(t), newRig(t)
	one.play(steps)
	two.play(steps)
	if d := gocmp.Diff(one.log, two.log); d != "" {
		t.Error(d)
	}
}

// TestRandomCalls throws random legal events at calls: whatever the order, every 2xx is acknowledged, every call ends with one CDR, media
// is closed once, and a dialog has one offer open at most (see ledger).
func TestRandomCalls(t *testing.T) {
	n := 3000
	if testing.Short() {
		n = 300
	}
	answered, replaced := 0, 0
	for seed := range n {
		r := newRig(t)
		rnd := rand.New(rand.NewPCG(uint64(seed), 1))
		r.targets, r.hunts = 1+rnd.IntN(3), 1+rnd.IntN(3)
		r.holdBye = rnd.IntN(2) == 0
		r.late, r.reliable, r.timed = rnd.IntN(4) == 0, rnd.IntN(2) == 0, rnd.IntN(2) == 0
		if rnd.IntN(2) == 0 {
			r.invite(wire.Field{Name: "Require", Value: "100rel"})
		} else {
			r.invite()
		}
		for range 5 + rnd.IntN(40) {
			r.random(rnd)
		}
		if r.final == 200 {
			answered++
		}
		if len(r.call.legs) > 1 && (r.call.a != r.call.legs[legA] || r.call.b != r.call.met) {
			replaced++
		}
		r.finish()
		r.checkEnd()
		if t.Failed() {
			t.Fatalf("seed %d: %v", seed, r.log)
		}
	}
	if answered < n/10 || answered > n*9/10 || replaced < n/100 {
		t.Errorf("%d of %d calls were answered, %d transferred: the generator is lopsided", answered, n, replaced)
	}
}

// random does one thing that is legal now.
func (r *rig) random(rnd *rand.Rand) {
	if r.buried > 0 {
		return
	}
	var moves []func()
	add := func(fn func()) { moves = append(moves, fn) }
	if r.final == 0 {
		if rnd.IntN(8) == 0 {
			add(func() { r.feed(Cancelled{}) })
		}
		if r.caller.rack != "" {
			add(func() { r.speak(legA, wire.PRACK, r.offers.ours[legA].in == "18x" || rnd.IntN(4) == 0) })
			add(func() { r.speak(legA, wire.UPDATE, rnd.IntN(2) == 0) })
		}
	} else if r.final == 200 {
		add(func() { r.speak(legA, wire.ACK, r.offers.ours[legA].in == "2xx" && rnd.IntN(8) > 0) })
		add(func() {
			r.speak(legA, []wire.Method{wire.BYE, wire.INFO, wire.INVITE, wire.UPDATE, wire.OPTIONS}[rnd.IntN(5)], rnd.IntN(2) == 0)
		})
	}
	r.randomTransfer(rnd, add)
	for leg := range LegID(len(r.call.legs)) {
		for _, s := range r.requests[leg] {
			add(func() { r.randomAnswer(rnd, leg, s) })
		}
	}
	for leg := LegID(1); int(leg) < len(r.call.legs); leg++ {
		if r.acks[leg] > 0 {
			add(func() {
				r.speak(leg, []wire.Method{wire.BYE, wire.INFO, wire.UPDATE, wire.INVITE}[rnd.IntN(4)], rnd.IntN(2) == 0)
			})
			add(func() { r.speak(leg, wire.ACK, r.offers.ours[leg].in == "2xx") })
		} else if r.reliable && r.rseq > 0 && r.dialogs[leg] != nil {
			add(func() { r.speak(leg, wire.UPDATE, true) })
		}
		if rnd.IntN(30) == 0 {
			add(func() { r.feed(Lost{Leg: leg}) })
		}
	}
	for _, key := range r.running() {
		if rnd.IntN(6) == 0 {
			add(func() { r.fire(key) })
		}
	}
	switch rnd.IntN(60) {
	case 0:
		add(func() { r.feed(Stop{Cause: causeDraining}) })
	case 1:
		add(func() { r.feed(Media{media.Event{Kind: media.EventFailed, Reason: "dtls"}}) })
	case 2:
		add(func() { r.feed(Lost{Leg: legA}) })
	}
	if len(moves) > 0 {
		moves[rnd.IntN(len(moves))]()
	}
}

// running lists the running timers, the one that is due first in front.
func (r *rig) running() []Timer {
	var keys []Timer
	for left := slices.Clone(r.call.out.ticks); len(left) > 0; {
		next, _ := left.first()
		keys = append(keys, next.key)
		left.stop(next.key)
	}
	return keys
}

// randomAnswer gives one of our requests a response, or none for ever. Every 2xx to an INVITE must be acknowledged on the spot.
func (r *rig) randomAnswer(rnd *rand.Rand, leg LegID, s Send) {
	if s.Msg.Method != wire.INVITE {
		r.respondTo(leg, s, []int{200, 200, 481, 491, 500}[rnd.IntN(5)])
		return
	}
	if s.Msg.ToTag() != "" { // our refresh
		before, status := r.acks[leg], []int{100, 200, 200, 200, 481, 488, 491, 500}[rnd.IntN(8)]
		if r.respondTo(leg, s, status); status == 200 && r.acks[leg] != before+1 && r.buried == 0 {
			r.t.Errorf("leg %d: 2xx to a re-INVITE without ACK", leg)
		}
		return
	}
	status := []int{100, 180, 183, 200, 200, 302, 404, 486, 487, 503, 603, 0}[rnd.IntN(12)]
	if status == 0 || r.acks[leg] > 0 && status != 200 {
		return
	}
	before := r.acks[leg]
	r.answerTo(leg, wire.INVITE, status)
	if status == 200 && r.acks[leg] != before+1 && s.Msg.ToTag() == "" && r.buried == 0 {
		r.t.Errorf("leg %d: 2xx without ACK", leg)
	}
}

// finish brings a call to its end: media reports, peers fall silent, timers fire.
func (r *rig) finish() {
	r.feed(Stop{Cause: causeDraining})
	if r.holdBye && r.closed > 0 {
		r.feed(Media{media.Event{Kind: media.EventClosed}})
	}
	for range 200 {
		if r.buried > 0 {
			break
		}
		if keys := r.running(); len(keys) > 0 {
			r.fire(keys[0])
		}
		for leg := range r.requests {
			if len(r.requests[leg]) > 0 {
				r.unanswered(leg, "timeout")
			}
		}
	}
}
