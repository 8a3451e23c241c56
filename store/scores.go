package store

import (
	"sync"

	"drawbridge/policy/score"
)

// Scores remembers how the calls of each trunk have been. Their names come from the configuration, so nobody outside can make it grow. The
// zero value is empty.
type Scores struct {
	mu sync.Mutex
	of map[string]score.State
}

// Do replaces what is known of a trunk by what f makes of it. f is called once, under the lock: it does not block.
func (s *Scores) Do(trunk string, f func(score.State) score.State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil {
		s.of = map[string]score.State{}
	}
	s.of[trunk] = f(s.of[trunk])
}

// Get is what is known of a trunk.
func (s *Scores) Get(trunk string) score.State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.of[trunk]
}
