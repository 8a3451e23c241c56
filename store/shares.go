package store

import (
	"hash/maphash"
	"sync"
	"sync/atomic"

	"drawbridge/policy/limit"
)

// Shares counts what is in use of each thing that has limits. A thing with nothing in use is forgotten, so there are no more than the
// calls that are up have legs.
type Shares struct {
	seed   maphash.Seed
	shards [shareShards]shareShard
	below  atomic.Uint64
}

// shareShards keeps goroutines out of each other's way, but for those that count the same thing.
const shareShards = 16

type shareShard struct {
	mu sync.Mutex
	in map[limit.Key]limit.Use
}

// NewShares returns counts with nothing in use.
func NewShares() *Shares {
	s := &Shares{seed: maphash.MakeSeed()}
	for i := range s.shards {
		s.shards[i].in = map[limit.Key]limit.Use{}
	}
	return s
}

func (s *Shares) shard(k limit.Key) *shareShard {
	return &s.shards[maphash.Comparable(s.seed, k)%shareShards]
}

// Take counts more in, if the bounds have room for it: in one step, so that two who ask at once do not get the same last place. It
// returns the limit that refuses, "" when it has been counted.
func (s *Shares) Take(k limit.Key, b limit.Bounds, more limit.Use, emergency bool) limit.What {
	sh := s.shard(k)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	in := sh.in[k]
	if no := b.Room(in, more, emergency); no != "" {
		return no
	}
	sh.set(k, in.Add(more))
	return ""
}

// Give counts out what has been taken. More than that leaves nothing in use, and is counted by Below.
func (s *Shares) Give(k limit.Key, gone limit.Use) {
	sh := s.shard(k)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	left, err := sh.in[k].Sub(gone)
	if err != nil {
		s.below.Add(1)
	}
	sh.set(k, left)
}

func (sh *shareShard) set(k limit.Key, in limit.Use) {
	if in == (limit.Use{}) {
		delete(sh.in, k)
		return
	}
	sh.in[k] = in
}

// Of is what is in use of a thing.
func (s *Shares) Of(k limit.Key) limit.Use {
	sh := s.shard(k)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return sh.in[k]
}

// Len is the number of things that have something in use.
func (s *Shares) Len() int {
	n := 0
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.Lock()
		n += len(sh.in)
		sh.mu.Unlock()
	}
	return n
}

// Below is how often more was given back than had been taken: each time is a defect.
func (s *Shares) Below() uint64 { return s.below.Load() }
