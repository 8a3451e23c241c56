package media

import (
	"testing"
	"time"
)

// A loop that carries media comes round before the scheduler's monitor would step in; an idle one sleeps for as long as its timers allow.
func TestPace(t *testing.T) {
	const ms = int64(time.Millisecond)
	l := &loop{now: 1000 * ms}
	if got := l.wait(l.now); got != -1 {
		t.Errorf("idle, no timer: %d ms, want to wait for ever", got)
	}
	l.yield(false)
	if l.pace != (pace{}) {
		t.Errorf("an idle round owes a turn: %+v", l.pace)
	}

	l.yield(true) // takes its turn at once: the last was long ago
	heard := l.now
	for _, c := range []struct {
		after int64 // since then
		want  int
	}{{0, 8}, {1, 8}, {ms, 7}, {8*ms - 1, 1}, {8 * ms, 0}, {30 * ms, 0}, {int64(lull), -1}} {
		if got := l.wait(heard + c.after); got != c.want {
			t.Errorf("%v after the turn: %d ms, want %d", time.Duration(c.after), got, c.want)
		}
	}
	for range 100 {
		l.now += ms
		l.yield(false)
	}
	if since := l.now - (l.pace.turn - int64(turnEvery)); since >= 10*ms {
		t.Errorf("the last turn was %v ago", time.Duration(since))
	}

	tm := &timer{leg: &leg{}}
	l.arm(tm, l.now+3*ms)
	l.yield(true)
	l.pace.turn = l.now + 6*ms
	if got := l.wait(l.now); got != 3 {
		t.Errorf("a timer is due before the turn: %d ms, want 3", got)
	}
	l.pace.turn = l.now + 2*ms
	if got := l.wait(l.now); got != 2 {
		t.Errorf("a timer is due after the turn: %d ms, want 2", got)
	}
}
