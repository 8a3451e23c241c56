package config

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"drawbridge/policy/limit"
)

// Limits bound the gateway.
type Limits struct {
	Calls      int         `yaml:"calls" doc:"Calls at a time; more are answered 503. 10000 by default."`
	CPS        Rate        `yaml:"cps" doc:"Call attempts in the long run: 50 a second, or 100/m. None by default."`
	Burst      int         `yaml:"burst" doc:"Call attempts at once after a pause; by default as many as cps names."`
	Bandwidth  Bandwidth   `yaml:"bandwidth" doc:"Bits a second of RTP in one direction on all legs, IP headers included, such as 100M or 512k: G.711 takes 80k at 20 ms. None by default."`
	Transcodes int         `yaml:"transcodes" doc:"Transcoded calls that this machine carries; measured at the start by default, which takes half a second of a core. Beyond it a callee is offered only what the caller speaks, and not called when that is nothing."`
	Late       Patience    `yaml:"late" doc:"How late the media plane may be for a second on end before new calls are answered 503. 50ms by default; off never refuses."`
	Account    PartyLimits `yaml:"account" doc:"Limits of each account that has none of its own."`
	Number     NumberCap   `yaml:"number" doc:"Limits of any one number or name that is called."`
	Emergency  Emergency   `yaml:"emergency" doc:"Calls that no limit of an account holds back."`
}

// PartyLimits bound a realm, a trunk or an account.
type PartyLimits struct {
	Calls     int       `yaml:"calls" doc:"Calls at a time, both directions; 0 is no limit."`
	CPS       Rate      `yaml:"cps" doc:"Call attempts in the long run, in each direction: 10 a second, or 100/m. None by default."`
	Burst     int       `yaml:"burst" doc:"Call attempts at once after a pause; by default as many as cps names."`
	Bandwidth Bandwidth `yaml:"bandwidth" doc:"Bits a second of RTP in one direction, IP headers included, such as 10M or 512k: G.711 takes 80k at 20 ms. None by default."`
}

// NumberCap bounds what one number may take.
type NumberCap struct {
	Calls int `yaml:"calls" doc:"Calls at a time to it; more are answered 486. 0 is no limit."`
}

// RealmLimits bound a realm, and who sends it requests.
type RealmLimits struct {
	PartyLimits `yaml:",inline"`
	Source      Rate            `yaml:"source" doc:"Requests outside calls from one address (of IPv6: one /64) that is no trunk's, such as 50/s; counted before any login. None by default."`
	Connection  Rate            `yaml:"connection" doc:"The same on one WebSocket, TCP or TLS connection. None by default."`
	Methods     map[string]Rate `yaml:"methods" doc:"The same by method, such as {REGISTER: 10/m}."`
}

// Emergency says what an emergency call is.
type Emergency struct {
	Numbers []string `yaml:"numbers" doc:"Emergency numbers as they are dialled, such as [\"112\", \"110\"]. None by default. Calls to them pass the limits of accounts and numbers and every rate, and may use the reserve; they do not pass a full gateway, realm or trunk."`
	Reserve *int     `yaml:"reserve" doc:"Per cent of calls and bandwidth of the gateway, realms and trunks that are left to them, if there are any numbers; 5 by default."`
	CPS     Rate     `yaml:"cps" doc:"Calls of one account or trunk to them in the long run; 5/s by default."`
}

// Rate is how often something may happen, as it is written: a number a second, or a number per time.
type Rate struct {
	Text string
	limit.Rate
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Rate) UnmarshalText(text []byte) error {
	s := strings.TrimSpace(string(text))
	if s == "" || s == "0" {
		*r = Rate{}
		return nil
	}
	per := s
	if !strings.Contains(s, "/") {
		per += "/s"
	}
	parsed, err := limit.Parse(per)
	if err != nil {
		return fmt.Errorf("%q: a rate is a number a second, or a number per time, such as 10, 100/m or 5/30s", s)
	}
	*r = Rate{s, parsed}
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.Text), nil }

// IsZero reports an absent rate.
func (r Rate) IsZero() bool { return r.None() }

// String is the rate as it is written.
func (r Rate) String() string { return r.Text }

