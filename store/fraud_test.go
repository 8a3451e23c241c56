package store

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"drawbridge/policy/fraud"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func watch(t testing.TB, account string, critical fraud.Limits) *fraud.Watch {
	t.Helper()
	table, err := fraud.Compile(fraud.Config{Rules: []fraud.Rule{{Name: "r", Critical: critical}}})
	if err != nil {
		t.Fatal(err)
	}
	w := table.Watches(fraud.Attempt{Account: account, Number: "+25261"}, noon)
	return &w[0]
}

func TestFraudsAreBounded(t *testing.T) {
	f := NewFrauds(160)
	blocked := watch(t, "thief", fraud.Limits{fraud.PerMinute: 1})
	for range 2 {
		f.Do(blocked, noon, func(c *fraud.Counter) { c.Try(blocked, noon) })
	}
	for i := range 5000 {
		w := watch(t, fmt.Sprint("user", i), fraud.Limits{})
		f.Do(w, noon, func(c *fraud.Counter) {
			c.Try(w, noon)
			c.End(w, noon, fraud.Ending{})
		})
	}
	if n := f.Len(); n > 160 {
		t.Errorf("%d counters, want 160 at most", n)
	}
	if b := f.Blocks(noon); len(b) != 1 || b[0].Account != "thief" || !b[0].Until.Equal(noon.Add(time.Hour)) {
		t.Errorf("a block is forgotten: %+v", b)
	}
	if n := f.Unblock("thief", noon); n != 1 || len(f.Blocks(noon)) != 0 {
		t.Errorf("%d unblocked", n)
	}
}

// TestFloodOfCallersDisplacesItself: what an account has done today is not forgotten for calling numbers that come once each.
func TestFloodOfCallersDisplacesItself(t *testing.T) {
	f := NewFrauds(800)
	try := func(w *fraud.Watch) (refused bool) {
		f.Do(w, noon, func(c *fraud.Counter) {
			if refused = c.Try(w, noon).Refuse; !refused {
				c.End(w, noon, fraud.Ending{Answered: true})
			}
		})
		return refused
	}
	var known []*fraud.Watch
	for i := range 100 {
		known = append(known, watch(t, fmt.Sprint("account", i), fraud.Limits{fraud.PerDay: 20}))
		for range 20 {
			try(known[i])
		}
	}
	for i := range 20000 {
		try(watch(t, fmt.Sprint("caller", i), fraud.Limits{}))
	}
	forgotten := 0
	for _, w := range known {
		if !try(w) {
			forgotten++
		}
	}
	if forgotten > 0 {
		t.Errorf("%d of 100 accounts may begin anew", forgotten)
	}
}

func TestFraudsTogether(t *testing.T) {
	f := NewFrauds(100)
	w := watch(t, "alice", fraud.Limits{fraud.Concurrent: 50})
	var wg sync.WaitGroup
	var mu sync.Mutex
	allowed := 0
	for range 1000 {
		wg.Go(func() {
			f.Do(w, noon, func(c *fraud.Counter) {
				if !c.Try(w, noon).Refuse {
					mu.Lock()
					allowed++
					mu.Unlock()
				}
			})
		})
	}
	wg.Wait()
	if allowed != 50 || f.Open() != 50 {
		t.Errorf("%d allowed, %d open, want 50", allowed, f.Open())
	}
	for range 50 {
		f.Do(w, noon, func(c *fraud.Counter) { c.End(w, noon, fraud.Ending{}) })
	}
	if f.Open() != 0 {
		t.Errorf("%d are left", f.Open())
	}
}
