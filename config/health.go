package config

import (
	"maps"
	"slices"
	"time"
)

// Bounds chosen here: a target asked more often than once a second is attacked, one asked once in ten minutes is not watched.
const (
	leastOptions = time.Second
	mostOptions  = 10 * time.Minute
	mostHold     = 10 * time.Minute
	mostInARow   = 100
)

func (r *Report) checkHealth(at path, h Health) {
	if h.Options != 0 && (h.Options < leastOptions || h.Options > mostOptions) {
		r.Addf(at.at("options"), "%s is not between %s and %s", h.Options, leastOptions, mostOptions)
	}
	for _, n := range []struct {
		name  string
		value int
		most  int
	}{{"down", h.Down, mostInARow}, {"up", h.Up, mostInARow}, {"failing", h.Failing, 101}} {
		if n.value < 1 || n.value > n.most {
			r.Addf(at.at(n.name), "%d is not between 1 and %d", n.value, n.most)
		}
	}
	if h.Hold < time.Second || h.Hold > mostHold {
		r.Addf(at.at("hold"), "%s is not between 1s and %s", h.Hold, mostHold)
	}
	for i, code := range h.Dead {
		if code < 300 || code > 699 || code == 503 {
			r.Addf(at.at("dead", i), "%d is no answer that can mean that nobody lives; 300 to 699, and 503 is busy", code)
		}
	}
}

// checkReflect: what is told of trunks has to be known, and of others than the one that is told.
func (r *Report) checkReflect(at path, c *Config, name string) {
	for i, other := range c.Trunks[name].Health.Reflect {
		t, known := c.Trunks[other]
		switch {
		case !known:
			r.Addf(at.at(i), "there is no trunk %q%s", other, didYouMean(other, slices.Sorted(maps.Keys(c.Trunks))))
		case other == name:
			r.Addf(at.at(i), "it is this trunk itself")
		case !t.Health.On():
			r.Addf(at.at(i), "nobody watches trunk %s: its health has neither options nor calls", other)
		}
	}
}

// checkReroute: what turns to the next candidate must be a refusal, and 6xx speaks for the user whom all candidates lead to.
func (r *Report) checkReroute(at path, t Reroute) {
	for _, list := range []struct {
		name  string
		codes []int
	}{{"next", t.Next}, {"final", t.Final}} {
		for i, code := range list.codes {
			switch {
			case code < 400 || code > 599:
				r.Addf(at.at(list.name, i), "%d is not between 400 and 599", code)
			case slices.Contains([]int{401, 407, 408}, code) && list.name == "final":
				r.Addf(at.at(list.name, i), "%d says nothing that a caller could use", code)
			case slices.Contains(t.Next, code) && list.name == "final":
				r.Addf(at.at(list.name, i), "%d is in next, too", code)
			}
		}
	}
}

// Bounds chosen here: more often than each ten seconds is a flood, and after a day nobody knows any longer.
const (
	leastRegister = 20 * time.Second
	mostRegister  = 24 * time.Hour
)

func (r *Report) checkRegister(at path, g Register) {
	if g == (Register{}) {
		return
	}
	if _, _, ok := g.Address(); !ok {
		r.Addf(at.at("aor"), "%q is no address such as 4930555@provider.example", g.AOR)
	}
	if g.Contact != "" && !userForm.MatchString(g.Contact) {
		r.Addf(at.at("contact"), "%q: letters, digits and . _ + - only", g.Contact)
	}
	if g.Contact != "" && g.Bulk {
		r.Addf(at.at("contact"), "a bulk contact has no user part")
	}
	if g.Expires != 0 && (g.Expires < leastRegister || g.Expires > mostRegister) {
		r.Addf(at.at("expires"), "%s is not between %s and %s", g.Expires, leastRegister, mostRegister)
	}
}
