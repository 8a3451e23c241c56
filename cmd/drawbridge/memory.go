package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Chosen here.
const (
	// gcPercent is how much garbage may pile up beside what is in use while there is much of it. Transactions live for 32 s and most
	// other things for a millisecond: with Go's 100 the collector walked over the former at every 50 MB of the latter, for a third of a
	// call's CPU.
	gcPercent = 400
	// gcQuiet is the same while there is little: what stays lies closer together then, and a held call takes half the memory.
	gcQuiet = 100
	// memoryShare is the part of the machine's memory from which on the collector works as often as it takes to stay below.
	memoryShare = 0.6
	// sampleRate is how many bytes of heap there are to a sample of the heap profile. Each writes a stack of forty functions down: with Go's
	// 512 kB that was a hundredth of a call's CPU.
	sampleRate = 4 << 20
)

// tuneMemory sets the collector's pace and the heap profile's. GOGC, GOMEMLIMIT and GODEBUG=memprofilerate=N in the environment go before.
func tuneMemory() {
	if !strings.Contains(os.Getenv("GODEBUG"), "memprofilerate=") {
		runtime.MemProfileRate = sampleRate
	}
	if ownPace() {
		debug.SetGCPercent(gcQuiet) // for now: keepMemory sees to it
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		if n := machineMemory("/sys/fs/cgroup/memory.max"); n > 0 {
			debug.SetMemoryLimit(int64(memoryShare * float64(n)))
		}
	}
}

// ownPace tells whether the collector's pace is ours to set.
func ownPace() bool { return os.Getenv("GOGC") == "" }

// machineMemory is what the process may use, in bytes: the machine's memory, or less where a control group says so. 0 when unknown.
func machineMemory(groupFile string) uint64 {
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) != nil {
		return 0
	}
	total := info.Totalram * uint64(info.Unit)
	text, err := os.ReadFile(groupFile)
	if err != nil {
		return total
	}
	limit, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64) // "max" is no limit
	if err != nil || limit == 0 {
		return total
	}
	return min(total, limit)
}
