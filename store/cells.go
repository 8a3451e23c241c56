package store

import (
	"hash/maphash"
	"sync"

	"drawbridge/policy/limit"
)

// Cells remembers a cell per key, for a bounded number of keys: the least recently used one makes room. The zero value is not usable.
type Cells struct {
	seed   maphash.Seed
	shards [cellShards]cellShard
}

// cellShards keeps goroutines out of each other's way.
const cellShards = 64

type cellShard struct {
	mu    sync.Mutex
	index map[uint64]int32
	slots []cellSlot
	hand  int32 // of the clock that looks for a slot to reuse
	room  int32
}

type cellSlot struct {
	key  uint64
	cell limit.Cell
	used bool // again, since the hand last came by: what came once makes room first, so that a flood of new keys displaces itself
}

// NewCells makes room for so many keys; less than one a shard is one.
func NewCells(keys int) *Cells {
	c := &Cells{seed: maphash.MakeSeed()}
	for i := range c.shards {
		c.shards[i] = cellShard{index: make(map[uint64]int32), room: int32(max(1, keys/cellShards))}
	}
	return c
}

// Key is a thing that is limited, such as a method from a source in a realm. Which key a thing has is secret, so that nobody can aim at
// another's cell.
func (c *Cells) Key(kind string, parts ...string) uint64 {
	var h maphash.Hash
	h.SetSeed(c.seed)
	_, _ = h.WriteString(kind)
	for _, p := range parts {
		_ = h.WriteByte(0)
		_, _ = h.WriteString(p)
	}
	return h.Sum64()
}

// Do replaces a key's cell by what f makes of it. f is called once, under the lock of the key's shard: it does not block.
func (c *Cells) Do(key uint64, now int64, f func(limit.Cell) limit.Cell) {
	s := &c.shards[key%cellShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	i, known := s.index[key]
	if !known {
		next := f(0)
		if next == 0 {
			return
		}
		i = s.vacant(now)
		s.index[key] = i
		s.slots[i] = cellSlot{key: key, cell: next}
		return
	}
	slot := &s.slots[i]
	slot.cell, slot.used = f(slot.cell), true
}

// vacant finds a slot: a new one, or the first that the hand finds idle or unused since it last came by.
func (s *cellShard) vacant(now int64) int32 {
	if int32(len(s.slots)) < s.room {
		s.slots = append(s.slots, cellSlot{})
		return int32(len(s.slots)) - 1
	}
	for {
		i := s.hand
		s.hand = (s.hand + 1) % s.room
		slot := &s.slots[i]
		if slot.used && !slot.cell.Idle(now) {
			slot.used = false
			continue
		}
		delete(s.index, slot.key)
		return i
	}
}

// Len is the number of keys that are remembered.
func (c *Cells) Len() int {
	n := 0
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		n += len(s.index)
		s.mu.Unlock()
	}
	return n
}
