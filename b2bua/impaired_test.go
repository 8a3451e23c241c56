package b2bua

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
)

// TestFlowsOverABadNetwork plays every flow again over UDP that loses, doubles and overtakes. The peers do what the RFCs ask of them
// and no more: retransmit (RFC 3261 section 17 and 13.3.1.4, RFC 3262 section 3), acknowledge and answer again. What is said on the way may
// differ, and an unreliable 18x may never come; how the call ends may not. A flow that is about a moment says "config calm: why".
func TestFlowsOverABadNetwork(t *testing.T) {
	seeds := uint64(5)
	if testing.Short() {
		seeds = 1
	}
	files, _ := filepath.Glob("testdata/flows/*.flow")
	played := 0
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains("\n"+string(text), "\nconfig calm") {
			continue
		}
		played++
		for seed := range seeds {
			t.Run(strings.TrimSuffix(filepath.Base(f), ".flow")+"/"+strconv.FormatUint(seed, 10), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { play(t, string(text), &impairment{seed: seed}) })
			})
		}
	}
	if played < len(files)*2/3 {
		t.Errorf("only %d of %d flows: the others say that they are about a moment", played, len(files))
	}
}

// What the network does to a datagram. Chosen here: bad enough that every flow is hit, good enough that 64*T1 is enough for any of them.
const (
	lossRate, doubleRate = 0.2, 0.15
	longestWay           = 150 * time.Millisecond
	patience             = 40 * time.Second // of the player: longer than any transaction
)

// impairment is a bad network. A nil one is perfect.
type impairment struct {
	seed uint64
	ways map[string]*rand.Rand // by peer and direction, so that each has its own fate whatever the others do
}

// carry brings a datagram over: never, once or twice, after a while.
func (im *impairment) carry(w *world, way string, arrive func()) {
	for _, after := range im.fate(w, way) {
		time.AfterFunc(after, arrive)
	}
}

func (im *impairment) fate(w *world, way string) (copies []time.Duration) {
	w.record(func() {
		if im.ways == nil {
			im.ways = map[string]*rand.Rand{}
		}
		r := im.ways[way]
		if r == nil {
			h := fnv.New64a()
			h.Write([]byte(way))
			r = rand.New(rand.NewPCG(im.seed, h.Sum64()))
			im.ways[way] = r
		}
		n := 1
		switch x := r.Float64(); {
		case x < lossRate:
			n = 0
		case x < lossRate+doubleRate:
			n = 2
		}
		for range n {
			copies = append(copies, time.Duration(r.Int64N(int64(longestWay))))
		}
	})
	return copies
}

// station is what a peer needs on a bad network: its own retransmissions, and a memory of what it has said.
type station struct {
	p       *peer
	running map[string]*repeater // by what stops it
	answers map[string][]byte    // by request
	acks    map[string][]byte    // of its 2xx, by CSeq number and To tag
	heard   map[string]bool      // what has come in
	moving  map[string]bool      // requests that have had a response
	racked  string               // what the last PRACK acknowledged
}

// repeater sends bytes again until it is stopped, or for 64*T1.
type repeater struct {
	done bool
}

func newStation(p *peer) *station {
	return &station{p: p, running: map[string]*repeater{}, answers: map[string][]byte{}, acks: map[string][]byte{}, heard: map[string]bool{}, moving: map[string]bool{}}
}

// exchange names a transaction: its branch and method. Responses have both too.
func exchange(m *wire.Message) string { return m.Branch() + " " + string(m.CSeq.Method) }

// ackKey names what an ACK acknowledges, and rackKey what a PRACK does.
func ackKey(m *wire.Message) string {
	return fmt.Sprintf("ack %d %s %s", m.CSeq.Seq, m.CallID, m.ToTag())
}
func rackKey(m *wire.Message, rseq string) string {
	return "rack " + strings.TrimSpace(rseq) + " " + m.CallID + " " + m.ToTag()
}

