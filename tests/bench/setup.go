package main

import (
	"context"
	"errors"
	"fmt"
)

// What it takes to set a call up, in short rounds and by turns: two versions of the gateway are told apart by a few percent, which the one
// long figure of held.go does not do. It has no target: here memory is warm.

const (
	setupRounds = 6   // of each version, and one before that counts for nothing
	setupCalls  = 250 // of a round
)

// settingUp compares the CPU time of a call until its media flows.
func (b *bench) settingUp(ctx context.Context) error {
	spent := make([][]float64, len(b.relays))
	for round := range setupRounds + 1 {
		for k := range b.relays {
			i := (k + round) % len(b.relays) // by turns: a machine that becomes slower is fair to both
			r := b.relays[i]
			ms, err := b.setupOf(ctx, r)
			if err != nil {
				return fmt.Errorf("%s: %w", r.name(), err)
			}
			if round > 0 {
				spent[i] = append(spent[i], ms)
			}
		}
	}
	medians := make([]float64, len(b.relays))
	for i, r := range b.relays {
		fmt.Printf("set-up, %-11s", r.name())
		for _, ms := range spent[i] {
			fmt.Printf(" %.3f", ms)
		}
		medians[i] = median(spent[i])
		fmt.Printf("  median %.3f ms CPU a WebRTC call\n", medians[i])
	}
	if len(medians) == 2 {
		fmt.Printf("set-up, ratio %.3f\n", medians[0]/medians[1])
	}
	return nil
}

// setupOf sets calls up and ends them; what is returned is ms of CPU a call until all were up.
func (b *bench) setupOf(ctx context.Context, r relay) (float64, error) {
	before, err := r.cpu()
	if err != nil {
		return 0, err
	}
	f, err := newFarm(ctx, r, setupCalls, "PCMA", sound{}, b.phones)
	if err != nil {
		return 0, err
	}
	after, err := r.cpu()
	return (after - before).Seconds() * 1e3 / setupCalls, errors.Join(err, f.close())
}
