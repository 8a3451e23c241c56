package b2bua

import (
	"slices"
	"strings"

	"drawbridge/topology"
)

// passFor lets something cross at a realm or trunk, as flows write it.
func passFor(c *Config, where, direction string, words []string) {
	var pass topology.Pass
	lists := map[string]*[]string{"headers": &pass.Headers, "bodies": &pass.Bodies, "sdp": &pass.SDP}
	for _, w := range words {
		key, value, _ := strings.Cut(w, "=")
		*lists[key] = strings.Split(value, ",")
	}
	add := func(p *topology.Passes) *topology.Passes {
		all := topology.Passes{}
		if p != nil {
			all = *p
		}
		if direction == "in" {
			all.In = pass
		} else {
			all.Out = pass
		}
		return &all
	}
	if i := slices.IndexFunc(c.Trunks, func(t Trunk) bool { return t.Name == where }); i >= 0 {
		c.Trunks[i].Pass = add(c.Trunks[i].Pass)
		return
	}
	r := c.Realms[where]
	r.Pass = add(r.Pass)
	c.Realms[where] = r
}
