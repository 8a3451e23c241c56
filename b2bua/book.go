package b2bua

import (
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"drawbridge/sip/txn"
)

// book is what one shard's goroutine knows of its calls.
type book struct {
	seats   map[*seat]struct{}
	tags    map[string]*owner // our tags: SIP dialogs
	tombs   *tombs
	lines   map[lineKey]*owner
	invites map[*txn.Server]*seat // callers' INVITEs without a final response
	flows   map[txn.FlowKey]map[*owner]struct{}
	subs    *subscriptions
	dialogs atomic.Int64 // tags and tombs, for other goroutines

	mint  func() string // the shard's tokens
	acts  []Action      // empty, but grown: what a call asks for in its turn; nil while one has it
	inbox []Event       // the same for what happens to it
}

// owner is the leg behind a tag, a line's call or a flow. seat is nil when the call has gone.
type owner struct {
	seat *seat
	leg  LegID
	tag  string
	flow txn.Flow // nil on a line
	line lineKey
}

// lineKey names a call on a JSON line.
type lineKey struct {
	line uint64
	ref  string
}

// seat is a call in the books, with all that has to be given back when it ends.
type seat struct {
	id      CallID
	call    *Call
	sh      *txn.Shard
	invite  *txn.Server // the caller's, while it has no final response
	servers numbered[txn.Server]
	last    TxID // last server transaction number
	clients numbered[txn.Client]
	alarm   txn.Timer // for the call's timer that is due first
	rings   time.Time // when it rings
	ring    func()    // what it does then; nil before the first
	owners  []*owner
	media   session
	slots   slots
	watched *watched // nil: no fraud rule asks
	view    *view    // what is configured for it, to its end

	settled []string // when it is buried: To tags of 2xx that need no BYE any more

	inbox  []Event // in a turn: events that the execution of an action has brought
	busy   bool
	ended  bool // its CDR is out
	broken bool // a defect has struck it: it is on its way out
}

// firstServerTx keeps the numbers of server transactions apart from those that the call gives to its client transactions.
const firstServerTx TxID = 1 << 31

func newBook() *book {
	return &book{
		seats: map[*seat]struct{}{}, tags: map[string]*owner{}, tombs: newTombs(), lines: map[lineKey]*owner{},
		invites: map[*txn.Server]*seat{}, flows: map[txn.FlowKey]map[*owner]struct{}{},
		subs: &subscriptions{tags: map[string]*subscription{}, flows: map[txn.FlowKey]map[*subscription]struct{}{}},
	}
}

// seat makes room for a new call.
func (s *Switch) seat(sh *txn.Shard, v *view) *seat {
	at := &seat{id: CallID(sh.Token()), sh: sh, last: firstServerTx, view: v}
	v.calls.Add(1)
	const legsPerCall = 64 // room for the session ids of a call's legs
	b := s.books[sh.Index()]
	if b.mint == nil {
		b.mint = sh.Token
	}
	at.call = newCall(callConfig{ring: s.cfg.Ring, session: s.cfg.Session, allDown: v.AllDown, serial: s.serial.Add(legsPerCall)}, b.mint)
	b.seats[at] = struct{}{}
	s.active.Add(1)
	return at
}

// served numbers a server transaction; 0 for an ACK, which has none.
func (at *seat) served(tx *txn.Server) TxID {
	if tx == nil {
		return 0
	}
	at.last++
	at.servers.put(at.last, tx)
	return at.last
}

// numbered are the transactions of a call that run. There is one at a time, or two.
type numbered[T any] []struct {
	id TxID
	tx *T
}

// of finds a transaction, nil when there is none of that number.
func (n numbered[T]) of(id TxID) *T {
	for _, each := range n {
		if each.id == id {
			return each.tx
		}
	}
	return nil
}

// put enters a transaction, in the place of the one before it: an INVITE that is sent again, with credentials or a longer interval, keeps its
// number.
func (n *numbered[T]) put(id TxID, tx *T) {
	n.drop(id)
	*n = append(*n, struct {
		id TxID
		tx *T
	}{id, tx})
}

