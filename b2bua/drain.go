package b2bua

import (
	"context"
	"fmt"
	"time"

	"drawbridge/sip/txn"
)

// farewell is how long BYEs have to be answered after the drain deadline: a few retransmissions. Chosen here.
const farewell = 2 * time.Second

// Drain refuses new calls (503 with Retry-After) and waits for the others to end. When ctx is done first they are hung up, and Drain
// returns ErrDraining with the cause of ctx after a moment for the answers. The core must still run.
func (s *Switch) Drain(ctx context.Context) error {
	s.draining.Store(true)
	s.leave(ctx)
	if s.wait(ctx) {
		return nil
	}
	for shard := range s.books {
		s.cfg.Core.PostForced(shard, func(sh *txn.Shard) {
			for at := range s.books[sh.Index()].seats {
				s.feed(at, Stop{Cause: causeDraining})
			}
		})
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	s.wait(last)
	return fmt.Errorf("%w: %w", ErrDraining, context.Cause(ctx))
}

// leave takes our registrations back, so that trunks send their calls elsewhere, and ends the subscriptions, so that subscribers turn to
// whoever takes over.
func (s *Switch) leave(ctx context.Context) {
	left := make(chan struct{}, len(s.books))
	for shard, b := range s.books {
		s.cfg.Core.PostForced(shard, func(*txn.Shard) {
			defer func() { left <- struct{}{} }()
			for _, u := range b.subs.tags {
				u.deactivate()
			}
			if shard != 0 {
				return
			}
			for _, e := range s.enrolments {
				e.leave()
			}
		})
	}
	for range s.books {
		select {
		case <-left:
		case <-ctx.Done():
			return
		}
	}
}

// wait blocks until no call is left; false when ctx is done first.
func (s *Switch) wait(ctx context.Context) bool {
	for s.active.Load() > 0 {
		select {
		case <-s.left:
		case <-ctx.Done():
			return s.active.Load() == 0
		}
	}
	return true
}
