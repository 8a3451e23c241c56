package b2bua

import (
	"hash/maphash"
	"net/netip"
	"time"

	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
)

// tombDay is how many tombs end together. Chosen here: a quarter of a second in half a minute.
const tombDay = 250 * time.Millisecond

// tombs are the dialogs of one shard that are over and still answer stragglers for 64*T1. There are a quarter of a million of them at 4 000
// calls a second: like the relics of transactions they are free of pointers, so that the garbage collector has nothing to walk through.
type tombs struct {
	seed maphash.Seed
	all  map[tagKey]tomb
	room txn.Room
	day  []tagKey // of the tombs that have come since the last day was closed; nil: none
}

// tagKey is a tag of ours. A token is shorter; what a peer sends that is not is no tag of ours.
type tagKey [32]byte

func tagKeyOf(tag string) (k tagKey) {
	copy(k[:], tag)
	return k
}

// tomb is what a straggler is judged by.
type tomb struct {
	host uint64 // a hash of where the dialog's other end was
	rang bool   // an 18x waits for its PRACK
}

func newTombs() *tombs { return &tombs{seed: maphash.MakeSeed(), all: map[tagKey]tomb{}} }

// host hashes the host that a flow leads to: a trunk's proxy sends over its own connection what we send over ours.
func (t *tombs) host(k txn.FlowKey) uint64 {
	return maphash.Comparable(t.seed, struct {
		realm string
		addr  netip.Addr
	}{k.Realm, k.Remote.Addr()})
}

// find returns the tomb of a tag.
func (t *tombs) find(tag string) (tomb, bool) {
	found, ok := t.all[tagKeyOf(tag)]
	return found, ok && len(tag) <= len(tagKey{})
}

// answers reports whether a request is for a dialog that is over and is owed a 200: a BYE, or the PRACK that an 18x waited for.
func (t *tombs) answers(k txn.FlowKey, m *wire.Message) bool {
	over, ok := t.find(m.ToTag())
	return ok && over.host == t.host(k) && (m.Method == wire.BYE || m.Method == wire.PRACK && over.rang)
}

// raise puts a tomb up for 64*T1.
func (b *book) raise(sh *txn.Shard, tag string, flow txn.FlowKey, rang bool) {
	t := b.tombs
	if t.day == nil {
		sh.After(tombDay, func() {
			day := t.day
			t.day = nil
			sh.After(lifetime, func() { b.level(day) })
		})
	}
	t.day = append(t.day, tagKeyOf(tag))
	t.all[tagKeyOf(tag)] = tomb{t.host(flow), rang}
}

// level takes a day's tombs away.
func (b *book) level(day []tagKey) {
	t := b.tombs
	t.room.Note(len(t.all))
	for _, k := range day {
		delete(t.all, k)
	}
	t.all = txn.Lean(t.all, &t.room)
	b.count()
}
