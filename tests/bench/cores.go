package main

import (
	"errors"
	"os"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// Where only relaying is measured, each relay in turn has the first core to itself and the pump has the others, as with signalling
// (tests/benchsip): what is measured is what a core carries, and not how the kernel moves two programs about. Transcoding takes rtpengine
// more than a core, so there everybody has all of them.

// cores is a choice of processors; nil is all.
type cores *unix.CPUSet

// relayCores and pumpCores divide the machine. With a single core there is nothing to divide.
func relayCores() cores { return choose(func(cpu int) bool { return cpu == 0 }) }
func pumpCores() cores  { return choose(func(cpu int) bool { return cpu != 0 }) }

// pumpHere keeps what the benchmark itself does off the relays' core until the returned function is called: its own scheduler wakes a
// thread all the time while the pump waits.
func pumpHere(c cores) (back func() error, err error) {
	if c == nil {
		return func() error { return nil }, nil
	}
	var all unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return nil, err
	}
	return func() error { return eachThread(&all) }, eachThread(c)
}

// eachThread gives every thread of this process its cores; those to come have them from one of these.
func eachThread(c cores) error {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, t := range threads {
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			return err
		}
		if err := unix.SchedSetaffinity(id, c); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
	}
	return nil
}

func choose(takes func(cpu int) bool) cores {
	if runtime.NumCPU() < 2 {
		return nil
	}
	var set unix.CPUSet
	for cpu := range runtime.NumCPU() {
		if takes(cpu) {
			set.Set(cpu)
		}
	}
	return &set
}

// on runs what on some cores; processes that it starts stay there.
func on(c cores, what func() error) error {
	if c == nil {
		return what()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var all unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return err
	}
	if err := unix.SchedSetaffinity(0, c); err != nil {
		return err
	}
	return errors.Join(what(), unix.SchedSetaffinity(0, &all))
}
