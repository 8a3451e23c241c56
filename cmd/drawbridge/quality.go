package main

import (
	"time"

	"drawbridge/config"
	"drawbridge/policy/route"
	"drawbridge/policy/score"
	"drawbridge/telemetry"
)

// scored takes from the record of a call how the trunks in it have been.
func (g *gateway) scored(e *telemetry.CallEnded) {
	if e.B.Trunk {
		g.score(e.B.Peer, func(s score.State, r score.Rules) score.State { return s.Tried(!e.Answer.IsZero(), r) })
	}
	for _, l := range []*telemetry.Leg{&e.A, &e.B} {
		if mos := sounded(l); l.Trunk && mos > 0 && !e.Answer.IsZero() {
			g.score(l.Peer, func(s score.State, r score.Rules) score.State { return s.Heard(mos, r, e.End) })
		}
	}
}

// score judges once more, and tells the operator what has changed.
func (g *gateway) score(trunk string, by func(score.State, score.Rules) score.State) {
	t, ok := g.snap().Trunks[trunk]
	if !ok {
		return
	}
	rules := scoreRules(t)
	var before, after float64
	var why string
	g.scores.Do(trunk, func(s score.State) score.State {
		before, _ = s.Penalty(rules)
		s = by(s, rules)
		after, why = s.Penalty(rules)
		return s
	})
	switch {
	case before == 1 && after > 1:
		g.events.EmitLifecycle(telemetry.Lifecycle{What: "trunk worse", Detail: trunk + ": " + why})
	case before > 1 && after == 1:
		g.events.EmitLifecycle(telemetry.Lifecycle{What: "trunk good again", Detail: trunk})
	}
}

// sounded is the worse of both directions of a leg, as it was measured here and as the peer has said; 0: nothing is known.
func sounded(l *telemetry.Leg) float64 {
	mos := 0.0
	for _, q := range []*telemetry.Quality{l.In, l.Out} {
		if q != nil && q.MOS > 0 && (mos == 0 || q.MOS < mos) {
			mos = q.MOS
		}
	}
	return mos
}

func scoreRules(t config.Trunk) score.Rules {
	return score.Rules{MOS: t.Quality.MOS, ASR: t.Quality.ASR}
}

// standing is what the routes want to know of a trunk.
func (g *gateway) standing(trunk string) route.Standing {
	factor, why := g.scores.Get(trunk).Penalty(scoreRules(g.snap().Trunks[trunk]))
	return route.Standing{Penalty: factor, Why: why}
}

// byTrunk reads something of the calls of each trunk.
func (g *gateway) byTrunk(read func(score.State, config.Trunk) float64) func() map[string]float64 {
	return func() map[string]float64 {
		out := map[string]float64{}
		for name, t := range g.snap().Trunks {
			out[name] = read(g.scores.Get(name), t)
		}
		return out
	}
}

func (g *gateway) scoreGauges() {
	m := g.metrics
	m.Gauges("drawbridge_trunk_penalty", "What the price of a trunk is multiplied by in comparisons, for the quality of its calls; 1 for a good one.", "trunk",
		g.byTrunk(func(s score.State, t config.Trunk) float64 {
			factor, _ := s.Penalty(scoreRules(t))
			return factor
		}))
	m.Gauges("drawbridge_trunk_mos", "Mean opinion score of a trunk's calls that ended in the last five minutes, 20 at most; 0 without any.", "trunk",
		g.byTrunk(func(s score.State, _ config.Trunk) float64 { return s.MOS(time.Now()) }))
	m.Gauges("drawbridge_trunk_answered_ratio", "Share of the last 40 attempts over a trunk that were answered; 0 without any.", "trunk",
		g.byTrunk(func(s score.State, _ config.Trunk) float64 {
			percent, _ := s.ASR()
			return float64(percent) / 100
		}))
}
