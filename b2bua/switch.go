package b2bua

import (
	"strings"
	"sync"
	"sync/atomic"

	"drawbridge/policy"
	"drawbridge/policy/route"
	"drawbridge/sip/dialog"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
	"drawbridge/store"
	"drawbridge/topology"
)

// Switch is the transaction user that owns the calls. It is made once; its books belong to the shards of its core, one each, so that
// no call is ever locked. Only the counters are shared.
type Switch struct {
	cfg        Config
	books      []*book
	active     atomic.Int64  // calls in the books, those on their way out included
	shares     *store.Shares // what calls hold of all that has limits
	cells      *store.Cells  // how often what has limits was asked for
	set        atomic.Pointer[view]
	changing   sync.Mutex                    // held by Set, and by whoever writes what the next view takes over
	past       []*view                       // guarded by changing: calls may still have them
	leaving    atomic.Pointer[[]*trunkSlots] // of those: trunks that have gone, or have other sources now; nil: none
	spread     int                           // guarded by changing: shards take turns to watch trunks
	rests      rests
	enrolments []*enrolment  // of shard 0 alone
	serial     atomic.Uint64 // o= session ids
	draining   atomic.Bool

	limited atomic.Uint64 // candidates that met a limit

	errands, subscriptions tally // what each party has under way outside calls

	left chan struct{} // a call has gone, for Drain
}

// rateCells is how many trunks, accounts and sources are remembered at a time for their rates. Chosen here: 4 MB at most.
const rateCells = 65_536

// New returns a Switch; it does nothing until its core runs.
func New(cfg Config) *Switch {
	s := &Switch{cfg: cfg.withDefaults(), shares: store.NewShares(), cells: store.NewCells(rateCells), left: make(chan struct{}, 1)}
	for range s.cfg.Core.Shards() {
		s.books = append(s.books, newBook())
	}
	s.set.Store(s.newView(cfg.Settings, &view{}))
	s.serial.Store(uint64(s.cfg.now().Unix()) << 20)
	return s
}

// Active is the number of calls, those on their way out included.
func (s *Switch) Active() int { return int(s.active.Load()) }

// Dialogs is the number of SIP dialogs of calls: early ones, and those that are over and still answer stragglers, included.
func (s *Switch) Dialogs() int {
	var n int64
	for _, b := range s.books {
		n += b.dialogs.Load()
	}
	return int(n)
}

// Subscriptions is the number of subscriptions, and Errands that of other requests outside calls that wait for their answer.
func (s *Switch) Subscriptions() int { return s.subscriptions.total() }

// Errands is described at Subscriptions.
func (s *Switch) Errands() int { return s.errands.total() }

// Request takes a request that the transaction layer has seen for the first time. tx is nil for the ACK to a 2xx.
func (s *Switch) Request(sh *txn.Shard, tx *txn.Server, f txn.Flow, m *wire.Message) {
	switch {
	case m.ToTag() != "":
		s.inDialog(sh, tx, f, m)
	case tx == nil: // an ACK outside any dialog
	case retired(f):
		reply(tx, m, 503, retryAfter())
	case s.floods(tx, f, m):
	default:
		s.outsideDialogs(sh, tx, f, s.arriving(tx, f, m))
	}
}

// outsideDialogs serves a request that may begin something.
func (s *Switch) outsideDialogs(sh *txn.Shard, tx *txn.Server, f txn.Flow, a arrival) {
	m := a.msg
	switch {
	case m.Method == wire.INVITE:
		s.invite(sh, tx, f, a)
	case a.refusal != nil:
		s.turnDown(tx, f, m, a.refusal)
	case m.Method == wire.OPTIONS:
		s.options(sh, tx, f, m)
	case m.Method == wire.MESSAGE, m.Method == wire.INFO, m.Method == wire.PUBLISH:
		s.outside(sh, tx, f, m)
	case m.Method == wire.SUBSCRIBE:
		s.subscribe(sh, tx, f, m)
	case m.Method == wire.REGISTER && s.cfg.Registrar != nil:
		s.register(sh, tx, f, m)
	case m.Method == wire.REFER: // nobody is connected whom it could move
		reply(tx, m, 403)
	case m.Method == wire.BYE, m.Method == wire.UPDATE, m.Method == wire.PRACK, m.Method == wire.NOTIFY:
		reply(tx, m, 481)
	default:
		reply(tx, m, 405, wire.Field{Name: "Allow", Value: allow})
	}
}

// register hands a REGISTER to the registrar, unless it names hosts that its side may not name.
func (s *Switch) register(sh *txn.Shard, tx *txn.Server, f txn.Flow, m *wire.Message) {
	if no := s.view().pretends(f, m); no != nil {
		s.turnDown(tx, f, m, no)
		return
	}
	s.cfg.Registrar.Request(sh, tx, f, m)
}

// retired reports whether a flow came by a socket that is configured no more.
func retired(f txn.Flow) bool {
	r, ok := f.(txn.Retiring)
	return ok && r.Retired()
}

// Cancel takes the CANCEL of an INVITE that has no final response yet.
func (s *Switch) Cancel(sh *txn.Shard, invite *txn.Server, m *wire.Message) {
	if at := s.books[sh.Index()].invites[invite]; at != nil {
		s.feed(at, Cancelled{Reasons: m.Values("Reason")})
	}
}

