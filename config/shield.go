package config

import (
	"cmp"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"drawbridge/policy/limit"
	"drawbridge/policy/shield"
)

// Shield says who is not heard.
type Shield struct {
	File       string                `yaml:"file" doc:"Keeps the access lists over a restart. By default they are gone with the process."`
	Entries    int                   `yaml:"entries" doc:"Entries of the access lists at most; the ban that ends first makes room. 10000 by default."`
	Sources    int                   `yaml:"sources" doc:"Addresses that are remembered at once for what they have done, and four times as many whose messages are counted; 16384 by default, which take 7 MB."`
	Allow      []Source              `yaml:"allow" doc:"Addresses and networks that are never denied nor counted. Loopback by default: a proxy on this host speaks for everybody."`
	NeverBlock []Source              `yaml:"never_block" doc:"Addresses and networks that are never banned by themselves; their alarms are one step more severe instead. Trunks never are."`
	Deny       []Source              `yaml:"deny" doc:"Addresses and networks that are never heard."`
	MaxSignal  string                `yaml:"max_signal" doc:"SIP messages over UDP of one address (of IPv6: one /64) that is no trunk's, in the long run; five seconds' worth may come at once. More is a ban, or for an address that has registered or been answered lately, more than ten times as many are dropped. 40/s by default; off counts none."`
	Period     time.Duration         `yaml:"period" doc:"How long a ban lasts, 60s by default."`
	Rules      map[string]ShieldRule `yaml:"rules" doc:"Thresholds by class of offence: connection-abuse, malformed, auth-fail, auth-ignored, establish-fail, abnormal-flow, scanner. docs/shield.md has the defaults."`
	Scanners   []string              `yaml:"scanners" doc:"Parts of the User-Agent of scanners, which hear nothing; by default those that are known, such as friendly-scanner."`
	NFTables   NFTables              `yaml:"nftables" doc:"Sets of nftables that hold what is denied, so that the kernel drops it. Needs nft and the right to use it."`
}

// ShieldRule are the thresholds of one class; what is left out is the default's.
type ShieldRule struct {
	Window   time.Duration `yaml:"window" doc:"Within which offences are counted; 30s by default."`
	Minor    *int          `yaml:"minor" doc:"Offences for a minor alarm; 0 is none."`
	Major    *int          `yaml:"major" doc:"Offences for a major alarm; 0 is none."`
	Critical *int          `yaml:"critical" doc:"Offences for a critical alarm; 0 is none."`
	Deny     *int          `yaml:"deny" doc:"Offences for a ban; 0 bans nobody."`
	Period   time.Duration `yaml:"period" doc:"How long that ban lasts; shield.period by default."`
}

// RealmShield is what one side has instead of the gateway's settings; what is left out is theirs.
type RealmShield struct {
	MaxSignal string                `yaml:"max_signal" doc:"As shield.max_signal, counted for this side alone."`
	Period    time.Duration         `yaml:"period" doc:"How long a ban lasts for what was done on this side."`
	Rules     map[string]ShieldRule `yaml:"rules" doc:"As shield.rules; each field that is left out is as there."`
}

// NFTables names the sets.
type NFTables struct {
	Set4 string `yaml:"set4" doc:"Family, table and set for IPv4, such as inet filter drawbridge4."`
	Set6 string `yaml:"set6" doc:"The same for IPv6."`
}

// Chosen here.
const (
	defaultBan       = time.Minute
	defaultMaxSignal = "40/s"
	signalBurst      = 5 // seconds' worth
	mostEntries      = 1_000_000
	longestBan       = 366 * 24 * time.Hour
)

// scanners are what the known tools call themselves.
var scanners = []string{
	"friendly-scanner", "friendly-request", "sipvicious", "sip-scan", "sipscan", "sundayddr", "iwar", "pplsip", "sipcli", "siparmyknife",
	"smap", "sippts", "vaxsipuseragent", "vaxasip", "sipptk", "gulp",
}

