package main

import (
	"context"
	"sync/atomic"
	"time"
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

	idleLook = time.Second // while there is nothing to be late with: an idle gateway is woken for little else
)

// now is the least of the last second: what the media plane does not get out of.
func (l *lateness) now() time.Duration { return time.Duration(l.mean.Load()) }

// look takes the means of the loops. A loop that has served nothing since the last look keeps its mean for ever: it fades, so that a
// gateway that has refused until all its calls were gone takes calls again.
func (l *lateness) look(means []time.Duration) {
	if len(l.seen) != len(means) {
		l.seen, l.faded = make([]time.Duration, len(means)), make([]time.Duration, len(means))
	}
	var worst time.Duration
	for i, mean := range means {
		if mean == l.seen[i] {
			l.faded[i] /= 2
		} else {
			l.faded[i] = mean
		}
		l.seen[i] = mean
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
	tick := time.NewTicker(idleLook)
	defer tick.Stop()
	var room []time.Duration
	every := idleLook
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			room = g.media.LateMeans(room[:0])
			g.late.look(room)
			next := lookEvery
			if g.media.Sessions() == 0 && g.late.now() == 0 {
				next = idleLook
			}
			if next != every {
				every = next
				tick.Reset(every)
			}
		}
	}
}
