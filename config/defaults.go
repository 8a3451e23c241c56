package config

import (
	"net/netip"
	"slices"
	"time"

	"drawbridge/policy/profile"
)

// Chosen here.
const (
	defaultRealm  = "access"
	defaultDomain = "drawbridge"
	defaultAdmin  = "127.0.0.1:9080"
	defaultCalls  = 10_000
	defaultInvite = 3 * time.Second  // with the next trunk's ringing it makes less than 4 s after dialling
	defaultHold   = 30 * time.Second // as long as an attentive operator takes to restart a gateway
	defaultSilent = time.Minute      // longer than networks heal, shorter than a forgotten call is dear
	defaultDrain  = 30 * time.Second // longer than a transaction lasts, shorter than a process manager's patience
)

var (
	browserCodecs = []string{"opus", "G722", "PCMU", "PCMA"}
	trunkCodecs   = []string{"PCMA", "PCMU"}
	defaultPorts  = PortRange{Set: true, Min: 20000, Max: 29999}
	browserPort   = uint16(40000)
)

// Defaults fills what the file left out.
func (c *Config) Defaults() {
	fill(&c.Web.Realm, defaultRealm)
	fill(&c.Web.Name, "Drawbridge")
	fill(&c.Admin.Listen, defaultAdmin)
	fill(&c.Users.Domain, defaultDomain)
	c.Limits.defaults()
	fill(&c.AllDown, 504)
	fill(&c.CDR.File, "-")
	fill(&c.Log.Level, "info")
	fill(&c.Log.Format, "json")
	fill(&c.Drain.Timeout, defaultDrain)
	c.Shield.defaults()
	if len(c.Realms) == 0 {
		c.Realms = map[string]Realm{defaultRealm: {Media: Media{UDP: &browserPort}}}
	}
	for name, r := range c.Realms {
		c.Realms[name] = r.defaults(name == c.Web.Realm, c.Users.Domain)
	}
	for i, f := range c.Fraud {
		c.Fraud[i] = f.defaults()
	}
	for name, t := range c.Trunks {
		c.Trunks[name] = t.defaults(c.Realms[t.Realm])
	}
}

func (r Realm) defaults(web bool, domain string) Realm {
	fill(&r.Trust, "medium")
	fill(&r.Unknown, "silent")
	fill(&r.Family, "v4-first")
	fill(&r.Media.Inactivity, Patience{Limit: defaultSilent})
	if web || r.Open {
		fill(&r.Domain, domain)
	}
	fill(&r.Refer, "local")
	fill(&r.SRTP, "rtp")
	if len(r.Codecs) == 0 {
		r.Codecs = slices.Clone(trunkCodecs)
		if r.Browsers() {
			r.Codecs = slices.Clone(browserCodecs)
		}
	}
	if r.Media.Ports.IsZero() && len(r.Listen) > 0 {
		r.Media.Ports = defaultPorts
	}
	if r.Media.Bind == (Address{}) {
		r.Media.Bind = r.bind()
	}
	return r
}

// bind chooses where media is when the file does not say: where SIP is, when that is one address.
func (r Realm) bind() Address {
	for _, l := range r.Listen {
		if a := l.Addr.Addr(); a.IsValid() && !a.IsUnspecified() {
			return Address{Addr: a}
		}
	}
	return Address{Auto: true}
}

func (t Trunk) defaults(r Realm) Trunk {
	t.ofProfile()
	fill(&t.Domain, r.Domain)
	fill(&t.Media.Inactivity, r.Media.Inactivity)
	fill(&t.SRTP, r.SRTP)
	fill(&t.SRTP, "rtp") // of a realm that does not exist
	fill(&t.InviteTimeout, defaultInvite)
	fill(&t.Health.Down, 3)
	fill(&t.Health.Up, 2)
	fill(&t.Health.Failing, 50)
	fill(&t.Health.Hold, defaultHold)
	fill(&t.Rel100, "off")
	fill(&t.RTCPXR, "auto")
	fill(&t.DTMF, "auto")
	fill(&t.Redirect, "follow")
	fill(&t.Refer, "local")
	if len(t.Codecs) == 0 {
		t.Codecs = slices.Clone(r.Codecs)
	}
	if len(t.Sources) == 0 {
		for _, target := range t.Targets {
			if a := target.Addr(); a.IsValid() {
				t.Sources = append(t.Sources, Source{[]netip.Prefix{netip.PrefixFrom(a, a.BitLen())}})
			}
		}
	}
	return t
}

// ofProfile fills what the trunk leaves to its profile.
func (t *Trunk) ofProfile() {
	fill(&t.Profile, baseProfile)
	if t.peer == nil {
		t.peer = new(profile.Profile)
	}
	p := t.peer
	fill(&t.Rel100, p.Call.Rel100)
	fill(&t.Preconditions, p.Call.Precond)
	fill(&t.Redirect, p.Call.Redirect)
	fill(&t.Refer, p.Call.Refer)
	fill(&t.Ptime, p.Media.Ptime)
	fill(&t.DTMF, p.Media.DTMF)
	fill(&t.SRTP, p.Media.SRTP)
	if len(t.Codecs) == 0 {
		t.Codecs = slices.Clone(p.Media.Codecs)
	}
	if len(t.Reroute.Next) == 0 {
		t.Reroute.Next = slices.Clone(p.Call.Next)
	}
}

// fill sets v when it is zero.
func fill[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}
