package b2bua

import (
	"slices"
	"strings"

	"drawbridge/policy/rules"
	"drawbridge/telemetry"
)

// ruleFor adds a header rule at a realm or trunk, as flows write it.
func ruleFor(c *Config, where, direction string, words []string) {
	var row rules.Row
	keys := map[string]*string{"do": &row.Do, "of": &row.Of, "match": &row.Match, "to": &row.To, "from": &row.From, "on": &row.Messages}
	for _, w := range words {
		key, value, _ := strings.Cut(w, "=")
		value = strings.ReplaceAll(value, "_", " ")
		switch key {
		case "methods":
			row.Methods = strings.Split(value, ",")
		case "if":
			of, match, _ := strings.Cut(value, ":")
			row.When = append(row.When, rules.Condition{Of: of, Match: match})
		default:
			*keys[key] = value
		}
	}
	book, problems := rules.Compile(map[string][]rules.Row{where: {row}})
	if len(problems) > 0 {
		panic(problems[0].Err)
	}
	chain, _ := book.Chain(where)
	add := func(r Rules) Rules {
		if direction == "in" {
			r.In = r.In.Then(chain)
		} else {
			r.Out = r.Out.Then(chain)
		}
		return r
	}
	if i := slices.IndexFunc(c.Trunks, func(t Trunk) bool { return t.Name == where }); i >= 0 {
		c.Trunks[i].Rules = add(c.Trunks[i].Rules)
		return
	}
	r := c.Realms[where]
	r.Rules = add(r.Rules)
	c.Realms[where] = r
}

// misruled is how often rules could not be carried out.
func (p *player) misruled() (n int) {
	p.record(func() {
		for _, e := range p.events {
			if r, ok := e.(telemetry.Refused); ok && r.Kind == "rules.error" {
				n++
			}
		}
	})
	return n
}
