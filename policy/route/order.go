package route

import (
	"cmp"
	"math"
	"slices"

	"drawbridge/policy/number"
)

// trialShare is the share of calls that a trunk with a penalty gets as if it had none, one in so many: how else would it be seen that it has
// recovered?
const trialShare = 20

// prices are what the trunks of the deck take for a number.
func (t *Table) prices(q Query) []Rate {
	if t.cfg.Deck == nil {
		return nil
	}
	var plan number.Plan
	if t.cfg.Plan != nil {
		plan = t.cfg.Plan(q.Realm)
	}
	plain, ok := number.Normal(q.Number, plan)
	if !ok {
		return nil
	}
	return t.cfg.Deck.Rates(nil, plain)
}

// ordered are the trunks of a row, best first: by place in via, then by priority, then by what they cost or by their weights. What keeps a
// trunk out stands behind.
func (r *compiled) ordered(q Query, prices []Rate) []Step {
	steps := make([]Step, 0, len(r.via))
	draw := q.Draw
	for _, m := range r.via {
		s := Step{Rule: r.rule, Trunk: m.Trunk, Group: m.group, Priority: m.Priority, Weight: m.Weight, Taken: true, tier: m.tier}
		if i := slices.IndexFunc(prices, func(p Rate) bool { return p.Trunk == m.Trunk }); i >= 0 {
			s.Priced, s.Price, s.Prefix = true, prices[i].Price, prices[i].Prefix
		}
		if r.Deck {
			s.tier = 0 // the price decides between the places, too
			if !s.Priced {
				s.Taken, s.Why = false, "no price for the number"
			}
		}
		s.judge(q)
		s.chance = chance(&draw, float64(m.Weight)/s.penalty())
		steps = append(steps, s)
	}
	slices.SortStableFunc(steps, func(a, b Step) int {
		return cmp.Or(outFirst(b, a), cmp.Compare(a.tier, b.tier), cmp.Compare(a.Priority, b.Priority), compareWithin(r.Deck, a, b))
	})
	return steps
}

func outFirst(a, b Step) int {
	if a.Taken == b.Taken {
		return 0
	}
	return -before(a.Taken)
}

// compareWithin compares two trunks of one place and priority.
func compareWithin(byPrice bool, a, b Step) int {
	if byPrice {
		if c := cmp.Compare(float64(a.Price)*a.penalty(), float64(b.Price)*b.penalty()); c != 0 {
			return c
		}
	}
	if a.Weight > 0 || b.Weight > 0 {
		return cmp.Compare(b.chance, a.chance)
	}
	return cmp.Compare(a.penalty(), b.penalty())
}

// judge looks up how the trunk's calls have been. One call in twenty goes to a bad trunk all the same.
func (s *Step) judge(q Query) {
	if q.Standing == nil {
		return
	}
	is := q.Standing(s.Trunk)
	if is.Penalty <= 1 {
		return
	}
	s.Penalty = is.Penalty
	if s.Why == "" {
		s.Why = is.Why
	}
	if s.Trial = scramble(q.Draw)%trialShare == 0; s.Trial && s.Taken {
		s.Why = "a trial: " + is.Why
	}
}

// penalty is what the trunk's price is multiplied by.
func (s *Step) penalty() float64 {
	if s.Trial || s.Penalty <= 1 {
		return 1
	}
	return s.Penalty
}

// chance draws a number for a weight, so that whoever has the highest comes first with a probability of its share of the weights, among the
// rest likewise (Efraimidis and Spirakis). Without a weight it is 0, behind all others.
func chance(draw *uint64, weight float64) float64 {
	if weight <= 0 {
		return 0
	}
	*draw = scramble(*draw + 0x9e3779b97f4a7c15)
	u := (float64(*draw>>11) + 1) / (1 << 53) // above 0, up to 1
	return math.Pow(u, 1/weight)
}

// scramble spreads the bits of a number over all of another (splitmix64).
func scramble(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}
