package b2bua

import (
	"drawbridge/sip/dialog"
	"drawbridge/sip/digest"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
)

// query is one request inside a dialog that is no call.
type query struct {
	s       *Switch
	sh      *txn.Shard
	party   *Party
	flow    txn.Flow
	dlg     *dialog.Dialog
	msg     *wire.Message
	over    func(*wire.Message) // its final response; nil when none came
	keys    *digest.Client
	attempt digest.Attempt
}

// keyed lets a challenge of the peer's own domain be answered. A domain that the account does not name may be anybody's behind the peer.
func (q *query) keyed(p *Party) {
	if !p.Auth.None() && p.Auth.Realm != "" {
		q.keys = digest.NewClient(p.Auth, q.sh.Token)
	}
}

func (q *query) send() {
	if _, err := q.s.request(q.sh, q.party, q.flow, q.msg, q); err != nil {
		q.over(nil)
	}
}

// Response takes what came for the request.
func (q *query) Response(_ *txn.Shard, _ *txn.Client, m *wire.Message) {
	switch {
	case m.Status < 200:
	case challenge(m) && q.keys != nil && q.keys.Take(m, &q.attempt):
		q.msg = q.dlg.Again(q.msg)
		q.keys.Sign(q.msg)
		q.send()
	default:
		if challenge(m) && q.party.Trunk {
			q.s.cfg.Events.EmitRefused(Unanswered{At: q.flow, By: q.party, Asked: m, Inside: true}.event(""))
		}
		q.over(m)
	}
}

// Failed reports that nobody has answered.
func (q *query) Failed(*txn.Shard, *txn.Client, error) { q.over(nil) }
