// Package cputime measures what work costs, not how long it takes: a machine that is busy with something else makes no test fail.
package cputime

import (
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Of is the CPU time that work spends on its own goroutine. The collector's share on other threads is not in it.
func Of(t testing.TB, work func()) time.Duration {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	start := thread(t)
	work()
	return thread(t) - start
}

func thread(t testing.TB) time.Duration {
	t.Helper()
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		t.Fatal(err)
	}
	return time.Duration(ts.Nano())
}
