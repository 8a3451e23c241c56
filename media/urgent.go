package media

import (
	"slices"

	"golang.org/x/sys/unix"
)

// A loop that has slept to let packets gather wants the processor the moment it wakes, for a fraction of a millisecond. What the kernel
// gives to it otherwise is a turn behind whoever has the processor then, and that may take the 3 ms that any program gets. A thread may
// say that its turns are short (SCHED_OTHER with a slice of its own, Linux 6.12); it then comes before those whose turns are long, for no
// more of the processor than before, and needs no privilege for it. Older kernels take no notice.

// shortTurn is the shortest that the kernel knows.
const shortTurn = 100_000 // nanoseconds

// urgency knows on which threads a loop has asked for short turns. The scheduler of Go moves a loop now and then, between few.
type urgency struct {
	threads []int
	refused bool // by a filter of system calls, say: not asked again
}

// urgentThreads is how many threads are remembered; beyond that the loop begins anew, as threads end unseen.
const urgentThreads = 16

// here asks for short turns on the calling thread, which the loop is locked to.
func (u *urgency) here() {
	thread := unix.Gettid()
	if u.refused || slices.Contains(u.threads, thread) {
		return
	}
	if len(u.threads) == urgentThreads {
		u.threads = u.threads[:0]
	}
	u.threads = append(u.threads, thread)
	u.refused = askShortTurns() != nil
}

// askShortTurns keeps the policy and the niceness of the calling thread. A thread that has another policy than the usual, as an operator
// may choose for the process, is left alone.
func askShortTurns() error {
	attr, err := unix.SchedGetAttr(0, 0)
	if err != nil || attr.Policy != unix.SCHED_NORMAL {
		return err
	}
	attr.Runtime = shortTurn
	return unix.SchedSetAttr(0, attr, 0)
}
