package main

import (
	"time"

	"drawbridge/b2bua"
	"drawbridge/config"
	"drawbridge/policy"
	"drawbridge/policy/fraud"
	"drawbridge/policy/route"
	"drawbridge/telemetry"
)

// current is the configuration in force, and what is made of it once. Nobody changes it: a reload makes another one.
type current struct {
	snap    *config.Snapshot
	table   *route.Table
	fraud   *fraud.Table    // nil without rules
	heard   map[string]bool // realms where strangers are heard, those of earlier configurations with calls included
	version telemetry.Version
	since   time.Time
}

// now is the configuration in force.
func (g *gateway) now() *current { return g.current.Load() }

func (g *gateway) snap() *config.Snapshot { return g.now().snap }

// newCurrent makes what a configuration is to be in force with.
func newCurrent(snap *config.Snapshot, number int) (c *current, err error) {
	c = &current{snap: snap, version: telemetry.Version{Number: number, Digest: snap.Digest()}, since: time.Now()}
	if c.table, err = routes(snap); err != nil {
		return nil, err
	}
	c.heard = hearing(snap)
	c.fraud, err = frauds(snap)
	return c, err
}

// hearing are the realms that hear sources which are no trunk's.
func hearing(snap *config.Snapshot) map[string]bool {
	out := map[string]bool{}
	for name, r := range snap.Realms {
		if r.Open || r.Unknown == "reject" {
			out[name] = true
		}
	}
	return out
}

// callSettings are what calls have of a configuration.
func (g *gateway) callSettings(c *current) b2bua.Settings {
	host := policy.Limits{Late: patience(c.snap.Limits.Late)}
	return b2bua.Settings{
		Version: c.version, Trunks: trunks(c.snap), Realms: realms(c.snap), AllDown: c.snap.AllDown, Decide: g.decide(host),
		Limits: g.limits(c.snap), Fraud: c.fraud, Routes: c.table.Candidates, Standing: g.standing,
		Number: callerID(c.snap), Known: known(c.snap),
	}
}

// known tells accounts from other names.
func known(snap *config.Snapshot) func(user string) bool {
	password := passwords(snap)
	return func(user string) bool {
		_, ok := password(user)
		return ok
	}
}
