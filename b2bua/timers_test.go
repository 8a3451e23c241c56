package b2bua

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/sip/txn"
)

func TestTimersFireInTheOrderTheyAreDue(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	ack, ring, repeat, again := Timer{legA, ackTimer}, Timer{noLeg, ringTimer}, Timer{legA, repeatTimer}, Timer{1, repeatTimer}
	var all timers
	if _, ok := all.first(); ok {
		t.Error("none runs")
	}
	all.start(ack, at(3))
	all.start(ring, at(1))
	all.start(repeat, at(1))
	all.start(again, at(2))
	all.start(ring, at(2)) // anew: behind the one that is due at the same time
	all.stop(Timer{1, ackTimer})
	var fired []Timer
	for next, ok := all.first(); ok; next, ok = all.first() {
		fired = append(fired, next.key)
		all.stop(next.key)
	}
	if want := []Timer{repeat, again, ring, ack}; !slices.Equal(want, fired) {
		t.Errorf("fired %v, want %v", fired, want)
	}
}

// TestACallHasOneTimerOfTheShard: whatever runs in it, and none when nothing does.
func TestACallHasOneTimerOfTheShard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		defer w.close()
		w.peers["A"].send(w.peers["A"].call("100"))
		synctest.Wait()
		seen := 0
		for shard, b := range w.sw.books {
			w.core.PostForced(shard, func(*txn.Shard) {
				for at := range b.seats {
					seen++
					first, _ := at.call.out.ticks.first()
					if n := len(at.call.out.ticks); n < 2 || !at.alarm.Active() || !at.rings.Equal(first.due) {
						t.Errorf("%d timers run, alarm %t rings at %v, the first is due at %v", n, at.alarm.Active(), at.rings, first.due)
					}
				}
			})
			synctest.Wait()
		}
		if seen != 1 {
			t.Errorf("%d calls", seen)
		}
	})
}
