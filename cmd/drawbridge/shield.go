package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"drawbridge/admin"
	"drawbridge/config"
	"drawbridge/policy"
	"drawbridge/policy/shield"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
	"drawbridge/store/guard"
	"drawbridge/telemetry"
)

// openGuard builds the door before everything that asks it. It knows trunks as soon as there are calls.
func (g *gateway) openGuard(events telemetry.Listener) (err error) {
	s := g.snap().Shield
	g.guard, err = guard.New(guard.Config{
		Settings: guardSettings(g.snap()), Entries: s.Entries, Sources: s.Sources, File: g.snap().File(s.File),
		NFT:   guard.NFT{Set4: s.NFTables.Set4, Set6: s.NFTables.Set6},
		Known: func(src netip.Addr) bool { return g.calls.KnowsAnywhere(src) }, Trunks: func() []netip.Prefix { return g.calls.Sources() },
		Realms: realmNames(g.snap()), Events: events,
	})
	return err
}

// guardSettings are what a new configuration may change while the gateway runs.
func guardSettings(snap *config.Snapshot) guard.Settings {
	s := snap.Shield
	return guard.Settings{
		Rules: s.Limits(), Realms: ownRules(snap), Allow: config.Prefixes(s.Allow), NeverBlock: config.Prefixes(s.NeverBlock), Deny: config.Prefixes(s.Deny),
		Scanners: lower(s.Scanners), Plan: snap.Numbers.Plan(""),
	}
}

// ownRules are the rules of the realms that do not go by those of the gateway.
func ownRules(snap *config.Snapshot) map[string]*shield.Rules {
	all := snap.Shield.Limits()
	out := map[string]*shield.Rules{}
	for name, r := range snap.Realms {
		if own := snap.Shield.In(r); own != all {
			out[name] = &own
		}
	}
	return out
}

// decide asks policy about a request, with what the access lists say of its names.
func (g *gateway) decide(host policy.Limits) func(policy.Request) policy.Decision {
	return func(r policy.Request) policy.Decision {
		r.Denied = g.guard.Refuses(r.Peer, r.From, r.To)
		return policy.Decide(host, r)
	}
}

// ignores reports whether a request from outside is to hear nothing.
func (g *gateway) ignores(f txn.Flow, m *wire.Message) bool {
	return g.guard.Unwelcome(guard.Caller{
		Realm: f.Realm(), Source: f.Remote().Addr(), Agent: m.Get("User-Agent"),
		Proof: m.Has("Authorization") || m.Has("Proxy-Authorization"),
		Names: []string{m.From.Display, wire.Unescape(m.From.URI.User), wire.Unescape(m.To.URI.User), wire.Unescape(m.URI.User)},
	})
}

func (g *gateway) answered(f txn.Flow, method wire.Method, status int) {
	g.guard.Answered(f.Realm(), f.Remote().Addr(), string(method), status)
}

// lists serves the access lists on the private port.
func (g *gateway) lists() admin.Lists {
	return admin.Lists{
		All:    func() any { return g.guard.List() },
		Add:    g.listEntry,
		Remove: g.unlistEntry,
	}
}

// listed is what the API is told of an entry.
type listed struct {
	List   string `json:"list"` // "deny" when left out
	Kind   string `json:"kind"` // "source" when left out
	Value  string `json:"value"`
	TTL    string `json:"ttl,omitempty"` // such as 1h; for ever when left out
	Reason string `json:"reason,omitempty"`
	Force  bool   `json:"force,omitempty"`
}

func (g *gateway) listEntry(body []byte) error {
	var in listed
	if err := json.Unmarshal(body, &in); err != nil {
		return fmt.Errorf("%w: %w", admin.ErrRequest, err)
	}
	e := &guard.Entry{Allow: in.List == "allow", Kind: kindOf(in.Kind), Value: in.Value, Reason: in.Reason}
	if in.List != "" && in.List != "allow" && in.List != "deny" {
		return fmt.Errorf("%w: list is deny or allow", admin.ErrRequest)
	}
	if in.TTL != "" {
		d, err := time.ParseDuration(in.TTL)
		if err != nil || d < time.Second {
			return fmt.Errorf("%w: ttl is a time such as 1h, a second at least", admin.ErrRequest)
		}
		e.Until = time.Now().Add(d)
	}
	return wrong(g.guard.Add(e, in.Force))
}

func (g *gateway) unlistEntry(list, kind, value string) error {
	return wrong(g.guard.Remove(list == "allow", kindOf(kind), value))
}

func kindOf(word string) guard.Kind {
	if word == "" {
		return guard.Source
	}
	return guard.Kind(word)
}

// wrong tells the API whose fault an error is.
func wrong(err error) error {
	switch {
	case errors.Is(err, guard.ErrAbsent):
		return fmt.Errorf("%w: %w", admin.ErrAbsent, err)
	case errors.Is(err, guard.ErrTrunk), errors.Is(err, guard.ErrWide):
		return fmt.Errorf("%w: %w", admin.ErrForce, err)
	case err != nil:
		return fmt.Errorf("%w: %w", admin.ErrRequest, err)
	}
	return nil
}

func realmNames(snap *config.Snapshot) []string {
	var out []string
	for name := range snap.Realms {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// lower is how names are compared.
func lower(names []string) []string {
	var out []string
	for _, n := range names {
		out = append(out, strings.ToLower(n))
	}
	return out
}
