package txn

import (
	"testing"
	"testing/synctest"
	"time"
)

// The ends of transactions that began at odd times come together, none of them early and none much later; what is sent again comes on
// time.
func TestLongTimersEndTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		ends := map[time.Duration]int{}
		begin := time.Now()
		for range 500 {
			time.Sleep(2*time.Millisecond - time.Microsecond)
			want := time.Since(begin) + TimerL
			b.sh.clock.after(TimerL, userTimer(func() {
				now := time.Since(begin)
				ends[now]++
				if now < want || now >= want+grid {
					t.Errorf("%v, was set for %v", now, want)
				}
			}), life)
		}
		set := time.Now()
		var again time.Duration
		b.sh.clock.after(T1, userTimer(func() { again = time.Since(set) }), retry)
		for time.Since(begin) < TimerL+2*time.Second {
			time.Sleep(time.Millisecond)
			b.sh.fire()
		}
		if len(ends) > int(time.Second/grid)+1 {
			t.Errorf("%d moments for the end of a second's transactions", len(ends))
		}
		if again != T1 {
			t.Errorf("a retransmission comes after %v", again)
		}
	})
}

// TestClocksAgree: the days of all shards end together, whenever a shard was made.
func TestClocksAgree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := newClock()
		time.Sleep(dayLength / 3)
		if apart := newClock().start.Sub(first.start); apart%dayLength != 0 {
			t.Errorf("the clocks are %v apart", apart)
		}
		time.Sleep(dayLength)
		if apart := newClock().start.Sub(first.start); apart != dayLength {
			t.Errorf("the clocks are %v apart", apart)
		}
	})
}