var loopback = []Source{
	{[]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, {[]netip.Prefix{netip.MustParsePrefix("::1/128")}},
}

func (s *Shield) defaults() {
	fill(&s.Entries, 10_000)
	fill(&s.Sources, 16_384)
	fill(&s.MaxSignal, defaultMaxSignal)
	fill(&s.Period, defaultBan)
	if s.Allow == nil { // [] allows nobody
		s.Allow = slices.Clone(loopback)
	}
	if s.Scanners == nil {
		s.Scanners = slices.Clone(scanners)
	}
}

// Limits are the rules as policy takes them.
func (s Shield) Limits() shield.Rules {
	out := shield.Rules{Classes: shield.Defaults(), MaxSignal: maxSignal(s.MaxSignal)}
	layRules(&out.Classes, s.Period, s.Rules)
	return out
}

// In are the rules of a realm.
func (s Shield) In(r Realm) shield.Rules {
	out := s.Limits()
	if r.Shield.MaxSignal != "" {
		out.MaxSignal = maxSignal(r.Shield.MaxSignal)
	}
	layRules(&out.Classes, r.Shield.Period, r.Shield.Rules)
	out.Strict, out.Spare = r.Trust == "none", r.Trust == "high"
	return out
}

// layRules lays thresholds over a table; period is that of the rules without one, 0 leaves it.
func layRules(table *shield.Table, period time.Duration, rules map[string]ShieldRule) {
	for c := range table {
		r, own := &table[c], rules[shield.Class(c).String()]
		r.Period = cmp.Or(own.Period, period, r.Period)
		r.Window = cmp.Or(own.Window, r.Window)
		for _, f := range []struct{ to, from *int }{{&r.Minor, own.Minor}, {&r.Major, own.Major}, {&r.Critical, own.Critical}, {&r.Deny, own.Deny}} {
			if f.from != nil {
				*f.to = *f.from
			}
		}
	}
}

func maxSignal(text string) limit.Rate {
	if text == string(Off) {
		return limit.Rate{}
	}
	r, err := limit.Parse(text)
	if err != nil {
		return limit.Rate{} // Validate has said so
	}
	r.Burst *= signalBurst
	return r
}

// Prefixes are the networks of a list.
func Prefixes(sources []Source) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range sources {
		out = append(out, s.Prefixes...)
	}
	return out
}

var setForm = regexp.MustCompile(`^(inet|ip|ip6|netdev) [A-Za-z0-9_./-]{1,64} [A-Za-z0-9_./-]{1,64}$`)

func (r *Report) checkShield(c *Config, at path) {
	s := c.Shield
	r.checkSignal(at.at("max_signal"), s.MaxSignal)
	for _, n := range []struct {
		name  string
		value int
	}{{"entries", s.Entries}, {"sources", s.Sources}} {
		if n.value < 1 || n.value > mostEntries {
			r.Addf(at.at(n.name), "%d is not between 1 and %d", n.value, mostEntries)
		}
	}
	r.checkBan(at.at("period"), s.Period)
	for _, name := range slices.Sorted(maps.Keys(s.Rules)) {
		r.checkShieldRule(at.at("rules", name), name, s.Rules[name])
	}
	for i, name := range s.Scanners {
		if len(strings.TrimSpace(name)) < 3 || strings.ContainsFunc(name, unicode.IsControl) {
			r.Addf(at.at("scanners", i), "%q would be part of too many names; three letters at least", name)
		}
	}
	for i, d := range s.Deny {
		if trunk, p := c.trunkWithin(d.Prefixes); trunk != "" {
			r.Addf(at.at("deny", i), "it covers trunk %s (%s)", trunk, p)
		}
	}
	for name, set := range map[string]string{"set4": s.NFTables.Set4, "set6": s.NFTables.Set6} {
		if set != "" && !setForm.MatchString(set) {
			r.Addf(at.at("nftables", name), "%q is not a family, a table and a set such as inet filter drawbridge4", set)
		}
	}
}

func (r *Report) checkSignal(at path, rate string) {
	if _, err := limit.Parse(rate); err != nil && rate != string(Off) {
		r.Addf(at, "%q is not a rate such as 40/s, nor off", rate)
	}
}

func (r *Report) checkRealmShield(at path, s RealmShield) {
	if s.MaxSignal != "" {
		r.checkSignal(at.at("max_signal"), s.MaxSignal)
	}
	if s.Period != 0 {
		r.checkBan(at.at("period"), s.Period)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Rules)) {
		r.checkShieldRule(at.at("rules", name), name, s.Rules[name])
	}
}

func (r *Report) checkBan(at path, d time.Duration) {
	if d < time.Second || d > longestBan {
		r.Addf(at, "%s is not between 1s and a year", d)
	}
}

func (r *Report) checkShieldRule(at path, name string, rule ShieldRule) {
	if c, ok := shield.ClassOf(name); !ok || c == shield.Signal {
		r.Addf(at, "there is no class %q of offences; there are %s", name, strings.Join(shield.Classes()[:shield.Signal], ", "))
		return
	}
	if rule.Window != 0 && (rule.Window < time.Second || rule.Window > time.Hour) {
		r.Addf(at.at("window"), "%s is not between 1s and 1h", rule.Window)
	}
	if rule.Period != 0 {
		r.checkBan(at.at("period"), rule.Period)
	}
	for field, v := range map[string]*int{"minor": rule.Minor, "major": rule.Major, "critical": rule.Critical, "deny": rule.Deny} {
		if v != nil && (*v < 0 || *v > 60_000) {
			r.Addf(at.at(field), "%d is not between 0 and 60000", *v)
		}
	}
}

// trunkWithin finds a trunk that would be denied by a network of a list.
func (c *Config) trunkWithin(nets []netip.Prefix) (name string, at netip.Prefix) {
	for _, name := range slices.Sorted(maps.Keys(c.Trunks)) {
		for _, p := range Prefixes(c.Trunks[name].Sources) {
			if slices.ContainsFunc(nets, p.Overlaps) && p.Bits() > 0 {
				return name, p
			}
		}
	}
	return "", netip.Prefix{}
}
