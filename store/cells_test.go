package store

import (
	"strconv"
	"sync"
	"testing"
	"time"

	"drawbridge/policy/limit"
)

func take(c *Cells, key uint64, r limit.Rate, now int64) bool {
	ok := false
	c.Do(key, now, func(cell limit.Cell) limit.Cell {
		next, wait := r.Take(cell, now)
		ok = wait == 0
		return next
	})
	return ok
}

func TestCellsAreBounded(t *testing.T) {
	c := NewCells(1000)
	r := limit.PerSecond(1, 1)
	for i := range 100_000 {
		take(c, c.Key("source", strconv.Itoa(i)), r, int64(time.Hour))
	}
	if n := c.Len(); n > 1000 {
		t.Errorf("%d keys are remembered, want 1000 at most", n)
	}
}

// A flood of new keys does not wash away the one that is used all the time.
func TestCellsKeepWhatIsUsed(t *testing.T) {
	c := NewCells(cellShards * 8)
	r := limit.PerSecond(0.001, 1)
	key := c.Key("source", "regular")
	now := int64(time.Hour)
	if !take(c, key, r, now) {
		t.Fatal("the first is refused")
	}
	for i := range 20_000 {
		take(c, c.Key("source", strconv.Itoa(i)), r, now)
		if take(c, key, r, now) {
			t.Fatalf("forgotten after %d others", i)
		}
	}
}

func TestCellsTellKeysApart(t *testing.T) {
	c := NewCells(1000)
	if c.Key("a", "bc") == c.Key("ab", "c") || c.Key("a", "b", "") == c.Key("a", "b") {
		t.Error("different things have one key")
	}
}

func TestCellsTogether(t *testing.T) {
	c := NewCells(100)
	r := limit.PerSecond(1, 50)
	key := c.Key("account", "alice")
	var wg sync.WaitGroup
	var mu sync.Mutex
	admitted := 0
	for range 1000 {
		wg.Go(func() {
			if take(c, key, r, int64(time.Hour)) {
				mu.Lock()
				admitted++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if admitted != 50 {
		t.Errorf("%d admitted at once, want the burst of 50", admitted)
	}
}

func BenchmarkCells(b *testing.B) {
	c := NewCells(100_000)
	r := limit.PerSecond(1e6, 10)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		i := 0
		for pb.Next() {
			take(c, uint64(i%50_000)*0x9E3779B97F4A7C15, r, int64(i))
			i++
		}
	})
}
