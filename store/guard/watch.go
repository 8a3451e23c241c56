package guard

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"drawbridge/policy/shield"
	"drawbridge/telemetry"
)

// Listener hears what the other parts refuse.
func (g *Guard) Listener() telemetry.Listener {
	return telemetry.Listener{
		Refused: func(e telemetry.Refused) {
			if o, ok := shield.Refusal(e.Kind, e.Detail); ok {
				g.offendAt(e.Realm, e.Source, o)
			}
		},
		Rejected: func(e telemetry.Rejected) {
			if o, ok := shield.Rejection(e.Rule, e.Status); ok {
				g.offendAt(e.Realm, e.Source, o)
			}
		},
	}
}

// Answered hears the final answer to a request.
func (g *Guard) Answered(realm string, src netip.Addr, method string, status int) {
	switch o, bad, good := shield.Answer(method, status); {
	case bad:
		g.offend(realm, src, o, "")
	case good:
		g.Prove(src)
	}
}

// Prove notes that somebody with an account is behind a source.
func (g *Guard) Prove(src netip.Addr) {
	if g.exempt(src) {
		return
	}
	now := g.now()
	g.sources.Do(customer(plain(src)), func(s *shield.Record) { s.Prove(now) })
}

// offendAt counts an offence of a source as events write it: an address, with or without a port.
func (g *Guard) offendAt(realm, source string, o shield.Offence) {
	src, err := netip.ParseAddr(source)
	if err != nil {
		at, err := netip.ParseAddrPort(source)
		if err != nil {
			return // nobody is named
		}
		src = at.Addr()
	}
	g.offend(realm, src, o, "")
}

// offend counts an offence, and raises the alarm or bans when that is one too many.
func (g *Guard) offend(realm string, src netip.Addr, o shield.Offence, detail string) {
	src = plain(src)
	g.mu.RLock()
	allowed := g.allow.find(src, g.cfg.now()) != nil
	g.mu.RUnlock()
	if allowed || !src.IsValid() {
		return
	}
	spared := within(src, g.set.Load().NeverBlock) || g.cfg.Known(src)
	var v shield.Verdict
	now := g.now()
	g.sources.Do(customer(src), func(s *shield.Record) { v = s.Offend(g.rules(realm), o, now, spared) })
	if v.Alarm != shield.None {
		g.cfg.Events.EmitAlarmed(telemetry.Alarmed{
			Severity: v.Alarm.String(), Class: o.Class.String(), Reason: o.Reason, Realm: realm, Source: src.String(), Detail: detail, Count: v.Count,
		})
	}
	if v.Deny > 0 {
		g.ban(realm, src, o, v, detail)
	}
}

// ban denies a source for a while. Several goroutines may have found the same: the first one tells.
func (g *Guard) ban(realm string, src netip.Addr, o shield.Offence, v shield.Verdict, detail string) {
	now := g.cfg.now()
	p := g.bannable(src)
	e := &Entry{Kind: Source, Value: p.String(), Reason: o.Reason, Added: now, Until: now.Add(v.Deny)}
	g.mu.Lock()
	if old := g.deny.get(p); old != nil && !old.over(now) {
		g.mu.Unlock()
		return
	}
	if g.total >= g.cfg.Entries {
		g.expel(now)
	}
	g.put(p, e)
	g.mu.Unlock()
	g.touch()
	g.cfg.Events.EmitDenied(telemetry.Denied{
		Class: o.Class.String(), Reason: o.Reason, Realm: realm, Source: src.String(), Detail: detail, TTL: v.Deny.Round(time.Second), Count: v.Count,
	})
}

// bannable is what a ban of a source hits: its customer's network, or the address alone where somebody lives beside it who is not to be
// banned: a trunk in the same /64 must not be deaf because of a neighbour, or of whoever forges one.
func (g *Guard) bannable(src netip.Addr) netip.Prefix {
	p := customer(src)
	if slices.ContainsFunc(g.set.Load().NeverBlock, p.Overlaps) || slices.ContainsFunc(g.cfg.Trunks(), p.Overlaps) {
		return netip.PrefixFrom(src, src.BitLen())
	}
	return p
}

// expel makes room: what has expired goes, or else the ban that ends first. What has no end stays.
func (g *Guard) expel(now time.Time) {
	if g.sweep(now) > 0 {
		return
	}
	var first *Entry
	var at netip.Prefix
	for _, nets := range g.deny {
		for p, e := range nets {
			if !e.Until.IsZero() && (first == nil || e.Until.Before(first.Until)) {
				first, at = e, p
			}
		}
	}
	if first != nil {
		g.remove(at)
	}
}

// Caller is what a request from outside says of itself.
type Caller struct {
	Realm  string
	Source netip.Addr
	Agent  string   // User-Agent
	Proof  bool     // it brings credentials, right or wrong
	Names  []string // display names and users that scanners and attacks betray themselves in
}

// Unwelcome reports whether a request is to hear nothing: its agent is denied, it names itself a scanner, it carries an attack on a
// database in a name, or its source has left too many challenges unanswered.
func (g *Guard) Unwelcome(c Caller) bool {
	if g.exempt(c.Source) {
		return false
	}
	if e, allowed := g.match(Agent, c.Agent); allowed {
		return false
	} else if e != nil {
		g.silenced(c, "acl", e.Value)
		return true
	}
	if name := g.scanner(c); name != "" {
		g.silenced(c, "scanner", name)
		g.offend(c.Realm, c.Source, shield.Offence{Class: shield.Scanner, Reason: "scanner"}, name)
		return true
	}
	return g.owing(c)
}

// owing reports whether the source of a request gets no further challenge.
func (g *Guard) owing(c Caller) bool {
	var owes, over bool
	now := g.now()
	g.sources.Look(customer(plain(c.Source)), func(s *shield.Record) { owes, over = s.Owing(g.rules(c.Realm), now, c.Proof) })
	if !owes || within(plain(c.Source), g.set.Load().NeverBlock) {
		return false
	}
	g.silenced(c, "unanswered", "")
	if over {
		g.offend(c.Realm, c.Source, shield.Unheeded, "")
	}
	return true
}

func (g *Guard) silenced(c Caller, kind, detail string) {
	g.cfg.Events.EmitRefused(telemetry.Refused{Kind: kind, Realm: c.Realm, Source: c.Source.String(), Detail: detail, Count: 1})
}

// injections betray an attack on a database. Chosen here: none can be part of a name that somebody has.
var injections = []string{"' or ", "'or'", "'='", "union select", "drop table", "';", "/*", "sleep("}

// scanner names the tool that a request comes from; "" is none.
func (g *Guard) scanner(c Caller) string {
	agent := strings.ToLower(c.Agent)
	for _, s := range g.set.Load().Scanners {
		if strings.Contains(agent, s) {
			return s
		}
	}
	for _, name := range c.Names {
		name = strings.ToLower(name)
		for _, s := range g.set.Load().Scanners {
			if name == s {
				return s
			}
		}
		for _, s := range injections {
			if strings.Contains(name, s) {
				return "injection"
			}
		}
	}
	return ""
}