// Unacked: a final failure was never acknowledged. Its call is over already.
func (s *Switch) Unacked(*txn.Shard, *txn.Server) {}

// FlowLost ends what used a connection that has gone.
func (s *Switch) FlowLost(sh *txn.Shard, key txn.FlowKey) {
	for _, o := range s.books[sh.Index()].onFlow(key) {
		s.feed(o.seat, Lost{Leg: o.leg, Answerable: o.leg == legA && o.seat.invite != nil && !o.seat.invite.Ended()})
	}
	for _, u := range s.books[sh.Index()].subs.onFlow(key) {
		u.flowLost(key)
	}
	if sh.Index() != 0 {
		return
	}
	for _, e := range s.enrolments {
		e.flowLost(key)
	}
	if s.cfg.Registrar != nil {
		s.cfg.Registrar.FlowLost(key)
	}
}

// inDialog finds the leg or subscription that a request belongs to by our own tag.
func (s *Switch) inDialog(sh *txn.Shard, tx *txn.Server, f txn.Flow, m *wire.Message) {
	b := s.books[sh.Index()]
	o := b.tags[m.ToTag()]
	switch {
	case o != nil && o.seat != nil:
		if m = s.inside(o.seat.party(o.leg), o.flow, tx, f, m); m != nil {
			s.feed(o.seat, Request{Leg: o.leg, Tx: o.seat.served(tx), Flow: f, Msg: m})
		}
	case b.subs.tags[m.ToTag()] != nil:
		u := b.subs.tags[m.ToTag()]
		side := u.side(m.ToTag())
		if m = s.inside(side.party, side.flow, tx, f, m); m != nil {
			u.inDialog(tx, f, m)
		}
	case tx == nil:
	case b.tombs.answers(f.Key(), m): // it crossed with what ended the call
		reply(tx, m, 200)
	default:
		reply(tx, m, 481)
	}
}

// invite is where a call begins: who calls, and a seat for the call in the books of this shard.
func (s *Switch) invite(sh *txn.Shard, tx *txn.Server, f txn.Flow, a arrival) {
	m := a.msg
	v := s.view()
	kind, body := m.ContentType, m.Body
	who := s.identifyBy(v, f, m, a.sent) // leaves the session description alone of the body
	if who.status != 0 {                 // no call yet: a challenge, or a stranger
		reply(tx, m, who.status, who.fields...)
		return
	}
	replaces, status := replacesOf(m)
	told := topology.Read(m, who.party.Profile)
	told.Transit = who.party.Trunk
	to, ok := who.party.dialled(told.Called)
	if !who.party.Trunk {
		who.party = s.prefers(v, who.party, m)
	}
	switch {
	case who.refusal != nil:
	case a.refusal != nil:
		who.refusal = a.refusal
	case status != 0:
		who.refusal = &policy.Decision{Status: status, Rule: "dialog/replaces"}
	case replaces != nil: // whoever is behind that dialog is called, not the number
		to = ""
	case !ok:
		who.refusal = noNumber
	}
	at := s.seat(sh, v)
	s.books[sh.Index()].invites[tx] = at
	at.invite = tx
	s.feed(at, Invited{&Setup{
		ID: at.id, Caller: who.party, From: strings.Clone(who.user), To: strings.Clone(to), // what counts calls keeps them for long
		Invite: m, Parts: who.party.partsOf(kind, body), Names: a.names, Told: &told, Tx: at.served(tx), Tag: tx.Tag(), Flow: f, Refusal: who.refusal,
		Replaces: replaces, Returned: s.returned(m), Secure: m.URI.Scheme == "sips",
	}})
}

// replacesOf reads which dialog an INVITE is to take the place of, nil when none. status is what a header that cannot be followed is owed.
func replacesOf(m *wire.Message) (r *dialog.Replaces, status int) {
	values := m.Values("Replaces")
	if len(values) == 0 {
		return nil, 0
	}
	one, err := dialog.ParseReplaces(values[0])
	if err != nil || len(values) > 1 || m.Has("Join") { // RFC 3891 section 3, RFC 3911 section 4
		return nil, 400
	}
	return &one, 0
}

// noNumber refuses a call to what is neither a number nor a name.
var noNumber = &policy.Decision{Status: 404, Rule: "route/number"}

// dialledNumber is the number or name that somebody asks for, in the form that is judged and dialled. When written is neither, ok is
// false and the text is for the record alone.
func dialledNumber(written string) (to string, ok bool) {
	if to = route.Dialled(written); to == "" {
		return wire.Unescape(written), false
	}
	return to, true
}

// dialled is dialledNumber for what a party has written, in the form of the routes. An emergency service is a number only where the
// party's profile says which one.
func (p *Party) dialled(written string) (to string, ok bool) {
	if strings.HasPrefix(written, "urn:") {
		written = p.Profile.NumberIn(written)
	}
	to, ok = dialledNumber(written)
	if ok {
		to = p.Profile.NumberIn(to)
	}
	return to, ok
}

// userPart is what a Request-URI asks for, as written.
func userPart(u wire.URI) string {
	if u.Scheme == "tel" {
		return u.Opaque
	}
	return u.User
}

// reply answers a request outside any call. Anybody may send one, so nothing is kept of it.
func reply(tx *txn.Server, m *wire.Message, status int, fields ...wire.Field) {
	tx.Dismiss(m, status, fields...)
}
