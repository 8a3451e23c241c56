package b2bua

import (
	"hash/maphash"
	"net/netip"
	"time"

	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
)

// Chosen here: a tomb stays for 64*T1, or as long as others of its age.
const (
	tombAge  = 8 * time.Second
	tombAges = int(lifetime/tombAge) + 1
)

// tombs are the dialogs of one shard that are over and still answer stragglers for 64*T1. There are a quarter of a million of them at 4 000
// calls a second: like the relics of transactions they are free of pointers, so that the garbage collector has nothing to walk through. None is
// taken away by itself, but an age of them at once.
type tombs struct {
	seed    maphash.Seed
	ages    [tombAges]map[uint64]tomb // by a hash of the tag; the youngest first
	turning bool                      // there are some
}

// tomb is what a straggler is judged by: a hash of where the dialog's other end was. The last bit is not part of it: it says that an 18x
// waits for its PRACK.
type tomb uint64

const rangBit tomb = 1

func newTombs() *tombs { return &tombs{seed: maphash.MakeSeed()} }

// host hashes the host that a flow leads to: a trunk's proxy sends over its own connection what we send over ours.
func (t *tombs) host(k txn.FlowKey) tomb {
	return tomb(maphash.Comparable(t.seed, struct {
		realm string
		addr  netip.Addr
	}{k.Realm, k.Remote.Addr()})) &^ rangBit
}

// find returns the tomb of a tag.
func (t *tombs) find(tag string) (tomb, bool) {
	k := maphash.String(t.seed, tag)
	for _, age := range t.ages {
		if found, ok := age[k]; ok {
			return found, true
		}
	}
	return 0, false
}

// len is how many there are.
func (t *tombs) len() (n int) {
	for _, age := range t.ages {
		n += len(age)
	}
	return n
}

// answers reports whether a request is for a dialog that is over and is owed a 200: a BYE, or the PRACK that an 18x waited for.
func (t *tombs) answers(k txn.FlowKey, m *wire.Message) bool {
	over, ok := t.find(m.ToTag())
	return ok && over&^rangBit == t.host(k) && (m.Method == wire.BYE || m.Method == wire.PRACK && over&rangBit != 0)
}

// raise puts a tomb up for 64*T1.
func (b *book) raise(sh *txn.Shard, tag string, flow txn.FlowKey, rang bool) {
	t := b.tombs
	if t.ages[0] == nil {
		t.ages[0] = make(map[uint64]tomb, len(t.ages[1]))
	}
	over := t.host(flow)
	if rang {
		over |= rangBit
	}
	t.ages[0][maphash.String(t.seed, tag)] = over
	if !t.turning {
		t.turning = true
		sh.After(tombAge, func() { b.level(sh) })
	}
}

// level takes the oldest tombs away.
func (b *book) level(sh *txn.Shard) {
	t := b.tombs
	copy(t.ages[1:], t.ages[:])
	t.ages[0] = nil
	b.count()
	if t.turning = t.len() > 0; t.turning {
		sh.After(tombAge, func() { b.level(sh) })
	}
}
