package store

import (
	"sync"
	"testing"
)

func TestBookIsBounded(t *testing.T) {
	b := NewBook[int, int](1000)
	for i := range 100_000 {
		b.Do(i, func(v *int) { *v++ })
		b.Do(-1, func(v *int) { *v++ }) // used all the time: it stays
	}
	if n := b.Len(); n > 1000 {
		t.Errorf("%d keys are remembered, want 1000 at most", n)
	}
	b.Do(-1, func(v *int) {
		if *v != 100_000 {
			t.Errorf("the regular was counted %d times of 100000", *v)
		}
	})
}

func TestBookTogether(t *testing.T) {
	b := NewBook[string, int](100)
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() { b.Do("one", func(v *int) { *v++ }) })
	}
	wg.Wait()
	b.Do("one", func(v *int) {
		if *v != 100 {
			t.Errorf("counted %d of 100", *v)
		}
	})
}
