package store

import (
	"sync"
	"testing"

	"drawbridge/policy/score"
)

func TestScores(t *testing.T) {
	var s Scores
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 1000 {
				s.Do("acme", func(was score.State) score.State { return was.Tried(i%2 == 0, score.Rules{}) })
				s.Get("backup")
			}
		})
	}
	all.Wait()
	if asr, ok := s.Get("acme").ASR(); !ok || asr < 1 || asr > 99 {
		t.Errorf("ASR %d, %t", asr, ok)
	}
	if _, ok := s.Get("backup").ASR(); ok {
		t.Error("nobody has called over backup")
	}
}
