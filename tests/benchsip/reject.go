package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"drawbridge/tests/gateway"
)

// What a 503 costs cannot be read off a flood alone: the gateway always lets in what it has time for, and one INVITE let in costs what five
// refused ones do. So there are two floods by turns, both beyond what it can do, so that an event costs the same in either: a small one, of
// which most is let in, and a large one, of which most is turned away. Their CPU is two equations for the two prices:
//
//	cpu = admitted * A + turned away * R
//
// Each pair of floods has a solution of its own, and the median counts; how far they lie apart, but for the lowest and the highest, says what it
// is worth. The INVITEs have no hop left: those that get in are refused with 483 after policy and a call record. A price is that of the INVITE,
// its answer and the ACK.
//
// Refusals are charged with what A grows by when more of them come between, so the second flood has to be large: with twice the first they
// cost a third more than with three times.
const (
	firstRate  = 30_000 // INVITEs/s; more are offered until the gateway is late
	steeper    = 1.25
	mostRate   = 300_000
	shareAway  = 0.1 // of the small flood that is turned away at least
	largeFlood = 3.2 // parts of the small one: as much as is sent
	floodTime  = time.Second
	floodPairs = 6
	drainTime  = 400 * time.Millisecond // until what waits is handled
	callsTime  = 5 * time.Second
)

// reject measures what a 503 of a gateway that is late costs, in parts of a completed call.
func (b *bench) reject(ctx context.Context) error {
	o, err := b.startOurs()
	if err != nil {
		return err
	}
	err = b.rejecting(ctx, o)
	return errors.Join(err, o.stop())
}

func (b *bench) rejecting(ctx context.Context, o *ours) error {
	if b.callCPU == 0 {
		if err := b.briefCalls(ctx, o); err != nil {
			return err
		}
	}
	f, err := openFlood()
	if err != nil {
		return err
	}
	refusals, err := o.refusalPrices(ctx, f)
	if err = errors.Join(err, f.close()); err != nil {
		return err
	}
	slices.Sort(refusals)
	least, most, price := refusals[1], refusals[len(refusals)-2], (refusals[(len(refusals)-1)/2]+refusals[len(refusals)/2])/2
	share := price * 1e3 / b.callCPU
	fmt.Printf("a 503 with its ACK costs %.2f µs (%.2f to %.2f), %.2f %% of a call of %.3f ms\n", price*1e6, least*1e6, most*1e6, 100*share, b.callCPU)
	b.verdict.say("rejected", share)
	if least <= 0 || most > 2*least {
		b.verdict.miss("a 503 costs between %.2f and %.2f µs: nothing is shown", least*1e6, most*1e6)
	} else if share > maxRejected {
		b.verdict.miss("a 503 costs %.2f %% of a call, at most %.1f %%", 100*share, 100*maxRejected)
	}
	return nil
}

// briefCalls measures what a completed call costs without what it leaves behind, where the part that does so has not run: that makes the
// target a little harder.
func (b *bench) briefCalls(ctx context.Context, o *ours) error {
	r, err := measure(ctx, b.dir, "drawbridge", load{rate: aloneRates[0], length: callsTime, talk: talk}, []int{o.pid()}, func(context.Context) error { return nil })
	b.callCPU = r.msPerCall()
	return errors.Join(err, r.lost())
}

// refusalPrices are the solutions of the pairs of floods, in seconds.
func (o *ours) refusalPrices(ctx context.Context, f *flood) (out []float64, err error) {
	rate, err := o.lateAt(ctx, f)
	if err != nil {
		return nil, err
	}
	for range floodPairs {
		small, err := o.cost(ctx, f, rate)
		if err != nil {
			return nil, err
		}
		large, err := o.cost(ctx, f, largeFlood*rate)
		if err != nil {
			return nil, err
		}
		out = append(out, refusalPrice(small, large))
	}
	return out, nil
}

// lateAt finds a rate of INVITEs that makes the gateway late.
func (o *ours) lateAt(ctx context.Context, f *flood) (float64, error) {
	for rate := float64(firstRate); rate < mostRate; rate *= steeper {
		c, err := o.cost(ctx, f, rate)
		if err != nil {
			return 0, err
		}
		if c.turnedAway >= shareAway*(c.turnedAway+c.admitted) {
			return rate, nil
		}
	}
	return 0, fmt.Errorf("%d INVITEs/s do not make the gateway late", mostRate)
}

// cost is what a flood has cost.
type cost struct {
	cpu                  time.Duration
	admitted, turnedAway float64
}

// refusalPrice solves the equations of two floods, in seconds.
func refusalPrice(small, large cost) float64 {
	return (large.cpu.Seconds()*small.admitted - small.cpu.Seconds()*large.admitted) /
		(large.turnedAway*small.admitted - small.turnedAway*large.admitted)
}

// cost offers a flood, until all of it is handled.
func (o *ours) cost(ctx context.Context, f *flood, rate float64) (cost, error) {
	before, err := o.metrics(ctx)
	if err != nil {
		return cost{}, err
	}
	start, err := gateway.CPU(o.pid())
	if err != nil {
		return cost{}, err
	}
	if err := f.offer(ctx, rate, floodTime); err != nil {
		return cost{}, err
	}
	pause(ctx, drainTime)
	end, err := gateway.CPU(o.pid())
	if err != nil {
		return cost{}, err
	}
	after, err := o.metrics(ctx)
	if err != nil {
		return cost{}, err
	}
	grown := func(name string) float64 { return after[name] - before[name] }
	c := cost{end - start, grown("drawbridge_call_attempts_total"), grown("drawbridge_overload_total")}
	fmt.Printf("%6.0f INVITEs/s offered: %6.0f let in and refused with 483, %6.0f turned away with 503, %.2f s CPU\n", rate, c.admitted, c.turnedAway, c.cpu.Seconds())
	return c, nil
}
