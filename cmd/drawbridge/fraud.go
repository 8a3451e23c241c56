package main

import (
	"time"

	"drawbridge/config"
	"drawbridge/policy/fraud"
)

// fraudCounters is how many accounts and prefixes are counted at a time. Chosen here: 16 MB when all are in use.
const fraudCounters = 8192

// frauds are the fraud rules; nil without any, so that nothing is counted.
func frauds(snap *config.Snapshot) (*fraud.Table, error) {
	if len(snap.Fraud) == 0 {
		return nil, nil
	}
	c := fraud.Config{Plan: snap.Numbers.Plan, Price: snap.Price}
	for _, r := range snap.Fraud {
		c.Rules = append(c.Rules, r.Rule())
	}
	return fraud.Compile(c)
}

// blocked is an account that may not call, as /v1/fraud says it.
type blocked struct {
	Account string    `json:"account"`
	Trunk   bool      `json:"trunk,omitempty"`
	Rule    string    `json:"rule"`
	Prefix  string    `json:"prefix,omitempty"`
	Caller  string    `json:"caller,omitempty"` // calling number or prefix that is counted
	Until   time.Time `json:"until"`
}

// fraudBlocks are the blocks in force.
func (g *gateway) fraudBlocks() any {
	all := []blocked{}
	for _, b := range g.frauds.Blocks(time.Now()) {
		all = append(all, blocked{b.Account, b.Trunk, b.Rule, b.Prefix, b.From, b.Until.UTC()})
	}
	return map[string][]blocked{"blocks": all}
}

func (g *gateway) unblock(account string) int { return g.frauds.Unblock(account, time.Now()) }
