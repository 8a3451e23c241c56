package guard

import (
	"slices"
	"strings"

	"drawbridge/policy/number"
)

// canonical is the one form in which names of a kind are compared.
func canonical(kind Kind, value string, plan number.Plan) string {
	value = strings.ToLower(strings.TrimSpace(value))
	if kind != From && kind != To {
		return value
	}
	stem, rest := strings.CutSuffix(value, "*")
	if n, ok := number.Normal(stem, plan); ok {
		stem = n
	}
	if rest {
		return stem + "*"
	}
	return stem
}

// match finds the entry that a name meets, and whether it is one of the allow list, which is asked first.
func (g *Guard) match(kind Kind, name string) (e *Entry, allowed bool) {
	if name == "" {
		return nil, false
	}
	g.mu.RLock()
	defer g.mu.RUnlock()
	if len(g.names[kind]) == 0 {
		return nil, false
	}
	forms, now := g.forms(kind, name), g.cfg.now()
	for _, x := range g.names[kind] {
		switch {
		case x.over(now):
			continue
		case x.Allow && !meets(kind, x.Value, forms[:1]), !meets(kind, x.Value, forms): // only what it is for certain is allowed
			continue
		}
		if x.Allow {
			x.hits.Add(1)
			return x, true
		}
		if e == nil {
			e = x
		}
	}
	if e != nil {
		e.hits.Add(1)
	}
	return e, false
}

// forms are the ways to read a name; the first is what it most likely is. A number that is denied is denied in every way to dial it.
func (g *Guard) forms(kind Kind, name string) []string {
	out := []string{canonical(kind, name, g.set.Load().Plan)}
	if kind == To {
		for _, digits := range number.Readings(name, g.set.Load().Plan) {
			out = append(out, "+"+digits)
		}
	}
	return out
}

func meets(kind Kind, pattern string, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		stem, open := strings.CutSuffix(pattern, "*")
		switch {
		case kind == Agent:
			return strings.Contains(name, strings.Trim(pattern, "*"))
		case open:
			return strings.HasPrefix(name, stem)
		}
		return pattern == name
	})
}

// Refuses names the rule that forbids a request of an account or trunk, as from, for to; "" is none.
func (g *Guard) Refuses(peer, from, to string) (rule string) {
	for _, ask := range []struct {
		kind Kind
		name string
	}{{AOR, peer}, {From, from}, {To, to}} {
		if e, allowed := g.match(ask.kind, ask.name); e != nil && !allowed {
			return "acl/" + string(ask.kind)
		}
	}
	return ""
}
