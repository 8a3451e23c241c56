package b2bua

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"drawbridge/policy/limit"
)

// limitAs reads the rest of a flow's "config limit NAME ...": calls as a number, cps=RATE, bandwidth=BITS, reserve=PERCENT. NAME is a trunk,
// a realm, gateway, number or an account; "config limit transcodes 1", "config limit emergency 112" and "config limit late 1" stand alone.
func limitAs(c *Config, name string, words []string) {
	if name == "emergency" {
		c.Limits.Emergency = func(number string) bool { return slices.Contains(words, number) }
		c.Limits.EmergencyRate = limit.PerSecond(1, 2)
		return
	}
	var b limit.Bounds
	for _, w := range words {
		kind, value, _ := strings.Cut(w, "=")
		n, _ := strconv.Atoi(value)
		switch kind {
		case "cps":
			b.Rate, _ = limit.Parse(value)
		case "bandwidth":
			b.Bandwidth = n
		case "reserve":
			b.Reserve = n
		default:
			b.Calls, _ = strconv.Atoi(w)
		}
	}
	trunk := slices.IndexFunc(c.Trunks, func(t Trunk) bool { return t.Name == name })
	_, realm := c.Realms[name]
	switch {
	case trunk >= 0:
		c.Trunks[trunk].Limits = b
	case realm:
		if c.Limits.Realms == nil {
			c.Limits.Realms = map[string]limit.Bounds{}
		}
		c.Limits.Realms[name] = b
	case name == "gateway":
		c.Limits.Gateway = b
	case name == "number":
		c.Limits.Number = b
		c.Limits.Form = func(_, number string) string { return strings.TrimPrefix(strings.TrimPrefix(number, "00"), "+") }
	case name == "transcodes":
		c.Limits.Transcodes = func() int { return b.Calls }
	default:
		others := c.Limits.Account
		c.Limits.Account = func(user string) limit.Bounds {
			switch {
			case user == name:
				return b
			case others == nil:
				return limit.Bounds{}
			}
			return others(user)
		}
	}
}

var scopes = map[string]limit.Scope{"gateway": limit.Global, "realm": limit.Realm, "trunk": limit.Trunk, "account": limit.Account, "number": limit.Number}

// inUse is what counts for a limit, such as of trunk/acme.
func (w *world) inUse(of string) string {
	scope, name, _ := strings.Cut(of, "/")
	u := w.sw.InUse(limit.Key{Scope: scopes[scope], Name: name})
	if scope == "gateway" {
		return fmt.Sprintf("%d %d %d", u.Calls, u.Bandwidth, u.Transcodes)
	}
	return fmt.Sprintf("%d %d", u.Calls, u.Bandwidth)
}
