package media

import (
	"time"

	"golang.org/x/sys/unix"
)

// To wake up costs a loop more than a packet does. Under load it therefore does not look again as soon as something comes, but a little
// later: packets gather, and one round serves them all. Below that rate every packet is served as it comes.

// Chosen here: a packet waits for gatherTime at most, which is nothing beside the 20 ms that it took to fill and leaves half a millisecond of
// the 1.5 that the 99.9th percentile may take to the round itself and to a late start; a round then finds gatherGoal of them at most. A
// wake-up costs 10 us, a packet 3.
const (
	gatherRate = 2_000 // packets/s of a loop from which on it gathers for gatherTime; two thirds of it are enough to go on
	gatherGoal = 48
	gatherTime = 950 * time.Microsecond
	gatherLook = 20 * time.Millisecond // over so long the rate is taken

	// Where most packets are transcoded there are few of them, and a wake-up is a sixth of all the work. Their way takes 20 ms and more, so
	// they wait for twice the time, and so do the relayed ones among them.
	gatherFrames = 1950 * time.Microsecond
)

// gather paces a loop's rounds. The zero value lets every packet wake it.
type gather struct {
	packets int   // since
	frames  int   // of these, what was transcoded as it came: half of what a transcoded call receives
	since   int64 // when the rate was taken last
	every   int64 // from one round to the next, in nanoseconds; 0: no waiting
}

// note counts what a round has read.
func (g *gather) note(packets, frames int, now int64) {
	g.packets += packets
	g.frames += frames
	if d := now - g.since; d >= int64(gatherLook) {
		g.set(int64(g.packets)*int64(time.Second)/d, g.most())
		g.packets, g.frames, g.since = 0, 0, now
	}
}

// most is how long packets may wait: longer where two calls of three are transcoded.
func (g *gather) most() time.Duration {
	if 3*g.frames >= g.packets {
		return gatherFrames
	}
	return gatherTime
}

// set chooses the pace for a rate in packets/s. Who waits longer begins to at a lower rate: a round finds two packets then.
func (g *gather) set(rate int64, most time.Duration) {
	from := gatherRate * int64(gatherTime) / int64(most)
	if rate < from*2/3 || rate < from && g.every == 0 {
		g.every = 0
		return
	}
	g.every = min(int64(most), gatherGoal*int64(time.Second)/rate)
}

// linger waits for packets to gather, from the beginning of the round that has ended. A timer that falls due meanwhile waits with them.
func (l *loop) linger() {
	if l.gather.every == 0 || len(l.later) > 0 {
		return
	}
	if d := l.now + l.gather.every - l.engine.now() - int64(timerSlack); d > 0 {
		ts := unix.NsecToTimespec(d)
		_ = unix.Nanosleep(&ts, nil) // a signal cuts it short: the round comes a little earlier
	}
}

// timerSlack is how much longer than asked the kernel lets a thread sleep (PR_SET_TIMERSLACK of prctl(2), as it is by default).
const timerSlack = 50 * time.Microsecond
