package b2bua

import (
	"context"
	"slices"
	"time"

	"drawbridge/media"
	"drawbridge/sip/txn"
	"drawbridge/telemetry"
)

// Status is a call as its operator sees it while it lasts: the record so far, with the media as it is now.
type Status struct {
	Call   CallID         `json:"call"`
	State  string         `json:"state"` // a phase of the call: "dialling", "talking", ...
	From   string         `json:"from"`
	To     string         `json:"to"`
	Start  time.Time      `json:"start"`
	Answer *time.Time     `json:"answer,omitempty"` // absent before the answer
	A      telemetry.Leg  `json:"a"`
	B      *telemetry.Leg `json:"b,omitempty"` // absent before anybody is called
}

// sighting is a call on its way into an answer.
type sighting struct {
	status *Status
	media  session
}

// Calls returns the newest calls, limit at most. It asks every shard and every media loop and waits for them, as long as ctx allows: what has
// not answered by then is left out.
func (s *Switch) Calls(ctx context.Context, limit int) []*Status {
	answers := make(chan []sighting, len(s.books))
	for shard, b := range s.books {
		s.cfg.Core.PostForced(shard, func(*txn.Shard) { answers <- b.newest(limit) })
	}
	var seen []sighting
	for range s.books {
		select {
		case some := <-answers:
			seen = append(seen, some...)
		case <-ctx.Done():
			return nil
		}
	}
	slices.SortFunc(seen, func(a, b sighting) int { return b.status.Start.Compare(a.status.Start) })
	return s.listen(ctx, seen[:min(len(seen), limit)])
}

// Call returns one call, nil when there is none of that id.
func (s *Switch) Call(ctx context.Context, id CallID) *Status {
	shard, ours := s.cfg.Core.ShardOf(string(id))
	if !ours {
		return nil
	}
	answer := make(chan []sighting, 1)
	s.cfg.Core.PostForced(shard, func(*txn.Shard) {
		for at := range s.books[shard].seats {
			if at.id == id && at.call != nil {
				answer <- []sighting{at.sight()}
				return
			}
		}
		answer <- nil
	})
	select {
	case seen := <-answer:
		for _, status := range s.listen(ctx, seen) {
			return status
		}
	case <-ctx.Done():
	}
	return nil
}

// newest are the newest calls of a shard. It runs there.
func (b *book) newest(limit int) []sighting {
	all := make([]*seat, 0, len(b.seats))
	for at := range b.seats {
		if at.call != nil && len(at.call.legs) > 0 {
			all = append(all, at)
		}
	}
	slices.SortFunc(all, func(x, y *seat) int { return y.call.times.start.Compare(x.call.times.start) })
	seen := make([]sighting, 0, min(len(all), limit))
	for _, at := range all[:cap(seen)] {
		seen = append(seen, at.sight())
	}
	return seen
}

// sight is a call as signalling knows it.
func (at *seat) sight() sighting {
	c := at.call
	st := &Status{Call: at.id, State: c.phase.String(), From: c.setup.From, To: c.setup.To, Start: c.times.start.UTC()}
	if len(c.legs) > 0 {
		st.A = c.legs[legA].Record()
	}
	if !c.times.answer.IsZero() {
		answer := c.times.answer.UTC()
		st.Answer = &answer
	}
	if b := c.callee(); b != nil {
		r := b.Record()
		st.B = &r
	}
	if c.media.closed {
		return sighting{st, nil}
	}
	return sighting{st, at.media}
}

// listen adds what the media loops know of the calls.
func (s *Switch) listen(ctx context.Context, seen []sighting) []*Status {
	type heard struct {
		of    *Status
		stats [2]media.LegStats
	}
	out, answers, asked := make([]*Status, len(seen)), make(chan heard, len(seen)), 0
	for i, v := range seen {
		out[i] = v.status
		if v.media != nil {
			asked++
			v.media.Stats(func(stats [2]media.LegStats) { answers <- heard{v.status, stats} })
		}
	}
	for range asked {
		select {
		case h := <-answers:
			measure(&h.of.A, h.stats[media.A])
			if h.of.B != nil {
				measure(h.of.B, h.stats[media.B])
			}
		case <-ctx.Done():
			return out
		}
	}
	return out
}
