package config

import (
	"slices"
	"strings"
	"time"
)

// transports of SIP sockets and targets.
var transports = []string{"udp", "tcp", "tls"}

func (r *Report) checkTrunk(c *Config, name string, at path) {
	t := c.Trunks[name]
	r.checkName(at, "trunk", name)
	realm, ok := c.Realms[t.Realm]
	r.checkMatch(at.at("match"), t.Match, realm)
	switch {
	case t.Realm == "":
		r.Addf(at, "trunk %s has no realm", name)
	case !ok:
		r.Addf(at.at("realm"), "%s", noSuch("realm", t.Realm, c.Realms))
	case len(realm.Listen) == 0:
		r.Addf(at.at("realm"), "realm %s listens nowhere, so trunk %s cannot be reached", t.Realm, name)
	}
	if len(t.Targets) == 0 && !r.wrote(at.at("targets", 0)) {
		r.Addf(at, "trunk %s has no targets", name)
	}
	for i, target := range t.Targets {
		switch {
		case target.Transport != "" && !slices.Contains(transports, target.Transport):
			r.Addf(at.at("targets", i), "transport %s is not served; there are %s", target.Transport, strings.Join(transports, ", "))
		case target.Transport != "" && len(realm.Listen) > 0 && !realm.listens(target.Transport):
			r.Addf(at.at("targets", i), "realm %s does not listen on %s, so its peers could not connect back", t.Realm, target.Transport)
		}
		if a := target.Addr(); a.IsValid() && len(realm.Listen) > 0 && !realm.speaks(a) {
			r.Addf(at.at("targets", i), "realm %s has no socket of its family, so %s cannot be reached", t.Realm, a)
		}
		if target.HasPort && target.Port == 0 {
			r.Addf(at.at("targets", i), "port 0 cannot be reached")
		}
		if target.Host == "invalid" || strings.HasSuffix(target.Host, ".invalid") {
			r.Addf(at.at("targets", i), "%s is never looked up: .invalid names nothing (RFC 6761)", target.Host)
		}
	}
	if t.Domain != realm.Domain {
		r.checkDomain(at.at("domain"), t.Domain)
	}
	if ok {
		r.checkCodecs(at.at("codecs"), t.Codecs)
	}
	r.oneOf(at.at("srtp"), t.SRTP, srtpWords...)
	if t.Ptime != 0 && (t.Ptime < 10 || t.Ptime > 60 || t.Ptime%10 != 0) {
		r.Addf(at.at("ptime"), "%d is none of 10, 20, 30, 40, 50, 60", t.Ptime)
	}
	r.oneOf(at.at("rtcp_xr"), t.RTCPXR, "auto", "on", "off")
	r.oneOf(at.at("rel100"), t.Rel100, "off", "supported", "required")
	r.oneOf(at.at("dtmf"), t.DTMF, "auto", "rfc4733", "info", "info-dtmf", "inband")
	r.checkPartyLimits(at.at("limits"), t.Limits)
	r.checkHealth(at.at("health"), t.Health)
	r.checkReflect(at.at("health", "reflect"), c, name)
	if t.InviteTimeout < time.Second || t.InviteTimeout > 32*time.Second {
		r.Addf(at.at("invite_timeout"), "%s is not between 1s and 32s", t.InviteTimeout)
	}
	r.checkReroute(at.at("reroute"), t.Reroute)
	r.checkRegister(at.at("register"), t.Register)
	if q := t.Quality.MOS; q != 0 && !(q >= 1 && q <= 4.5) {
		r.Addf(at.at("quality", "mos"), "%v is not between 1 and 4.5", q)
	}
	if q := t.Quality.ASR; q < 0 || q > 100 {
		r.Addf(at.at("quality", "asr"), "%d is not between 0 and 100", q)
	}
	r.checkAccount(at.at("auth"), t.Auth)
	r.oneOf(at.at("redirect"), t.Redirect, "follow", "map", "pass")
	r.oneOf(at.at("refer"), t.Refer, "local", "pass", "reject")
	for i, name := range t.RedirectRealms {
		if _, ok := c.Realms[name]; !ok {
			r.Addf(at.at("redirect_realms", i), "%s", noSuch("realm", name, c.Realms))
		}
	}
	r.checkPrefixes(at.at("media", "prefixes"), t.Media.Prefixes)
	if t.Media.Inactivity != realm.Media.Inactivity { // otherwise it has been judged there
		r.checkPatience(at.at("media", "inactivity"), t.Media.Inactivity)
	}
	r.checkTrunkTLS(c, name, at.at("tls"))
	r.checkPasses(at.at("pass"), t.Pass)
}

// widestPrefix4 and widestPrefix6 are the largest networks, in bits, that a trunk's media may come from. Chosen here: no carrier has more.
const (
	widestPrefix4 = 8
	widestPrefix6 = 16
)

func (r *Report) checkPrefixes(at path, sources []Source) {
	for i, s := range sources {
		for _, p := range s.Prefixes {
			if p.Addr().Is4() && p.Bits() < widestPrefix4 || p.Addr().Is6() && p.Bits() < widestPrefix6 {
				r.Addf(at.at(i), "%s: everybody could take part in its calls; name the networks that its media comes from", p)
				break
			}
		}
	}
}