// Bandwidth is a number of bits a second.
type Bandwidth struct {
	Text string
	Bits int
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *Bandwidth) UnmarshalText(text []byte) error {
	s := strings.TrimSpace(string(text))
	if s == "" {
		*b = Bandwidth{}
		return nil
	}
	digits, unit := s, 1.0
	switch s[len(s)-1] {
	case 'k', 'K':
		digits, unit = s[:len(s)-1], 1e3
	case 'M':
		digits, unit = s[:len(s)-1], 1e6
	case 'G':
		digits, unit = s[:len(s)-1], 1e9
	}
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil || !(n >= 0) || n*unit > 1e15 {
		return fmt.Errorf("%q is not a number of bits a second such as 512k, 100M or 1G", s)
	}
	*b = Bandwidth{s, int(n * unit)}
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (b Bandwidth) MarshalText() ([]byte, error) { return []byte(b.Text), nil }

// IsZero reports an absent bandwidth.
func (b Bandwidth) IsZero() bool { return b.Bits == 0 }

// Bounds are the limits as the calls take them.
func (l PartyLimits) Bounds() limit.Bounds {
	rate := l.CPS.Rate
	if l.Burst > 0 && !rate.None() {
		rate.Burst = l.Burst
	}
	return limit.Bounds{Calls: l.Calls, Rate: rate, Bandwidth: l.Bandwidth.Bits}
}

// Bounds are the limits of the whole gateway.
func (l Limits) Bounds() limit.Bounds { return l.own().Bounds() }

func (l Limits) own() PartyLimits {
	return PartyLimits{Calls: l.Calls, CPS: l.CPS, Burst: l.Burst, Bandwidth: l.Bandwidth}
}

// Set reports whether there is any limit.
func (l PartyLimits) Set() bool { return l != PartyLimits{} }

// Requests reports whether requests are bounded, whoever they are from.
func (l RealmLimits) Requests() bool {
	return !l.Source.IsZero() || !l.Connection.IsZero() || len(l.Methods) > 0
}

// Reserved is the per cent that is left to emergency calls.
func (e Emergency) Reserved() int {
	if len(e.Numbers) == 0 || e.Reserve == nil {
		return 0
	}
	return *e.Reserve
}

// Chosen here.
const (
	defaultReserve   = 5                     // per cent (QOS-04)
	defaultEmergency = "5/s"                 // of one caller: a house on fire calls a few times
	defaultLate      = 50 * time.Millisecond // beyond what the jitter buffers of peers take as a matter of course
)

func (l *Limits) defaults() {
	fill(&l.Calls, defaultCalls)
	fill(&l.Late, Patience{Limit: defaultLate})
	if l.Emergency.Reserve == nil {
		l.Emergency.Reserve = new(defaultReserve)
	}
	if l.Emergency.CPS.IsZero() {
		_ = l.Emergency.CPS.UnmarshalText([]byte(defaultEmergency))
	}
}

func (r *Report) checkLimits(c *Config) {
	at, l := path{"limits"}, c.Limits
	r.checkPartyLimits(at, l.own())
	r.checkPartyLimits(at.at("account"), l.Account)
	for _, n := range []struct {
		at    path
		value int
	}{{at.at("transcodes"), l.Transcodes}, {at.at("number", "calls"), l.Number.Calls}} {
		if n.value < 0 {
			r.Addf(n.at, "%d is below 0", n.value)
		}
	}
	if !l.Late.Off && l.Late.Limit < time.Millisecond {
		r.Addf(at.at("late"), "%s is less than a busy machine is always late, 1ms", l.Late.Limit)
	}
	for i, n := range l.Emergency.Numbers {
		if !numberForm.MatchString(n) {
			r.Addf(at.at("emergency", "numbers", i), "%q is not a number", n)
		}
	}
	if p := l.Emergency.Reserve; p != nil && (*p < 0 || *p > 50) {
		r.Addf(at.at("emergency", "reserve"), "%d is not between 0 and 50 per cent", *p)
	}
}

func (r *Report) checkPartyLimits(at path, l PartyLimits) {
	if l.Calls < 0 {
		r.Addf(at.at("calls"), "%d is below 0", l.Calls)
	}
	if l.Burst < 0 {
		r.Addf(at.at("burst"), "%d is below 0", l.Burst)
	}
	if l.Burst > 0 && l.CPS.IsZero() {
		r.Addf(at.at("burst"), "a burst needs cps: it is what a rate lets through at once")
	}
}

func (r *Report) checkRealmLimits(at path, l RealmLimits) {
	r.checkPartyLimits(at, l.PartyLimits)
	for _, method := range slices.Sorted(maps.Keys(l.Methods)) {
		if !slices.Contains(limitedMethods, method) {
			r.Addf(at.at("methods", method), "%q is not limited; there are %s", method, strings.Join(limitedMethods, ", "))
		}
	}
}

// limitedMethods are those that begin something.
var limitedMethods = []string{"INVITE", "MESSAGE", "OPTIONS", "PUBLISH", "REGISTER", "SUBSCRIBE"}

// nested warns of limits that can never be reached, because what they are within has less.
func nested(c *Config, warn func(at path, format string, args ...any)) {
	top := c.Limits.own()
	for _, name := range slices.Sorted(maps.Keys(c.Realms)) {
		within(path{"realms", name, "limits"}, c.Realms[name].Limits.PartyLimits, "the gateway", top, warn)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Trunks)) {
		t, at := c.Trunks[name], path{"trunks", name, "limits"}
		if !within(at, t.Limits, "the gateway", top, warn) {
			within(at, t.Limits, "realm "+t.Realm, c.Realms[t.Realm].Limits.PartyLimits, warn)
		}
	}
	within(path{"limits", "account"}, c.Limits.Account, "the gateway", top, warn)
	for i, u := range c.Users.Local {
		within(path{"users", "local"}.at(i, "limits"), u.Limits, "the gateway", top, warn)
	}
	if n := c.Limits.Number.Calls; n > top.Calls && top.Calls > 0 {
		warn(path{"limits", "number", "calls"}, "%d calls are more than the gateway's %d: never reached", n, top.Calls)
	}
}

// within warns of what is above the parent's; it reports whether it has.
func within(at path, child PartyLimits, of string, parent PartyLimits, warn func(path, string, ...any)) (warned bool) {
	if child.Calls > parent.Calls && parent.Calls > 0 {
		warn(at.at("calls"), "%d calls are more than the %d of %s: never reached", child.Calls, parent.Calls, of)
		warned = true
	}
	if !child.CPS.IsZero() && !parent.CPS.IsZero() && child.CPS.Every < parent.CPS.Every {
		warn(at.at("cps"), "%s calls a second are more than the %s of %s: never reached", child.CPS, parent.CPS, of)
		warned = true
	}
	if child.Bandwidth.Bits > parent.Bandwidth.Bits && parent.Bandwidth.Bits > 0 {
		warn(at.at("bandwidth"), "%s is more than the %s of %s: never reached", child.Bandwidth.Text, parent.Bandwidth.Text, of)
		warned = true
	}
	return warned
}
