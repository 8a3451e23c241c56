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

// Looking up a key makes none.
func TestBookLook(t *testing.T) {
	b := NewBook[int, int](100)
	seen := 0
	b.Look(1, func(*int) { seen++ })
	if seen != 0 || b.Len() != 0 {
		t.Errorf("%d calls for a key that is not there, %d keys", seen, b.Len())
	}
	b.Do(1, func(v *int) { *v = 7 })
	b.Look(1, func(v *int) { seen = *v })
	if seen != 7 {
		t.Errorf("saw %d, want 7", seen)
	}
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
