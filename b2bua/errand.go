package b2bua

import (
	"errors"
	"time"

	"drawbridge/sip/digest"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
	"drawbridge/topology"
)

// errand takes one request outside any dialog to the first far party that serves it: candidate after candidate, every contact of one at
// once. It holds client transactions and nothing else, and is over at the latest when the near side's own transaction is.
type errand struct {
	s     *Switch
	sh    *txn.Shard
	setup Setup       // who asks for whom
	left  []Candidate // not tried yet
	build func(Candidate, Target) *wire.Message
	over  func(outcomeOfErrand)

	round    int // the candidate under way
	open     int // its branches without a final response
	best     outcomeOfErrand
	silent   bool // somebody has said nothing at all
	done     bool
	patience txn.Timer // to the next candidate
	deadline txn.Timer
}

// outcomeOfErrand is what an errand comes back with. answer is nil when nobody has answered; then silent says that waiting was the reason,
// and no answer is owed (RFC 4320 section 4.2).
type outcomeOfErrand struct {
	answer *wire.Message
	sent   *wire.Message // the request that was answered
	silent bool
}

// branch is one request of an errand.
type branch struct {
	e       *errand
	round   int
	to      *Party
	target  Target
	sent    *wire.Message
	keys    *digest.Client // nil where no challenge is answered
	attempt digest.Attempt
}

// start sends the first requests.
func (e *errand) start() {
	e.deadline = e.sh.After(lifetime, func() { e.silent = true; e.finish(e.best) })
	e.next()
}

// next turns to the next candidate that can be asked, or ends the errand.
func (e *errand) next() {
	e.patience.Stop()
	e.open = 0
	waits := impatience
	for e.open == 0 && len(e.left) > 0 && e.round < maxRounds {
		c := e.left[0]
		e.left = e.left[1:]
		e.round++
		if c.unresolved() {
			e.lookUp(c)
			return
		}
		waits = c.Callee.patience()
		for _, t := range c.Targets {
			e.send(&branch{e: e, round: e.round, to: c.Callee, target: t, sent: e.build(c, t)})
		}
	}
	switch {
	case e.open == 0:
		e.finish(e.best)
	case len(e.left) > 0:
		e.patience = e.sh.After(waits, func() { e.silent = true; e.next() })
	}
}

// lookUp puts the hops of a target where the target was.
func (e *errand) lookUp(c Candidate) {
	round := e.round
	e.patience = e.sh.After(lookupLimit, e.next)
	e.s.find(e.s.view(), e.sh, c, func(hops []Candidate) {
		if e.done || e.round != round {
			return
		}
		ways, _ := e.setup.passable(hops)
		e.left = restingLast(append(ways, e.left...))
		e.next()
	})
}

// send starts a branch. A target that cannot be sent to counts as one that does not answer.
func (e *errand) send(b *branch) {
	if !b.to.Auth.None() {
		b.keys = digest.NewClient(b.to.Auth, e.sh.Token)
	}
	switch _, err := e.s.request(e.sh, b.to, b.target.Flow, b.sent, b); {
	case err == nil:
		e.open++
	case !errors.Is(err, ErrRules): // that says nothing of the target
		b.rest(restFor)
	}
}

// Response follows a branch. A candidate that was given up for another may still say yes; its no counts when the others say nothing better.
func (b *branch) Response(_ *txn.Shard, _ *txn.Client, m *wire.Message) {
	e := b.e
	found := outcomeOfErrand{answer: m, sent: b.sent}
	if b.target.Resting || m.Status == 503 {
		b.rest(restAfter(m))
	}
	switch {
	case e.done || m.Status < 200:
	case m.Status < 300:
		e.finish(found)
	case b.challenged(m):
	case m.Status >= 600 && b.round == e.round: // it speaks for the user
		e.finish(found)
	default:
		if e.best.answer == nil || m.Status/100 < e.best.answer.Status/100 {
			e.best = found
		}
		if b.round == e.round {
			e.closed(m.Status == 503 || m.Status == 408 || !b.to.Trunk)
		}
	}
}

// Failed ends a branch without an answer.
func (b *branch) Failed(_ *txn.Shard, _ *txn.Client, err error) {
	if b.e.done || b.round != b.e.round {
		return
	}
	b.e.silent = b.e.silent || errors.Is(err, txn.ErrTimeout)
	b.rest(restFor)
	b.e.closed(true)
}

// rest lets a trunk's target rest that does not serve; 0 ends its rest.
func (b *branch) rest(d time.Duration) {
	b.e.s.rest(Rest{Realm: b.to.Realm.Name, Hop: b.target.Hop, For: d})
}

// restAfter is how long the target of an answer rests: not at all, but for a 503.
func restAfter(m *wire.Message) time.Duration {
	if m.Status != 503 {
		return 0
	}
	return restOf(refused{retryAfter: retryOf(m)})
}

// challenged asks once more with the credentials of the trunk's account.
func (b *branch) challenged(m *wire.Message) bool {
	if !challenge(m) {
		return false
	}
	if b.keys == nil || !b.keys.Take(m, &b.attempt) {
		if b.to.Trunk {
			b.e.s.cfg.Events.EmitRefused(Unanswered{At: b.target.Flow, By: b.to, Asked: m}.event(""))
		}
		return false
	}
	b.sent = b.sent.Anew(b.sent.CSeq.Seq + 1)
	b.keys.Sign(b.sent)
	_, err := b.e.s.request(b.e.sh, b.to, b.target.Flow, b.sent, b)
	return err == nil
}

// closed ends one branch of the candidate; elsewhere says that another one may do better.
func (e *errand) closed(elsewhere bool) {
	if e.open--; e.open > 0 {
		return
	}
	if elsewhere && len(e.left) > 0 {
		e.next()
		return
	}
	e.finish(e.best)
}

// finish ends the errand; what comes later means nothing.
func (e *errand) finish(o outcomeOfErrand) {
	if e.done {
		return
	}
	e.done, e.left = true, nil
	e.patience.Stop()
	e.deadline.Stop()
	o.silent = o.answer == nil && e.silent
	e.over(o)
}

// abandon ends the errand without a word.
func (e *errand) abandon() {
	e.over = func(outcomeOfErrand) {}
	e.finish(outcomeOfErrand{})
}

// request is the errand's request to one target: what topology lets through of in, in a dialog-less transaction of our own.
func (e *errand) request(in *wire.Message, c Candidate, t Target) *wire.Message {
	far, peer := farOf(&e.setup, c.Callee, &t, t.Flow), c.Callee.Profile
	far.Target.User, far.Callee, far.Caller = peer.NumberOut(far.Target.User), peer.NumberOut(far.Callee), peer.NumberOut(far.Caller)
	m := topology.Outside(in, far)
	topology.Add(m, topology.Through(e.setup.Caller.Pass, c.Callee.Pass).Fields(in))
	m.CallID = e.sh.Token()
	m.From.Params.Set("tag", e.sh.Token())
	m.CSeq = wire.CSeq{Seq: 1, Method: in.Method}
	m.Route = t.Route
	m.ContentType, m.Body, _ = topology.Body(in, m.To.URI.String()) // it could cross when the request was admitted
	return m
}
