package media

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// A loop is a goroutine that never ends and waits in system calls: to the monitor of the Go scheduler (sysmon) it looks like a hog. Ten
// milliseconds after its last pass through the scheduler the monitor takes its P, in the middle of a wait or by a signal, and having
// found something to do watches for more every 20 µs, for milliseconds. With calls on every loop that never ended, and cost more CPU
// than the packets. So a loop that carries media passes through the scheduler by itself in time, and the monitor looks every 10 ms
// only. That needs Ps to spare: without an idle P the monitor takes one every 20 µs, whatever the loops do (see Config.Spare).
//
// A loop without media is in the lobby: it waits as any goroutine does, for no thread, no P and no monitor (lobby.go).

// Chosen here.
const (
	turnEvery = 8 * time.Millisecond // below the monitor's ten by epoll's rounding (1 ms) and some lateness
	lull      = time.Second          // without anything to read before a loop counts as idle: longer than any packet interval
)

// pace is when a loop owes the scheduler a turn, in nanoseconds since the engine was made. The zero value is an idle loop.
type pace struct {
	turn int64 // due at
	busy int64 // not idle before
}

// await returns what has happened on the loop's sockets, as the first events of l.events.
func (l *loop) await() (int, error) {
	now := l.engine.now()
	ms := l.wait(now)
	if now >= l.pace.busy {
		return l.lobby.sit(l, ms)
	}
	l.lobby.leave(l.epoll)
	n, err := unix.EpollWait(l.epoll, l.events[:], ms)
	if err == unix.EINTR {
		return 0, nil
	}
	return n, err
}

// wait is how long epoll may sleep, in milliseconds; -1 for ever.
func (l *loop) wait(now int64) int {
	if len(l.later) > 0 {
		return 0
	}
	ms := l.timers.wait(now)
	if now >= l.pace.busy {
		return ms
	}
	turn := millis(l.pace.turn - now)
	if ms < 0 {
		return turn
	}
	return min(ms, turn)
}

// yield ends a round, with everything sent: it gives the scheduler its turn when that is due.
func (l *loop) yield(heard bool) {
	if heard {
		l.pace.busy = l.now + int64(lull)
	}
	l.count.busy.Store(l.now < l.pace.busy)
	if l.now < l.pace.busy && l.now >= l.pace.turn {
		l.pace.turn = l.now + int64(turnEvery)
		runtime.UnlockOSThread() // or the turn would cost four switches of threads: another one takes over, and hands back
		runtime.Gosched()
		runtime.LockOSThread()
		l.urgent.here()
	}
}

// millis rounds nanoseconds up; what lies in the past is 0.
func millis(d int64) int {
	return int((max(d, 0) + int64(time.Millisecond) - 1) / int64(time.Millisecond))
}