// say sends what the script says, with the retransmissions it deserves.
func (s *station) say(f txn.Flow, m *wire.Message, b []byte) {
	switch {
	case m.IsRequest() && m.Method == wire.ACK:
		s.p.w.record(func() { s.acks[ackKey(m)] = b })
		s.emit(f, b)
	case m.IsRequest():
		limit := 4 * time.Second
		if m.Method == wire.INVITE {
			limit = time.Hour
		}
		s.repeat(f, exchange(m), b, limit)
	default:
		s.p.w.record(func() { s.answers[exchange(m)] = b })
		switch {
		case m.CSeq.Method == wire.INVITE && m.Status >= 200:
			s.repeat(f, ackKey(m), b, 4*time.Second)
		case m.Has("RSeq"):
			s.repeat(f, rackKey(m, m.Get("RSeq")), b, time.Hour)
		default:
			s.emit(f, b)
		}
	}
}

func (s *station) emit(f txn.Flow, b []byte) {
	s.p.w.bad.carry(s.p.w, s.p.name+" out", func() { s.p.w.core.Receive(f, b) })
}

// repeat sends b now and again, T1 doubling to limit, until key is stopped.
func (s *station) repeat(f txn.Flow, key string, b []byte, limit time.Duration) {
	r := &repeater{}
	s.p.w.record(func() { s.running[key] = r })
	var again func(every, spent time.Duration)
	again = func(every, spent time.Duration) {
		done := false
		s.p.w.record(func() { done = r.done })
		if done || spent >= lifetime {
			return
		}
		s.emit(f, b)
		time.AfterFunc(every, func() { again(min(2*every, limit), spent+every) })
	}
	again(t1, 0)
}

// stop ends the retransmissions under key. The world is locked.
func (s *station) stop(key string) {
	if r := s.running[key]; r != nil {
		r.done = true
	}
}

// hear takes a datagram: it settles retransmissions, and what is new goes to the script.
func (s *station) hear(f txn.Flow, m *wire.Message, b []byte) {
	var reply []byte
	s.p.w.record(func() {
		if s.p.deaf {
			return
		}
		known := s.heard[string(b)]
		s.heard[string(b)] = true
		if m.IsRequest() {
			reply = s.asked(m, known)
		} else {
			reply = s.answered(m)
		}
		if !known {
			s.p.inbox = append(s.p.inbox, m)
		}
	})
	if reply != nil {
		s.emit(f, reply)
	}
}

// asked settles a request: an ACK or PRACK ends what it acknowledges, another one that comes again gets its answer again.
func (s *station) asked(m *wire.Message, known bool) (reply []byte) {
	switch m.Method {
	case wire.ACK:
		s.stop(ackKey(m))
	case wire.PRACK:
		rseq, _, _ := strings.Cut(m.Get("RAck"), " ")
		s.stop(rackKey(m, rseq))
	default: // acknowledges nothing
	}
	if known {
		return s.answers[exchange(m)]
	}
	s.once(m)
	return nil
}

// once holds that a dialog is ended once: a BYE that comes again is the same bytes, or one with the credentials that were asked for.
func (s *station) once(m *wire.Message) {
	key := "BYE " + m.CallID + m.ToTag()
	if m.Method != wire.BYE || m.Has("Authorization") || m.Has("Proxy-Authorization") {
		return
	}
	if s.heard[key] {
		s.p.w.t.Errorf("%s has got another BYE in the same dialog", s.p.name)
	}
	s.heard[key] = true
}

// answered settles a response: it ends the request's retransmission; a final one to INVITE earns an ACK each time.
func (s *station) answered(m *wire.Message) (reply []byte) {
	s.moving[exchange(m)] = true
	if m.Status >= 200 || m.CSeq.Method == wire.INVITE {
		s.stop(exchange(m))
	}
	switch {
	case m.CSeq.Method != wire.INVITE || m.Status < 200:
		return nil
	case m.Status >= 300:
		return s.p.ackTo(m).Bytes()
	}
	return s.acks[ackKey(m)]
}

