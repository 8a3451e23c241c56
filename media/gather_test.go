package media

import (
	"testing"
	"time"
)

// A loop lets packets gather under load only, for a time that suits the load and has a limit, and has no reason to go on and off.
func TestGather(t *testing.T) {
	var g gather
	for i, c := range []struct {
		rate int64 // packets/s
		want time.Duration
	}{
		{0, 0},
		{gatherRate - 1, 0},
		{gatherRate, gatherTime},
		{gatherRate - 1, gatherTime},
		{gatherRate*2/3 + 1, gatherTime},
		{gatherRate*2/3 - 1, 0},
		{gatherRate - 1, 0},
		{gatherGoal * 10_000, 100 * time.Microsecond},
		{25_000, gatherTime},
		{0, 0},
	} {
		if g.set(c.rate, gatherTime); time.Duration(g.every) != c.want {
			t.Errorf("row %d, %d packets/s: %v, want %v", i, c.rate, time.Duration(g.every), c.want)
		}
	}
}

// Who may wait longer gathers two packets as well, at a lower rate.
func TestGatherBeginsWithTwoPackets(t *testing.T) {
	for _, most := range []time.Duration{gatherTime, gatherFrames} {
		from := int64(1.9 * float64(time.Second) / float64(most))
		var below, above gather
		if below.set(from*9/10, most); below.every != 0 {
			t.Errorf("%d packets/s gather for %v", from*9/10, time.Duration(below.every))
		}
		if above.set(from*11/10, most); time.Duration(above.every) != most {
			t.Errorf("%d packets/s gather for %v, want %v", from*11/10, time.Duration(above.every), most)
		}
	}
}

// The rate is taken over a time, not over a round: one full batch after a silence is no load.
func TestGatherTakesTheRateOverATime(t *testing.T) {
	var g gather
	now := int64(time.Hour)
	g.note(batchSize, 0, now)
	for range 100 {
		now += int64(time.Millisecond)
		g.note(1, 0, now)
	}
	if g.every != 0 {
		t.Errorf("1 000 packets/s and a burst: %v", time.Duration(g.every))
	}
	for range 100 {
		now += int64(time.Millisecond)
		g.note(20, 0, now)
	}
	if g.every == 0 {
		t.Error("20 000 packets/s do not gather")
	}
	g.note(0, 0, now+int64(time.Minute))
	if g.every != 0 {
		t.Errorf("a minute's silence: %v", time.Duration(g.every))
	}
}

// Packets wait longer where most calls are transcoded, and only there.
func TestGatherWaitsLongerForFrames(t *testing.T) {
	for _, c := range []struct {
		frames int // of 60 packets
		want   time.Duration
	}{
		{0, gatherTime},  // relayed calls alone
		{19, gatherTime}, // of three calls not quite two are transcoded
		{20, gatherFrames},
		{30, gatherFrames}, // transcoded calls alone: what comes from browsers is played out later
	} {
		g := gather{since: int64(time.Hour)}
		now := g.since
		for range 20 {
			now += int64(time.Millisecond)
			g.note(3, 0, now-1)
		}
		g.note(0, c.frames, now)
		if time.Duration(g.every) != c.want {
			t.Errorf("%d frames of 60 packets: %v, want %v", c.frames, time.Duration(g.every), c.want)
		}
	}
}

// A loop that carries media is not watched by the poller of the runtime: every packet would wake that too.
func TestTheLobbyIsLeft(t *testing.T) {
	e, err := New(Config{Loops: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer e.release()
	l := e.loops[0]
	look := func() {
		t.Helper()
		l.arm(&timer{leg: &leg{}}, e.now())
		if _, err := l.await(); err != nil {
			t.Fatal(err)
		}
		l.disarm(l.timers[0].timer)
	}
	look()
	if !l.lobby.open {
		t.Error("an idle loop waits outside the lobby")
	}
	l.now = e.now()
	l.yield(true)
	look()
	if l.lobby.open {
		t.Error("a busy loop is still in the lobby")
	}
	l.pace = pace{}
	look()
	if !l.lobby.open {
		t.Error("a loop that is idle again did not come back")
	}
}
