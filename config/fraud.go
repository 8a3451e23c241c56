package config

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"drawbridge/policy/fraud"
	"drawbridge/policy/number"
	"drawbridge/policy/route"
)

// FraudRule counts calls.
type FraudRule struct {
	Name     string      `yaml:"name" doc:"What alarms, call records and refusals call it."`
	Accounts []string    `yaml:"accounts" doc:"Accounts and trunks whose calls it counts, each for itself; all by default."`
	Per      string      `yaml:"per" doc:"Whose calls are counted together. account by default: those of the account or trunk that they come from; caller: of one calling number there; trunk: those that one trunk has answered, for alarms only." enum:"account,caller,trunk"`
	Prefixes []string    `yaml:"prefixes" doc:"Beginnings of called numbers in international form, such as +252, each counted for itself; every number by default. However a number is dialled, it is compared: with +, 00, 011, in national form."`
	Except   []string    `yaml:"except" doc:"Beginnings of called numbers that it does not count, such as +49 in Germany; emergency and service numbers are then not counted either. numbers.country says what a national number is."`
	Callers  []string    `yaml:"callers" doc:"The same of the calling number."`
	When     []string    `yaml:"when" doc:"When it counts: days, a span or both, such as mon-fri 18:00-08:00; always by default."`
	Zone     string      `yaml:"zone" doc:"Time zone of when, such as Europe/Berlin; time_zone by default."`
	Deny     bool        `yaml:"deny" doc:"No such call at all."`
	Warning  FraudLimits `yaml:"warning" doc:"What is beyond these raises a warning."`
	Critical FraudLimits `yaml:"critical" doc:"What is beyond these raises a critical alarm, is refused, and blocks the account for the prefix."`
	Block    Patience    `yaml:"block" doc:"How long the account may not call the prefix after a critical alarm; 1h by default, off refuses nothing."`
	Calls    string      `yaml:"calls" doc:"What becomes of a call that is up at a critical duration or spend: end by default; keep." enum:"end,keep"`

	zone *time.Location
	when []fraud.Window
}

// FraudLimits are what is normal at most. 0 limits nothing.
type FraudLimits struct {
	PerMinute  int           `yaml:"per_minute" doc:"Attempts within 60 seconds."`
	PerHour    int           `yaml:"per_hour" doc:"Attempts within 60 minutes."`
	PerDay     int           `yaml:"per_day" doc:"Attempts within 24 hours."`
	Concurrent int           `yaml:"concurrent" doc:"Calls at a time, ringing ones included."`
	Sequential int           `yaml:"sequential" doc:"Attempts to one number, one after the other, with no other number and no hour of rest in between."`
	Networks   int           `yaml:"networks" doc:"Networks (/24, for IPv6 /48) that an account calls from within an hour; 3 at most."`
	Unanswered int           `yaml:"unanswered" doc:"Calls within an hour that were given up before they rang for 10 seconds."`
	Quick      int           `yaml:"quick" doc:"Calls within an hour that were answered in less than a second."`
	Duration   time.Duration `yaml:"duration" doc:"Length of one call."`
	SpendHour  float64       `yaml:"spend_hour" doc:"Money within 60 minutes by the prices of rates, calls that are up included."`
	SpendDay   float64       `yaml:"spend_day" doc:"Money within 24 hours."`
}

// Numbers says how numbers are dialled.
type Numbers struct {
	Country string            `yaml:"country" doc:"ISO 3166 letters of the country whose way to dial numbers have, such as DE: what 00 and 0 mean. Without it 00 and 011 lead abroad, and other numbers are taken as they are."`
	Realms  map[string]string `yaml:"realms" doc:"Other countries, by realm."`
}

// Limits are the limits by kind.
func (l FraudLimits) Limits() (out fraud.Limits) {
	out[fraud.PerMinute], out[fraud.PerHour], out[fraud.PerDay] = float64(l.PerMinute), float64(l.PerHour), float64(l.PerDay)
	out[fraud.Concurrent], out[fraud.Sequential], out[fraud.Networks] = float64(l.Concurrent), float64(l.Sequential), float64(l.Networks)
	out[fraud.Unanswered], out[fraud.Quick], out[fraud.Duration] = float64(l.Unanswered), float64(l.Quick), l.Duration.Seconds()
	out[fraud.SpendHour], out[fraud.SpendDay] = l.SpendHour, l.SpendDay
	return out
}

// pers are the words of per.
var pers = map[string]fraud.Per{"account": fraud.PerAccount, "caller": fraud.PerCaller, "trunk": fraud.PerTrunk}

func (f FraudRule) defaults() FraudRule {
	fill(&f.Per, "account")
	fill(&f.Block, Patience{Limit: time.Hour})
	fill(&f.Calls, "end")
	return f
}

// Rule is the rule as policy/fraud takes it.
func (f FraudRule) Rule() fraud.Rule {
	r := fraud.Rule{
		Name: f.Name, Accounts: f.Accounts, Per: pers[f.Per], Prefixes: f.Prefixes, Except: f.Except, Callers: f.Callers, When: f.when, Zone: f.zone, Deny: f.Deny,
		Warning: f.Warning.Limits(), Critical: f.Critical.Limits(), Block: f.Block.Limit, End: f.Calls == "end",
	}
	if f.Block.Off {
		r.Block = -1
	}
	return r
}

// Plan is how numbers are dialled in a realm.
func (n Numbers) Plan(realm string) number.Plan {
	country := n.Realms[realm]
	if country == "" {
		country = n.Country
	}
	p, _ := number.Lookup(country)
	return p
}