func (n *numbered[T]) drop(id TxID) {
	for i, each := range *n {
		if each.id == id {
			*n = slices.Delete(*n, i, i+1)
			return
		}
	}
}

// own enters the owner of a tag and its flow.
func (b *book) own(at *seat, a Own) {
	o := &owner{seat: at, leg: a.Leg, tag: a.Tag, flow: a.Flow}
	at.owners = append(at.owners, o)
	b.tags[o.tag] = o
	b.count()
	if !a.Flow.Reliable() {
		return
	}
	k := o.flow.Key()
	if b.flows[k] == nil {
		b.flows[k] = map[*owner]struct{}{}
	}
	b.flows[k][o] = struct{}{}
}

// ownLine enters the owner of a call on a JSON line.
func (b *book) ownLine(at *seat, a OwnLine) {
	o := &owner{seat: at, leg: a.Leg, line: lineKey{a.Line.ID(), a.Ref}}
	at.owners = append(at.owners, o)
	b.lines[o.line] = o
}

// onFlow lists the legs that use a flow. The list is a copy: ending them changes the book.
func (b *book) onFlow(key txn.FlowKey) []*owner {
	var all []*owner
	for o := range b.flows[key] {
		if o.seat != nil {
			all = append(all, o)
		}
	}
	return all
}

// onLine lists the calls of a JSON line.
func (b *book) onLine(id uint64) []*owner {
	var all []*owner
	for k, o := range b.lines {
		if k.line == id {
			all = append(all, o)
		}
	}
	return all
}

// strike removes a call from the book. Its tombs stay for the stragglers of their dialogs.
func (b *book) strike(at *seat, tombs []Tomb) {
	for _, o := range at.owners {
		o.seat = nil
		if o.tag == "" {
			delete(b.lines, o.line)
			continue
		}
		if legs := b.flows[o.flow.Key()]; legs != nil {
			delete(legs, o)
			if len(legs) == 0 {
				delete(b.flows, o.flow.Key())
			}
		}
		i := slices.IndexFunc(tombs, func(t Tomb) bool { return t.Tag == o.tag })
		delete(b.tags, o.tag)
		if i < 0 {
			continue
		}
		at.settled = append(at.settled, tombs[i].Far...)
		b.raise(at.sh, o.tag, o.flow.Key(), tombs[i].Rang)
	}
	b.count()
	if at.invite != nil {
		delete(b.invites, at.invite)
	}
	delete(b.seats, at)
}

// count publishes the number of dialogs.
func (b *book) count() { b.dialogs.Store(int64(len(b.tags) + b.tombs.len())) }

// subscriptions are those of one shard: by our tags, and by the connections they use.
type subscriptions struct {
	tags  map[string]*subscription
	flows map[txn.FlowKey]map[*subscription]struct{}
}

// enter books one side of a subscription.
func (b *subscriptions) enter(u *subscription, side usage) {
	b.tags[side.tag] = u
	if !side.flow.Reliable() {
		return
	}
	key := side.flow.Key()
	if b.flows[key] == nil {
		b.flows[key] = map[*subscription]struct{}{}
	}
	b.flows[key][u] = struct{}{}
}

// leave strikes one side of a subscription. Both sides may share a connection: it is kept for the other.
func (b *subscriptions) leave(u *subscription, side usage) {
	if side.tag == "" {
		return
	}
	delete(b.tags, side.tag)
	key := side.flow.Key()
	for _, other := range []usage{u.near, u.far} {
		if b.tags[other.tag] == u && other.flow.Key() == key {
			return
		}
	}
	if delete(b.flows[key], u); len(b.flows[key]) == 0 {
		delete(b.flows, key)
	}
}

// onFlow lists the subscriptions that use a connection. The list is a copy: ending them changes the book.
func (b *subscriptions) onFlow(key txn.FlowKey) []*subscription {
	return slices.Collect(maps.Keys(b.flows[key]))
}
