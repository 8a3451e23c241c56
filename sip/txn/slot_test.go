package txn

import (
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestSlotsKeepTheOrder: whatever is set and stopped, timers fire in the order of their ends, and of their setting where those are equal, as
// if each stood by itself.
func TestSlotsKeepTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		c, random := b.sh.clock, rand.New(rand.NewPCG(1, 2))
		type set struct {
			due   time.Duration
			n     int
			timer Timer
		}
		var running []*set
		var fired []int
		for n := range 20_000 {
			s := &set{n: n}
			d := []time.Duration{500 * time.Millisecond, 2 * time.Second, 32 * time.Second, 50 * time.Millisecond * time.Duration(random.IntN(90))}[random.IntN(4)]
			s.timer = c.after(d, userTimer(func() { fired = append(fired, s.n) }), timerKind(random.IntN(2)))
			s.due = s.timer.entry.due
			running = append(running, s)
			if random.IntN(3) == 0 {
				i := random.IntN(len(running))
				running[i].timer.Stop()
				running = slices.Delete(running, i, i+1)
			}
			if random.IntN(10) != 0 {
				continue
			}
			time.Sleep(time.Duration(random.IntN(8)) * 25 * time.Millisecond)
			slices.SortStableFunc(running, func(a, b *set) int { return int(a.due - b.due) })
			var want []int
			for len(running) > 0 && running[0].due <= c.now() {
				want = append(want, running[0].n)
				running = running[1:]
			}
			slices.SortStableFunc(running, func(a, b *set) int { return a.n - b.n })
			fired = fired[:0]
			b.sh.fire()
			if !slices.Equal(fired, want) {
				t.Fatalf("timers fire in the order %v, want %v", fired, want)
			}
			if c.set != len(running) {
				t.Fatalf("%d timers run, want %d", c.set, len(running))
			}
		}
		time.Sleep(time.Minute)
		b.sh.fire()
		if len(c.heap) != 0 || len(c.slots) != 0 || c.set != 0 {
			t.Errorf("%d timers, %d slots, %d in the heap are left", c.set, len(c.slots), len(c.heap))
		}
	})
}
