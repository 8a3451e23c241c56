package store

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"drawbridge/policy/limit"
)

// A thousand at once never exceed the limit, and what is given back is there again.
func TestSharesAtOnce(t *testing.T) {
	const most = 100
	s := NewShares()
	key := limit.Key{Scope: limit.Trunk, Name: "acme"}
	var in, peak, admitted atomic.Int64
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range 1000 {
		random := rand.New(rand.NewPCG(1, uint64(i)))
		wg.Go(func() {
			<-start
			for range 50 {
				one := limit.Use{Calls: 1, Bandwidth: 80_000}
				if s.Take(key, limit.Bounds{Calls: most}, one, false) != "" {
					continue
				}
				admitted.Add(1)
				n := in.Add(1)
				for p := peak.Load(); n > p && !peak.CompareAndSwap(p, n); p = peak.Load() {
				}
				for range random.IntN(100) {
					_ = s.Of(key)
				}
				in.Add(-1)
				s.Give(key, one)
			}
		})
	}
	close(start)
	wg.Wait()
	if peak.Load() > most {
		t.Errorf("%d at once, the limit is %d", peak.Load(), most)
	}
	if admitted.Load() < most || s.Len() != 0 || s.Below() != 0 {
		t.Errorf("%d admitted, %d left, %d times below zero", admitted.Load(), s.Len(), s.Below())
	}
}

func TestSharesNeverBelowZero(t *testing.T) {
	s := NewShares()
	key := limit.Key{Scope: limit.Realm, Name: "carrier"}
	s.Take(key, limit.Bounds{}, limit.Use{Calls: 1}, false)
	s.Give(key, limit.Use{Calls: 1})
	s.Give(key, limit.Use{Calls: 1})
	if s.Of(key) != (limit.Use{}) || s.Below() != 1 || s.Len() != 0 {
		t.Errorf("%+v in use, %d times below zero, %d keys", s.Of(key), s.Below(), s.Len())
	}
}
