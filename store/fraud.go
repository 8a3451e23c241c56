package store

import (
	"hash/maphash"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"drawbridge/policy/fraud"
)

// Frauds remembers what the fraud rules count, for a bounded number of accounts and prefixes: those that hold neither calls nor a block
// make room.
type Frauds struct {
	seed   maphash.Seed
	shards [fraudShards]fraudShard
}

const fraudShards = 16

type fraudShard struct {
	mu   sync.Mutex
	room int
	kept map[FraudKey]*fraud.Counter
}

// FraudKey is whose calls are counted towards what by which rule.
type FraudKey struct {
	Rule, Account string
	Trunk         bool
	Prefix, From  string
}

// KeyOf is the counter of a watch.
func KeyOf(w *fraud.Watch) FraudKey {
	return FraudKey{Rule: w.Rule, Account: w.Account, Trunk: w.Trunk, Prefix: w.Prefix, From: w.From}
}

// NewFrauds makes room for so many counters, of 2 kB each.
func NewFrauds(counters int) *Frauds {
	f := &Frauds{seed: maphash.MakeSeed()}
	for i := range f.shards {
		f.shards[i] = fraudShard{room: max(1, counters/fraudShards), kept: map[FraudKey]*fraud.Counter{}}
	}
	return f
}

func (f *Frauds) shard(k FraudKey) *fraudShard {
	return &f.shards[maphash.Comparable(f.seed, k)%fraudShards]
}

// Do hands the counter of a watch to fn, under the lock of its shard: fn does not block.
func (f *Frauds) Do(w *fraud.Watch, now time.Time, fn func(*fraud.Counter)) {
	k := KeyOf(w)
	s := f.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.kept[k]
	if c == nil {
		if len(s.kept) >= s.room {
			s.evict(now)
		}
		c = &fraud.Counter{}
		s.kept[k] = c
	}
	fn(c)
}

// looks bounds the counters that are looked at to make room for one: they lie in no order.
const looks = 32

// evict makes room: by what says nothing any more, else by what holds neither calls nor a block, and of these by what has seen the least. So
// a flood of calling numbers that come once each displaces itself, and not what is known of an account.
func (s *fraudShard) evict(now time.Time) {
	var spare FraudKey
	least, n := math.Inf(1), 0
	for k, c := range s.kept {
		if c.Idle(now) {
			delete(s.kept, k)
			return
		}
		if w := c.Weight(now); w < least {
			spare, least = k, w
		}
		if n++; n == looks {
			break
		}
	}
	delete(s.kept, spare)
}

// Block is an account that may not call a prefix.
type Block struct {
	FraudKey
	Until time.Time
}

// Blocks are the blocks in force, the one that ends last first.
func (f *Frauds) Blocks(now time.Time) []Block {
	var all []Block
	for i := range f.shards {
		s := &f.shards[i]
		s.mu.Lock()
		for k, c := range s.kept {
			if until := c.Blocked(now); !until.IsZero() {
				all = append(all, Block{k, until})
			}
		}
		s.mu.Unlock()
	}
	slices.SortFunc(all, func(a, b Block) int {
		if c := b.Until.Compare(a.Until); c != 0 {
			return c
		}
		return strings.Compare(a.Account, b.Account)
	})
	return all
}

// Unblock ends the blocks of an account; it says how many there were.
func (f *Frauds) Unblock(account string, now time.Time) (n int) {
	for i := range f.shards {
		s := &f.shards[i]
		s.mu.Lock()
		for k, c := range s.kept {
			if k.Account == account && !c.Blocked(now).IsZero() {
				c.Unblock()
				n++
			}
		}
		s.mu.Unlock()
	}
	return n
}

// Open is the number of places that calls hold: one for each rule that counts a call.
func (f *Frauds) Open() (n int) {
	for i := range f.shards {
		s := &f.shards[i]
		s.mu.Lock()
		for _, c := range s.kept {
			n += c.Open()
		}
		s.mu.Unlock()
	}
	return n
}

// Len is the number of counters.
func (f *Frauds) Len() (n int) {
	for i := range f.shards {
		s := &f.shards[i]
		s.mu.Lock()
		n += len(s.kept)
		s.mu.Unlock()
	}
	return n
}
