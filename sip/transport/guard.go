package transport

import (
	"sync/atomic"
	"time"
)

// guard ends a connection whose peer has not proved who it is in time: idle connections are cheap to open and not to keep (security.md
// T2). Flows embed it; the zero value guards nothing.
type guard struct {
	late   func() // ends the flow
	proved atomic.Bool
}

// watch begins the time; stop ends it with the flow.
func (g *guard) watch() (stop func()) {
	if g.late == nil {
		return func() {}
	}
	t := time.AfterFunc(proofWait, func() {
		if !g.proved.Load() {
			g.late()
		}
	})
	return func() { t.Stop() }
}

// Proved implements txn.Guarded.
func (g *guard) Proved() { g.proved.Store(true) }

// pace is a token bucket: paceBurst messages at once, one more each paceEvery.
type pace struct{ at time.Time }

// next books a message and returns how long to wait before the next.
func (p *pace) next(now time.Time) time.Duration {
	if now.After(p.at) {
		p.at = now
	}
	p.at = p.at.Add(paceEvery)
	return p.at.Sub(now) - paceBurst*paceEvery
}
