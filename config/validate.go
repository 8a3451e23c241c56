package config

import (
	"maps"
	"slices"
	"time"
)

// Validate checks ranges and relations of a configuration that Defaults has filled. The error is a *Report without positions: Load
// knows them.
func (c *Config) Validate() error {
	r := &Report{File: "configuration"}
	r.validate(c)
	return r.err()
}

func (r *Report) validate(c *Config) {
	r.checkWeb(c)
	r.checkAdmin(c.Admin)
	for _, name := range slices.Sorted(maps.Keys(c.Realms)) {
		r.checkRealm(c, name, path{"realms", name})
	}
	r.checkSockets(c)
	r.checkPorts(c)
	r.checkUsers(c.Users)
	for _, name := range slices.Sorted(maps.Keys(c.Trunks)) {
		r.checkTrunk(c, name, path{"trunks", name})
	}
	r.checkRoutes(c)
	r.checkLimits(c)
	r.checkFraud(c)
	r.checkNumbers(c)
	if !slices.Contains([]int{504, 503, 480}, c.AllDown) {
		r.Addf(path{"all_down"}, "%d is none of 504, 503, 480", c.AllDown)
	}
	r.checkShield(c, path{"shield"})
	r.oneOf(path{"log", "level"}, c.Log.Level, "debug", "info", "warn", "error")
	r.oneOf(path{"log", "format"}, c.Log.Format, "json", "text")
	if c.Drain.Timeout < 0 || c.Drain.Timeout > 24*time.Hour {
		r.Addf(path{"drain", "timeout"}, "%s is not between 0 and 24h", c.Drain.Timeout)
	}
}
