package main

import (
	"context"
	"errors"
	"time"

	"drawbridge/config"
	"drawbridge/transcode"
)

// Chosen here.
const (
	measureBudget = 500 * time.Millisecond // of one core, at the start
	packetCost    = 4 * time.Microsecond   // a packet in or out of a loop, encryption included (docs/performance.md)
	packetsASec   = 2 * 2 * 50             // of a call: both ways, in and out
	usable        = 0.7                    // of a core: beyond, frames are late now and then
)

// measure finds out how many transcoded calls this machine carries, says so, and ends. The configuration may know better.
func (g *gateway) measure(ctx context.Context) error {
	if n := g.snap().Limits.Transcodes; n > 0 {
		g.slots.Store(int64(n))
		return nil
	}
	opt := transcode.DefaultOptions
	for _, r := range g.snap().Realms { // the dearest counts
		opt.Complexity, opt.Bitrate = max(opt.Complexity, r.Opus.Complexity), max(opt.Bitrate, r.Opus.Bitrate)
	}
	cost, err := transcode.Cost(ctx, opt, measureBudget)
	switch {
	case errors.Is(err, transcode.ErrNoOpus):
		g.log.Info("transcoding", "slots", 0, "reason", "built without opus")
		return nil
	case ctx.Err() != nil:
		return nil
	case err != nil:
		g.log.Warn("transcoding is not measured", "error", err)
		return nil
	}
	n := slots(len(g.media.Stats().Loops), cost)
	g.measured.Store(int64(n))
	g.setSlots(g.snap())
	g.log.Info("transcoding", "slots", n, "per_second_of_call", cost.String(), "complexity", opt.Complexity, "bitrate", opt.Bitrate)
	return nil
}

// setSlots puts into force what the configuration says, or what was measured.
func (g *gateway) setSlots(snap *config.Snapshot) {
	n := int64(snap.Limits.Transcodes)
	if n == 0 {
		n = g.measured.Load()
	}
	g.slots.Store(n)
}

// slots is how many calls of that cost so many cores carry.
func slots(cores int, cost time.Duration) int {
	return int(float64(cores) * usable * float64(time.Second) / float64(cost+packetsASec*packetCost))
}
