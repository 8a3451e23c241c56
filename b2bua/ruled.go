package b2bua

import (
	"cmp"
	"errors"

	"drawbridge/policy"
	"drawbridge/policy/rules"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
	"drawbridge/telemetry"
)

// Rules are the header rules at one place of the border. The zero value has none.
//
//	in   the realm's, who sends is looked for, the trunk's, then the message is judged
//	out  topology has decided what may be seen, the trunk's, the realm's
//
// A message that they cannot be carried out on is not used: a request is answered 500, a response counts as a 500.
type Rules struct{ In, Out rules.Chain }

func (r Rules) none() bool { return r.In.Len() == 0 && r.Out.Len() == 0 }

// ErrRules says that header rules could not be carried out, and nothing was sent for it.
var ErrRules = errors.New("b2bua: header rules failed")

// ruleRejection is a request of ours that rules do not let out. It counts as refused by the far side.
type ruleRejection struct {
	status int
	phrase string
}

func (e *ruleRejection) Error() string { return "b2bua: header rules let no such request out" }

// ruled reports whether messages from or to a party meet rules. A party is nil where a dialog is with nobody known.
func (p *Party) ruled() bool { return p != nil && !(p.Rules.none() && p.Realm.Rules.none()) }

// edit takes a message from or to the party through the rules. Error: *rules.Failure.
func (p *Party) edit(d rules.Direction, m *wire.Message) (rules.Result, error) {
	chains := [2]rules.Chain{p.Realm.Rules.In, p.Rules.In}
	if d == rules.Out {
		chains = [2]rules.Chain{p.Rules.Out, p.Realm.Rules.Out}
	}
	res := rules.Result{Message: m}
	for _, c := range chains {
		if c.Len() == 0 {
			continue
		}
		var err error
		if res, err = c.Apply(rules.At{Realm: p.Realm.Name, Direction: d}, res.Message); err != nil || res.Status != 0 {
			return res, err
		}
	}
	return res, nil
}

// misruled tells of rules that could not be carried out.
func (s *Switch) misruled(f txn.Flow, m *wire.Message, err error) {
	what := string(m.CSeq.Method)
	if !m.IsRequest() {
		what = "answer to " + what
	}
	s.cfg.Events.EmitRefused(telemetry.Refused{
		Kind: "rules.error", Realm: f.Realm(), Source: f.Remote().Addr().String(), Detail: what + ": " + err.Error(), Count: 1,
	})
}

// refusalOf is what a request is told that rules have stopped; nil: they have not.
func refusalOf(res rules.Result, err error) *policy.Decision {
	switch {
	case err != nil:
		return &policy.Decision{Status: 500, Rule: "rules/error"}
	case res.Status != 0:
		return &policy.Decision{Status: res.Status, Reason: res.Reason, Rule: "rules/" + res.Rule}
	}
	return nil
}

// arrival is a request outside dialogs behind the rules.
type arrival struct {
	msg     *wire.Message
	sent    *wire.Message // as it was before them
	refusal *policy.Decision
	names   *names // nil when its names are as the peer wrote them
}

// names are From and To as a peer knows them.
type names struct{ from, to wire.Addr }

// namesOf are those of a request that rules have made another one of.
func namesOf(as, now *wire.Message) *names {
	if as == now {
		return nil
	}
	return &names{from: as.From, to: as.To}
}

// restore gives a message of the peer's dialog the names that the peer knows; tags stay.
func (n *names) restore(m *wire.Message) *wire.Message {
	if n == nil {
		return m
	}
	tag := m.ToTag()
	own := *m
	own.From, own.To = n.from, n.to
	own.To.Params = append(wire.Params(nil), n.to.Params...)
	if tag != "" {
		own.To.Params.Set("tag", tag)
	}
	return &own
}

// arriving takes a request outside dialogs through the rules of its realm and of its trunk, and its answers later.
func (s *Switch) arriving(tx *txn.Server, f txn.Flow, m *wire.Message) arrival {
	v := s.view()
	realm, known := v.Realms[f.Realm()]
	if !v.ruled || !known {
		return arrival{msg: m, sent: m}
	}
	p := &Party{Realm: realm}
	res, err := p.edit(rules.In, m)
	if err == nil && res.Status == 0 && !realm.Browsers {
		if t := v.trunkAt(f, res.Message); t != nil {
			p = t.far()
			if p.Rules.In.Len() > 0 {
				res, err = (&Party{Realm: Realm{Name: realm.Name}, Rules: p.Rules}).edit(rules.In, res.Message)
			}
		}
	}
	if err != nil {
		s.misruled(f, m, err)
	}
	a := arrival{msg: m, sent: m, refusal: refusalOf(res, err)}
	if a.refusal == nil {
		a.msg, a.names = res.Message, namesOf(m, res.Message)
	}
	s.answersTo(tx, p, a.names)
	return a
}

// answersTo lets the answers to a party's request out through its rules.
func (s *Switch) answersTo(tx *txn.Server, p *Party, n *names) {
	if tx != nil && (p.ruled() || n != nil) {
		tx.Through(&replies{s: s, flow: tx.Flow(), to: p, names: n})
	}
}

// inside takes a request inside a dialog through the rules of its party. It is nil when there is nothing left to serve: rules that fail
// or reject have answered it. A BYE is always served: nothing of it crosses, and it has ended the peer's half of the call.
func (s *Switch) inside(p *Party, own txn.Flow, tx *txn.Server, f txn.Flow, m *wire.Message) *wire.Message {
	if !p.ruled() || !sameSource(p, own, f) { // whoever it is not from is turned away by the dialog
		return m
	}
	res, err := p.edit(rules.In, m)
	if err != nil {
		s.misruled(f, m, err)
	}
	no := refusalOf(res, err)
	switch {
	case no == nil:
		s.answersTo(tx, p, namesOf(m, res.Message))
		return res.Message
	case m.Method == wire.BYE:
		return m
	case tx != nil:
		s.answersTo(tx, p, nil)
		s.rejected(f, m.Method, no.Status, no.Rule)
		reply(tx, m, no.Status)
	}
	return nil
}

