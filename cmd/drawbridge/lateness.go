package main

import (
	"context"
	"sync/atomic"
	"time"

	"drawbridge/media"
)

// lateness is how far behind the media plane has been for a while. A goroutine of its own looks it up: a call attempt only reads it.
type lateness struct {
	mean atomic.Int64 // nanoseconds

	seen   []time.Duration          // means of the loops at the last look
	faded  []time.Duration          // the same, fading while a loop has nothing to do
	recent [lateLooks]time.Duration // the worst of each look
	next   int
}

// Chosen here: what lasts for a second is no burst.
const (
	lookEvery = 250 * time.Millisecond
	lateLooks = 4
)

// now is the least of the last second: what the media plane does not get out of.
func (l *lateness) now() time.Duration { return time.Duration(l.mean.Load()) }

// look takes the means of the loops. A loop that has served nothing since the last look keeps its mean for ever: it fades, so that a
// gateway that has refused until all its calls were gone takes calls again.
func (l *lateness) look(loops []media.LoopStats) {
	if len(l.seen) != len(loops) {
		l.seen, l.faded = make([]time.Duration, len(loops)), make([]time.Duration, len(loops))
	}
	var worst time.Duration
	for i, loop := range loops {
		if loop.LateMean == l.seen[i] {
			l.faded[i] /= 2
		} else {
			l.faded[i] = loop.LateMean
		}
		l.seen[i] = loop.LateMean
		worst = max(worst, l.faded[i])
	}
	l.recent[l.next%lateLooks] = worst
	l.next++
	least := worst
	for _, d := range l.recent {
		least = min(least, d)
	}
	l.mean.Store(int64(least))
}

// watchLateness looks until ctx ends.
func (g *gateway) watchLateness(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			g.late.look(g.media.Stats().Loops)
		}
	}
}
