package media

import (
	"time"

	"golang.org/x/sys/unix"
)

// To wake up costs a loop more than a packet does. Under load it therefore does not look again as soon as something comes, but a little
// later: packets gather, and one round serves them all. Below that rate every packet is served as it comes.

// Chosen here: a packet waits for gatherTime at most, which is nothing beside the 20 ms that it took to fill, and a round then finds
// gatherGoal of them. Beyond that a larger round saves nothing.
const (
	gatherRate = 6_000 // packets/s of a loop from which on it gathers; two thirds of it are enough to go on
	gatherGoal = 24
	gatherTime = 500 * time.Microsecond
	gatherLook = 20 * time.Millisecond // over so long the rate is taken
)

// gather paces a loop's rounds. The zero value lets every packet wake it.
type gather struct {
	packets int   // since
	since   int64 // when the rate was taken last
	every   int64 // from one round to the next, in nanoseconds; 0: no waiting
}

// note counts what a round has read.
func (g *gather) note(packets int, now int64) {
	g.packets += packets
	if d := now - g.since; d >= int64(gatherLook) {
		g.set(int64(g.packets) * int64(time.Second) / d)
		g.packets, g.since = 0, now
	}
}

// set chooses the pace for a rate in packets/s.
func (g *gather) set(rate int64) {
	if rate < gatherRate*2/3 || rate < gatherRate && g.every == 0 {
		g.every = 0
		return
	}
	g.every = min(int64(gatherTime), gatherGoal*int64(time.Second)/rate)
}

// linger waits for packets to gather, from the beginning of the round that has ended, but for no longer than a timer allows.
func (l *loop) linger() {
	if l.gather.every == 0 {
		return
	}
	until := l.now + l.gather.every
	if len(l.timers) > 0 {
		until = min(until, l.timers[0].at)
	}
	if d := until - l.engine.now(); d > int64(gatherLeast) {
		ts := unix.NsecToTimespec(d)
		_ = unix.Nanosleep(&ts, nil) // a signal cuts it short: the round comes a little earlier
	}
}

// gatherLeast is not worth a system call.
const gatherLeast = 50 * time.Microsecond
