package main

import (
	"context"
	"fmt"
	"time"

	"drawbridge/tests/gateway"
)

// load is calls at a rate.
type load struct {
	rate   int
	length time.Duration
	talk   time.Duration
}

func (l load) calls() int { return int(float64(l.rate) * l.length.Seconds()) }

// result is what a run showed.
type result struct {
	offered   int
	completed int
	cpu       time.Duration // of the gateway, until the last transaction was over
}

// msPerCall counts a call that failed as one, too.
func (r result) msPerCall() float64 { return r.cpu.Seconds() * 1e3 / float64(r.offered) }

// lost is an error when more calls have failed than a busy machine explains.
func (r result) lost() error {
	if lost := r.offered - r.completed; float64(lost) > lossLimit*float64(r.offered) {
		return fmt.Errorf("%d of %d calls did not succeed", lost, r.offered)
	}
	return nil
}

// lossLimit is how many calls of a run may fail: SIPp loses one now and then when the machine has other things to do.
const lossLimit = 0.005

// pause waits in real time, for programs that say nothing of their own; false when ctx has ended.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// cpuOf adds up the CPU time of processes.
func cpuOf(pids []int) (sum time.Duration, err error) {
	for _, pid := range pids {
		t, err := gateway.CPU(pid)
		if err != nil {
			return 0, fmt.Errorf("process %d: %w", pid, err)
		}
		sum += t
	}
	return sum, nil
}

// measure runs l against the processes. settle waits until what the calls have left behind is gone, so that its end is paid for.
func measure(ctx context.Context, dir, name string, l load, pids []int, settle func(context.Context) error) (result, error) {
	before, err := cpuOf(pids)
	if err != nil {
		return result{}, err
	}
	start := time.Now()
	p, err := phones(ctx, dir, l)
	if err != nil {
		return result{}, err
	}
	took := time.Since(start)
	if err := settle(ctx); err != nil {
		return result{}, err
	}
	after, err := cpuOf(pids)
	if err != nil {
		return result{}, err
	}
	r := result{offered: l.calls(), completed: p.completed, cpu: after - before}
	fmt.Printf("%-20s %5d calls/s %7d calls in %.1f s, %d failed, %d turned away: %.3f ms CPU a call\n",
		name, l.rate, p.completed, took.Seconds(), p.failed, p.rejected, r.msPerCall())
	return r, nil
}
