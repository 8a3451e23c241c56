package main

import "runtime"

// spareProcs has as many Ps as procs says, whenever the number of busy loops has changed.
func spareProcs(cores int) func(busy int) {
	return func(busy int) { runtime.GOMAXPROCS(procs(cores, busy)) }
}

// procs is how many Ps the program takes while so many loops of media are busy: one for each of those, which holds it nearly all the time,
// and one for two cores beside them. Without media there is one for each core, as anywhere.
//
// With none to spare the scheduler would take those of the loops and give them back all the time (media/pace.go). But for each one that has
// nothing to do it wakes a thread, which looks for work and goes back to sleep, whenever a goroutine becomes ready: with one for each core
// beside the loops, a browser's call took a fifth more CPU to set up. When the rest of the program has more to do, the monitor brings it what
// the loops hold and do not need.
func procs(cores, busy int) int {
	return max(cores, busy+(cores+1)/2)
}
