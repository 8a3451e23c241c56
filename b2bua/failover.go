package b2bua

import (
	"time"

	"drawbridge/policy/health"
	"drawbridge/policy/route"
	"drawbridge/topology"
)

// Failover is how a trunk's targets are watched, and when a call turns from one to the next candidate. The zero value watches nothing and
// has the common table.
type Failover struct {
	Patience time.Duration // to the first response of a target when another one waits; 0 means 3 s
	Reroute  route.Reroute
	Health   health.Rules
	Probe    Probe
	Reflect  []string // trunks that its calls lead to: OPTIONS of it are answered 503 while all of them are out of service
}

// Probe is how targets are asked by OPTIONS whether they live.
type Probe struct {
	Every time.Duration // 0: not at all
	Dead  []int         // final answers that count as none, besides 408
}

// patience is how long a target of the party may say nothing while another one waits.
func (p *Party) patience() time.Duration {
	if p.Failover != nil && p.Failover.Patience > 0 {
		return p.Failover.Patience
	}
	return impatience
}

// reroute is the party's table. Accounts have the common one.
func (p *Party) reroute() route.Reroute {
	if p.Failover == nil {
		return route.Reroute{}
	}
	return p.Failover.Reroute
}

// elsewhere reports whether another candidate may do better than the one that has refused: nobody there, or an answer that the table of
// its trunk names. A server error whose cause speaks of the callee is an answer of the callee.
func elsewhere(f refused, table route.Reroute) bool {
	return f.unreachable || f.goesOn || table.After(f.cause.SIP) && !aboutCallee(f)
}

func aboutCallee(f refused) bool { return f.cause.SIP/100 == 5 && topology.AboutCallee(f.cause.Q850) }

// fareOf is what a refusal says about the target that gave it.
func fareOf(f refused) health.Fate {
	switch f.cause.SIP {
	case 503:
		if !aboutCallee(f) {
			return health.Busy
		}
	case 408, 500, 502, 504:
		if !aboutCallee(f) {
			return health.Bad
		}
	}
	return health.Good
}

// fared tells how the target of the leg's INVITE has fared. Only a trunk's target has a hop.
func (l *sipLeg) fared(f health.Fate) {
	if l.uac == nil || l.uac.judged || l.party.Failover == nil || !l.party.Failover.Health.On {
		return
	}
	if hop := l.uac.target.Hop; hop.Addr.IsValid() {
		l.uac.judged = true
		l.do(Fared{Trunk: l.party.Name, Hop: hop, Fate: f})
	}
}
