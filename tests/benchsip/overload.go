package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// The stages of the overload: the peak is known from what the gateway carries alone; then too much is offered, then what it can carry.
const (
	afterRate   = 1000 // calls/s once the overload is over
	afterLength = 15 * time.Second
	recovery    = 5 * time.Second // until every call succeeds again
)

// overload offers more than the gateway can carry and looks at what comes of it.
func (b *bench) overload(ctx context.Context) error {
	o, err := b.startOurs()
	if err != nil {
		return err
	}
	err = b.overloaded(ctx)
	return errors.Join(err, o.stop())
}

func (b *bench) overloaded(ctx context.Context) error {
	peak, err := phones(ctx, b.dir, load{rate: aloneRates[len(aloneRates)-1], length: b.length, talk: talk})
	if err != nil {
		return err
	}
	over, err := phones(ctx, b.dir, load{rate: overloadRate, length: overloadTime, talk: talk})
	if err != nil {
		return err
	}
	after, err := phones(ctx, b.dir, load{rate: afterRate, length: afterLength, talk: talk})
	if err != nil {
		return err
	}
	best := max(peak.best(), over.best())
	goodput := over.goodput()
	fmt.Printf("%d calls/s offered for %s: %d completed (%.0f/s, the peak is %d/s), %d turned away with 503, %d lost; %d calls/s afterwards: %d of %d fail behind the first %s\n",
		over.offered()/int(overloadTime.Seconds()), overloadTime, over.completed, goodput, best, over.rejected, over.failed,
		afterRate, after.wrong(recovery), after.offered(), recovery)
	share := goodput / float64(best)
	b.verdict.say("goodput_overload", share)
	if share < minGoodput {
		b.verdict.miss("goodput %.2f of the peak, at least %.2f", share, minGoodput)
	}
	if lost := over.failed; float64(lost) > lossLimit*float64(over.offered()) {
		b.verdict.miss("%d of %d calls got neither answer nor 503", lost, over.offered())
	}
	if n := after.wrong(recovery); float64(n) > lossLimit*float64(after.offered()) {
		b.verdict.miss("%d calls fail %s after the overload", n, recovery)
	}
	return nil
}

// offered is the number of calls that were begun.
func (t tally) offered() (n int) {
	for _, s := range t.seconds {
		n += s.created
	}
	return n
}

// goodput is the number of calls that succeeded while calls were offered, a second.
func (t tally) goodput() float64 {
	sum, seconds := 0, 0
	for _, s := range t.seconds {
		if s.created > 0 {
			sum, seconds = sum+s.successful-s.rejected, seconds+1
		}
	}
	return float64(sum) / float64(max(seconds, 1))
}

// best is the number of calls that succeeded in the best five seconds, a second.
func (t tally) best() int {
	const window = 5
	best := 0
	for i := range t.seconds {
		sum := 0
		for _, s := range t.seconds[max(0, i-window+1) : i+1] {
			sum += s.successful - s.rejected
		}
		best = max(best, sum/window)
	}
	return best
}

// wrong counts the calls that failed or were turned away from some time on.
func (t tally) wrong(from time.Duration) (n int) {
	for _, s := range t.seconds {
		if s.at >= from {
			n += s.failed + s.rejected
		}
	}
	return n
}