func (r *Report) checkFraud(c *Config) {
	for i, f := range c.Fraud {
		at := path{"fraud"}.at(i)
		if !nameForm.MatchString(f.Name) {
			r.checkName(at.at("name"), "rule", f.Name)
		} else if slices.ContainsFunc(c.Fraud[:i], func(o FraudRule) bool { return o.Name == f.Name }) {
			r.Addf(at.at("name"), "fraud rule %s is in the list twice", f.Name)
		}
		r.checkFraudRule(c, f, at)
	}
}

func (r *Report) checkFraudRule(c *Config, f FraudRule, at path) {
	for i, name := range f.Accounts {
		_, trunk := c.Trunks[name]
		if !trunk && !slices.ContainsFunc(c.Users.Local, func(u User) bool { return u.Name == name }) {
			r.Addf(at.at("accounts", i), "there is no account and no trunk %q", name)
		}
	}
	for key, list := range map[string][]string{"prefixes": f.Prefixes, "except": f.Except, "callers": f.Callers} {
		for i, p := range list {
			if !fraud.Prefix(p) {
				r.Addf(at.at(key, i), "%q is not the beginning of a number in international form, such as +252", p)
			}
		}
	}
	r.oneOf(at.at("per"), f.Per, slices.Sorted(maps.Keys(pers))...)
	r.oneOf(at.at("calls"), f.Calls, "end", "keep")
	if f.Block.Limit < 0 || f.Block.Limit > 30*24*time.Hour {
		r.Addf(at.at("block"), "%s is not between 0 and 720h", f.Block.Limit)
	}
	r.checkFraudLimits(at, f)
	for key, l := range map[string]FraudLimits{"warning": f.Warning, "critical": f.Critical} {
		if (l.SpendHour > 0 || l.SpendDay > 0) && c.Rates == "" && c.Deck == "" {
			r.Addf(at.at(key), "a limit of money needs rates or a deck: what a minute costs")
		}
	}
}

func (r *Report) checkFraudLimits(at path, f FraudRule) {
	warn, critical := f.Warning.Limits(), f.Critical.Limits()
	any := f.Deny
	for k := range warn {
		word := fraud.Kind(k).String()
		any = any || warn[k] > 0 || critical[k] > 0
		switch {
		case !(warn[k] >= 0):
			r.Addf(at.at("warning", word), "a limit is not below 0")
		case !(critical[k] >= 0):
			r.Addf(at.at("critical", word), "a limit is not below 0")
		case warn[k] > 0 && critical[k] > 0 && warn[k] >= critical[k]:
			r.Addf(at.at("warning", word), "the warning comes no earlier than the critical alarm")
		}
	}
	most := max(f.Warning.Networks, f.Critical.Networks)
	switch {
	case !any:
		r.Addf(at, "rule %s limits nothing", f.Name)
	case f.Deny && f.Per == "trunk":
		r.Addf(at.at("deny"), "what a trunk answers is known too late to deny it")
	case most > 3:
		r.Addf(at, "networks: 3 at most can be told apart")
	}
}

func (r *Report) checkNumbers(c *Config) {
	known := func(at path, country string) {
		if _, ok := number.Lookup(country); country != "" && !ok {
			r.Addf(at, "%q is no country; two letters are needed, such as DE", country)
		}
	}
	known(path{"numbers", "country"}, c.Numbers.Country)
	for _, name := range slices.Sorted(maps.Keys(c.Numbers.Realms)) {
		known(path{"numbers", "realms", name}, c.Numbers.Realms[name])
		if _, ok := c.Realms[name]; !ok {
			r.Addf(path{"numbers", "realms", name}, "%s", noSuch("realm", name, c.Realms))
		}
	}
}

// readFraud reads what rules only name: time zones and windows.
func (r *Report) readFraud(c *Config) {
	for i := range c.Fraud {
		f, at := &c.Fraud[i], path{"fraud"}.at(i)
		var err error
		if f.zone, err = time.LoadLocation(cmp.Or(f.Zone, c.TimeZone, "Local")); err != nil {
			r.Addf(at.at("zone"), "%q is no time zone that this system knows, such as Europe/Berlin", f.Zone)
		}
		f.when = nil
		for j, text := range f.When {
			w, err := fraud.ParseWindow(text)
			if err != nil {
				r.Addf(at.at("when", j), "%v", err)
			}
			f.when = append(f.when, w)
		}
	}
}

// readRates reads the price list.
func (r *Report) readRates(snap *Snapshot) {
	if snap.Config.Rates == "" {
		return
	}
	at := path{"rates"}
	file, err := os.Open(snap.File(snap.Config.Rates))
	if err != nil {
		r.Addf(at, "%v", err)
		return
	}
	defer file.Close()
	if snap.rates, err = route.ReadDeck(file); err != nil {
		r.Addf(at, "%s", strings.ReplaceAll(fmt.Sprintf("%s: %v", snap.Config.Rates, err), "\n", "; "))
	}
}

// Price is what a minute of a call to a number costs at most, by the price list of the fraud rules, else by the deck; 0 without either.
func (s *Snapshot) Price(digits string) float64 {
	list := cmp.Or(s.rates, s.deck)
	if list == nil {
		return 0
	}
	var dearest route.Micros
	for _, rate := range list.Rates(nil, digits) {
		dearest = max(dearest, rate.Price)
	}
	return float64(dearest) / 1e6
}
