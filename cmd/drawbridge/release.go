package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// A burst of calls leaves a heap behind that is as large as the collector's pace allows, and the collector keeps it for the next. Calls last
// for minutes: when there is no next burst soon, the memory goes back to the system.

// Chosen here.
const (
	lookAtHeap   = time.Second
	releaseEvery = 10       // looks
	releaseLeast = 16 << 20 // bytes that are free; less is not worth a collection
	releaseShare = 0.25     // allocated since the last look, of what is in use, at most: the heap is at rest
	busyHeap     = 19 << 20 // bytes allocated between two looks from which on the collector takes its time: 420 SIP or 120 WebRTC calls
	quietHeap    = 14 << 20
)

// heap is what the runtime says of itself, in bytes.
type heap struct {
	allocated uint64 // since the start
	live      uint64 // after the last collection
	free      uint64 // garbage, and what the collector keeps for later
}

// heapNow reads the figures.
func heapNow() heap {
	samples := []metrics.Sample{
		{Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
	}
	metrics.Read(samples)
	v := func(i int) uint64 { return samples[i].Value.Uint64() }
	return heap{allocated: v(0), live: v(1), free: v(2) + v(3) - min(v(3), v(1))}
}

// rests tells whether there is much to give back and nothing going on that would want it again.
func (h heap) rests(before heap) bool {
	return h.free > max(releaseLeast, h.live) && float64(h.allocated-before.allocated) < releaseShare*float64(h.live)
}

// percent is the collector's pace for what was allocated since before; it does not go to and fro.
func (h heap) percent(before heap, now int) int {
	switch d := h.allocated - before.allocated; {
	case d > busyHeap:
		return gcPercent
	case d < quietHeap:
		return gcQuiet
	}
	return now
}

// keepMemory paces the collector and gives memory back until ctx ends.
func keepMemory(ctx context.Context) error {
	tick := time.NewTicker(lookAtHeap)
	defer tick.Stop()
	before, percent := heapNow(), gcQuiet
	for look := 1; ; look++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		now := heapNow()
		if next := now.percent(before, percent); next != percent && ownPace() {
			percent = next
			debug.SetGCPercent(percent)
		}
		if look%releaseEvery == 0 && now.rests(before) {
			debug.FreeOSMemory()
			now = heapNow()
		}
		before = now
	}
}
