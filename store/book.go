package store

import (
	"hash/maphash"
	"sync"
)

// Book remembers a value per key, for a bounded number of keys: what came once makes room before what came again, so that a flood of new
// keys displaces itself.
type Book[K comparable, V any] struct {
	seed   maphash.Seed
	shards [bookShards]bookShard[K, V]
}

const bookShards = 16

type bookShard[K comparable, V any] struct {
	mu    sync.Mutex
	index map[K]int32
	slots []bookSlot[K, V]
	hand  int32 // of the clock that looks for a slot to reuse
	room  int32
}

type bookSlot[K comparable, V any] struct {
	key   K
	value V
	used  bool // again, since the hand last came by
}

// NewBook makes room for so many keys; less than one a shard is one.
func NewBook[K comparable, V any](keys int) *Book[K, V] {
	b := &Book[K, V]{seed: maphash.MakeSeed()}
	for i := range b.shards {
		b.shards[i] = bookShard[K, V]{index: make(map[K]int32), room: int32(max(1, keys/bookShards))}
	}
	return b
}

// Do lets f read and change a key's value, the zero one of a key that is new. f is called once, under the lock of the key's shard: it does
// not block.
func (b *Book[K, V]) Do(key K, f func(*V)) {
	s := &b.shards[maphash.Comparable(b.seed, key)%bookShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	i, known := s.index[key]
	if !known {
		i = s.vacant()
		s.index[key] = i
		s.slots[i] = bookSlot[K, V]{key: key}
	} else {
		s.slots[i].used = true
	}
	f(&s.slots[i].value)
}

// Look lets f read and change a key's value if the key is remembered. Asking is no use of the key: it does not keep it from making room.
func (b *Book[K, V]) Look(key K, f func(*V)) {
	s := &b.shards[maphash.Comparable(b.seed, key)%bookShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	if i, known := s.index[key]; known {
		f(&s.slots[i].value)
	}
}

// vacant finds a slot: a new one, or the first that has not been used since the hand last came by.
func (s *bookShard[K, V]) vacant() int32 {
	if int32(len(s.slots)) < s.room {
		s.slots = append(s.slots, bookSlot[K, V]{})
		return int32(len(s.slots)) - 1
	}
	for {
		i := s.hand
		s.hand = (s.hand + 1) % s.room
		if slot := &s.slots[i]; slot.used {
			slot.used = false
			continue
		}
		delete(s.index, s.slots[i].key)
		return i
	}
}

// Len is the number of keys that are remembered.
func (b *Book[K, V]) Len() int {
	n := 0
	for i := range b.shards {
		s := &b.shards[i]
		s.mu.Lock()
		n += len(s.index)
		s.mu.Unlock()
	}
	return n
}