// hearsIn waits for a page's signal like gets does.
func (p *player) hearsIn(line *memLine, what string) {
	limit := patience
	if what == "ringing" {
		limit = time.Second
	}
	for waited := time.Duration(0); what != "nothing"; waited += 50 * time.Millisecond {
		synctest.Wait()
		found := false
		p.record(func() {
			i := slices.IndexFunc(line.inbox, func(s Signal) bool { return string(s.Type) == what })
			if found = i >= 0; found {
				line.heard = append(line.heard, line.inbox[i])
				line.inbox = slices.Delete(line.inbox, i, i+1)
			}
		})
		if found {
			return
		}
		if waited >= limit {
			if what != "ringing" {
				p.fail("never came; there are %+v", line.inbox)
			}
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// await looks for the message that a script line wants, wherever it is among those that have come, and gives it time. nil when it does
// not come; for an unreliable 18x that is nobody's fault.
func (p *player) await(at *peer, what string, words []string) *wire.Message {
	limit := patience
	if status, err := strconv.Atoi(what); err == nil && status < 200 {
		limit = time.Second
		if strings.Contains(p.script, "100rel") {
			limit = 16 * time.Second
		}
	}
	method := ""
	for _, w := range words {
		if strings.HasPrefix(w, "for=") {
			method = w[4:]
		}
	}
	for waited := time.Duration(0); ; waited += 50 * time.Millisecond {
		synctest.Wait()
		var found *wire.Message
		p.record(func() {
			i := slices.IndexFunc(at.inbox, func(m *wire.Message) bool {
				return (kindOf(m) == what || tooLate(m, what)) && (method == "" || string(m.CSeq.Method) == method) && !(at.seen[m.Branch()] && repeats(m))
			})
			if i >= 0 {
				found = at.inbox[i]
				at.inbox = slices.Delete(at.inbox, i, i+1)
			}
		})
		if found != nil || waited >= limit {
			return found
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// tooLate accepts 481 for 200 to a CANCEL: the one that got through came when its INVITE was long answered, acknowledged and forgotten.
func tooLate(m *wire.Message, what string) bool {
	return m.Status == 481 && m.CSeq.Method == wire.CANCEL && what == "200"
}

// kindOf is a message as a script calls it.
func kindOf(m *wire.Message) string {
	if m.IsRequest() {
		return string(m.Method)
	}
	return strconv.Itoa(m.Status)
}

// gets is receives on a bad network: what matters is that it comes.
func (p *player) gets(at *peer, what string, words []string) {
	if what == "nothing" || at.skipped && (what == "481" || slices.Contains(words, "for=PRACK")) {
		return
	}
	m := p.await(at, what, words)
	if m == nil {
		if status, err := strconv.Atoi(what); err == nil && status < 200 {
			return
		}
		var have []string
		for _, m := range at.inbox {
			have = append(have, kindOf(m))
		}
		p.fail("never came over a bad network; there are %v (a flow about a moment says: config calm WHY)", have)
		return
	}
	at.seen[m.Branch()] = true
	at.heard(m)
	if m.Status >= 300 && m.CSeq.Method == wire.INVITE {
		at.acknowledge(m)
	}
}

// outcomes are what a bad network must not change, and what of a CDR.
var (
	outcomes = []string{"answered", "cdrs", "ended", "calls"}
	constant = []string{"sip", "q850", "by", "rule", "a", "b", "text", "kindb"}
)

// holds says that a peer has no reason to send what its script says: there is no new 18x to acknowledge.
func (p *player) holds(from *peer, what string, o options) bool {
	if what != "PRACK" || o.headers != nil {
		return false
	}
	again := from.rack == "" || from.rack == from.station.racked
	from.station.racked = from.rack
	return again
}

// ready waits until a peer may send what its script says: a CANCEL needs a response to its INVITE (RFC 3261 section 9.1).
func (p *player) ready(from *peer, what string) {
	for what == "CANCEL" {
		moving := false
		p.record(func() { moving = from.station.moving[exchange(from.invite)] })
		if moving {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// comesTo checks an outcome as soon as it is there.
func (p *player) comesTo(what string, w []string) {
	if !slices.Contains(outcomes, what) {
		return
	}
	if what == "ended" {
		w = slices.DeleteFunc(slices.Clone(w), func(word string) bool {
			name, _, _ := strings.Cut(word, "=")
			return !slices.Contains(constant, name)
		})
	}
	for waited := time.Duration(0); ; waited += 50 * time.Millisecond {
		synctest.Wait()
		problem := p.outcome(what, w)
		if problem == "" {
			return
		}
		if waited >= patience {
			p.fail("%s", problem)
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}
