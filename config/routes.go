package config

import (
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"drawbridge/policy/route"
)

const mostWeight = 1000 // shares finer than one in a thousand show on no trunk

func (r *Report) checkRoutes(c *Config) {
	zone, err := c.Zone()
	if err != nil {
		r.Addf(path{"time_zone"}, "%q is no time zone such as Europe/Berlin", c.TimeZone)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Groups)) {
		r.checkGroup(c, name, path{"groups", name})
	}
	for i, row := range c.Routes {
		at := path{"routes"}.at(i)
		r.checkRoute(c, row, at)
		for j, text := range row.When {
			if _, err := route.ParseHours([]string{text}, zone); err != nil {
				r.Addf(at.at("when", j), "%v", err)
			}
		}
	}
}

// Zone is that of the hours of routes.
func (c *Config) Zone() (*time.Location, error) {
	if c.TimeZone == "" {
		return time.Local, nil
	}
	zone, err := time.LoadLocation(c.TimeZone)
	if err != nil {
		return time.UTC, err
	}
	return zone, nil
}

func (r *Report) checkGroup(c *Config, name string, at path) {
	r.checkName(at, "group", name)
	if _, ok := c.Trunks[name]; ok {
		r.Addf(at, "a trunk has the name %s, too", name)
	}
	if len(c.Groups[name]) == 0 {
		r.Addf(at, "group %s has no trunks", name)
	}
	seen := map[string]bool{}
	for i, m := range c.Groups[name] {
		switch _, ok := c.Trunks[m.Trunk]; {
		case !ok:
			r.Addf(at.at(i, "trunk"), "%s", noSuch("trunk", m.Trunk, c.Trunks))
		case seen[m.Trunk]:
			r.Addf(at.at(i, "trunk"), "%s is in the group twice", m.Trunk)
		}
		seen[m.Trunk] = true
		if m.Weight < 0 || m.Weight > mostWeight {
			r.Addf(at.at(i, "weight"), "%d is not between 1 and %d", m.Weight, mostWeight)
		}
	}
}

func (r *Report) checkRoute(c *Config, row Route, at path) {
	if row.From != "" {
		if _, ok := c.Realms[row.From]; !ok {
			r.Addf(at.at("from"), "%s", noSuch("realm", row.From, c.Realms))
		}
	}
	if row.To == "" || !globForm.MatchString(row.To) {
		r.Addf(at.at("to"), "%q is not a number with * at its end at most", row.To)
	}
	switch {
	case len(row.Via) == 0 && !row.Deck:
		r.Addf(at, "a route needs a trunk in via")
	case row.Deck && c.Deck == "":
		r.Addf(at.at("deck"), "a route by price needs a deck")
	}
	for i, name := range row.Via {
		if _, ok := c.Groups[name]; ok {
			continue
		}
		if _, ok := c.Trunks[name]; !ok {
			r.Addf(at.at("via", i), "%s", noSuch("trunk", name, c.Trunks))
		}
	}
	for i, s := range row.Source {
		if s == "" || !globForm.MatchString(s) {
			r.Addf(at.at("source", i), "%q is no account, trunk or number with * at its end at most", s)
		}
	}
}

// readDeck reads the price list. Every fault in it is one of the configuration.
func (r *Report) readDeck(snap *Snapshot, src source) {
	at := path{"deck"}
	if snap.Deck == "" {
		return
	}
	f, err := os.Open(src.file(snap.Deck))
	if err != nil {
		r.Addf(at, "%v", err)
		return
	}
	defer func() { _ = f.Close() }() // it was only read
	deck, err := route.ReadDeck(f)
	if err != nil {
		r.Addf(at, "%s: %s", snap.Deck, strings.ReplaceAll(err.Error(), "\n", "; "))
		return
	}
	for _, trunk := range deck.Trunks() {
		if _, ok := snap.Trunks[trunk]; !ok {
			r.Addf(at, "%s: %s", snap.Deck, noSuch("trunk", trunk, snap.Trunks))
		}
	}
	snap.deck = deck
}