// request starts a client transaction with a party: its requests leave through the rules, and their answers come back through them.
func (s *Switch) request(sh *txn.Shard, p *Party, f txn.Flow, m *wire.Message, u txn.ClientUser) (*txn.Client, error) {
	if !p.ruled() {
		return sh.Request(f, m, u)
	}
	return sh.Request(f, m, &ruledUser{user: u, s: s, flow: f, far: p, inside: m.ToTag() != ""})
}

// ruledUser stands between a client transaction and its user.
type ruledUser struct {
	user   txn.ClientUser
	s      *Switch
	flow   txn.Flow
	far    *Party
	inside bool // the request belongs to a dialog
}

// Edit takes a request out. One that ends something leaves bare when its rules fail: it would bill a call that is over.
func (r *ruledUser) Edit(m *wire.Message) (*wire.Message, error) {
	res, err := r.far.edit(rules.Out, m)
	switch {
	case err == nil && res.Status == 0:
		return res.Message, nil
	case err == nil:
		return nil, &ruleRejection{res.Status, res.Reason}
	}
	r.s.misruled(r.flow, m, err)
	if m.Method == wire.BYE {
		return bare(m), nil
	}
	return nil, ErrRules
}

// stoppedByRules is the cause of a request that did not leave for its rules.
func stoppedByRules(err error) (c Cause, stopped bool) {
	if no, rejected := errors.AsType[*ruleRejection](err); rejected {
		c = failure(no.status, byGateway)
		c.Text = cmp.Or(no.phrase, c.Text)
		return c, true
	}
	return causeMisruled, errors.Is(err, ErrRules)
}

// bare is a message without what no dialog needs.
func bare(m *wire.Message) *wire.Message {
	b := *m
	b.Fields, b.ContentType, b.Body = nil, "", nil
	b.From.Display, b.To.Display = "", ""
	return &b
}

// Response takes an answer in. One that cannot be used counts as a 500, a provisional one as none.
func (r *ruledUser) Response(sh *txn.Shard, tx *txn.Client, m *wire.Message) {
	if m.Status == 100 {
		r.user.Response(sh, tx, m)
		return
	}
	res, err := r.far.edit(rules.In, m)
	if err == nil {
		r.user.Response(sh, tx, res.Message)
		return
	}
	r.s.misruled(r.flow, m, err)
	switch {
	case m.Status < 200:
		return
	case r.inside && m.Status < 300 && (m.CSeq.Method == wire.INVITE || m.CSeq.Method == wire.UPDATE):
		r.user.Failed(sh, tx, ErrRules) // what the session is now is not known
		return
	case m.Status < 300 && m.CSeq.Method == wire.INVITE:
		if cl, ok := r.user.(*client); ok {
			cl.endLate(sh, m)
		}
	}
	no := bare(m)
	no.Status, no.Reason, no.Contact, no.RecordRoute = 500, "", nil, nil
	r.user.Response(sh, tx, no)
}

// Failed hands on.
func (r *ruledUser) Failed(sh *txn.Shard, tx *txn.Client, err error) { r.user.Failed(sh, tx, err) }

// Ended hands on.
func (r *ruledUser) Ended(sh *txn.Shard, tx *txn.Client) {
	if u, ok := r.user.(txn.Ender); ok {
		u.Ended(sh, tx)
	}
}

// replies takes the answers to one request out.
type replies struct {
	s     *Switch
	flow  txn.Flow
	to    *Party
	names *names
}

// Edit takes an answer out. What its rules fail on leaves as a bare 500, or, when it is provisional, not at all; ErrRules tells of it.
func (r *replies) Edit(m *wire.Message) (*wire.Message, error) {
	m = r.names.restore(m)
	if m.Status == 100 {
		return m, nil
	}
	res, err := r.to.edit(rules.Out, m)
	if err == nil {
		return res.Message, nil
	}
	r.s.misruled(r.flow, m, err)
	if m.Status < 200 {
		return nil, ErrRules
	}
	no := bare(m)
	no.Status, no.Reason, no.Contact, no.RecordRoute = 500, wire.ReasonPhrase(500), nil, nil
	return no, ErrRules
}

// party is who is at the far end of a leg; nil where that is not a SIP dialog.
func (at *seat) party(id LegID) *Party {
	if at.call == nil || int(id) < 0 || int(id) >= len(at.call.legs) {
		return nil
	}
	if l, ok := at.call.legs[id].(*sipLeg); ok {
		return l.party
	}
	return nil
}

// acknowledgement is what is sent for an ACK to a 2xx. One that its rules fail on leaves bare but for its session: without it the
// call would go on unacknowledged.
func (s *Switch) acknowledgement(p *Party, f txn.Flow, b []byte) []byte {
	if !p.ruled() {
		return b
	}
	m, verdict := wire.Read(b, wire.CanonOptions{})
	if m == nil || verdict.Status != 0 {
		return b // one of ours cannot be unreadable
	}
	res, err := p.edit(rules.Out, m)
	if err != nil {
		s.misruled(f, m, err)
		return bare(m).Bytes()
	}
	if len(res.Hits) == 0 {
		return b
	}
	return res.Message.Bytes()
}
