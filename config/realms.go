package config

import (
	"slices"
	"strings"
	"time"
)

// srtpWords are what trunks and realms may want of encryption.
var srtpWords = []string{"rtp", "optional", "sdes", "dtls"}

func (r *Report) checkRealm(c *Config, name string, at path) {
	realm := c.Realms[name]
	r.checkName(at, "realm", name)
	if realm.Domain != c.Users.Domain { // otherwise it has been judged there
		r.checkDomain(at.at("domain"), realm.Domain)
	}
	for i, l := range realm.Listen {
		switch {
		case l.Network == "":
		case !slices.Contains(transports, l.Network):
			r.Addf(at.at("listen", i), "transport %s is not served; there are %s", l.Network, strings.Join(transports, ", "))
		case l.Addr.Addr().IsUnspecified() && realm.Media.Advertise == (Address{}):
			r.Addf(at.at("listen", i), "%s is every address: media.advertise has to say which one peers should use", l.Addr)
		case l.Addr.Addr().IsUnspecified() && l.Addr.Addr().Is6() && !realm.Media.Advertise.Addr.Is6() && realm.Media.Advertise.STUN == "":
			r.Addf(at.at("listen", i), "%s is every IPv6 address: media.advertise is none", l.Addr)
		}
	}
	if realm.Open && len(realm.Listen) == 0 {
		r.Addf(at.at("open"), "realm %s listens nowhere, so no phone can register", name)
	}
	r.checkRealmTLS(realm, at)
	r.checkPasses(at.at("pass"), realm.Pass)
	r.oneOf(at.at("trust"), realm.Trust, "none", "low", "medium", "high")
	r.oneOf(at.at("unknown"), realm.Unknown, "silent", "reject")
	r.checkHosts(at.at("domains"), realm.Domains)
	if a := realm.Media.Advertise.Addr; a.IsUnspecified() || a.IsMulticast() {
		r.Addf(at.at("media", "advertise"), "%s cannot be reached", a)
	}
	if server := realm.Media.Bind.STUN; server != "" {
		r.Addf(at.at("media", "bind"), "stun:%s is for media.advertise: a socket is bound to an address of this host", server)
	}
	if a := realm.Media.Bind.Addr; a.IsUnspecified() || a.IsMulticast() {
		r.Addf(at.at("media", "bind"), "%s: media needs one address, or auto: a socket on all of them answers from the wrong one", a)
	}
	r.checkDSCP(at.at("dscp"), realm.DSCP)
	r.checkRealmLimits(at.at("limits"), realm.Limits)
	r.checkRealmShield(at.at("shield"), realm.Shield)
	r.checkPatience(at.at("media", "inactivity"), realm.Media.Inactivity)
	r.oneOf(at.at("family"), realm.Family, "v4-first", "v6-first", "v4", "v6")
	r.checkCodecs(at.at("codecs"), realm.Codecs)
	r.checkOpus(at.at("opus"), realm.Opus)
	r.checkDigest(at.at("digest"), realm.Digest)
	r.oneOf(at.at("refer"), realm.Refer, "local", "reject")
	r.oneOf(at.at("srtp"), realm.SRTP, srtpWords...)
}

func (r *Report) checkDSCP(at path, d DSCP) {
	for _, kind := range []struct {
		name  string
		value int
	}{{"signalling", d.Signalling}, {"audio", d.Audio}, {"rtcp", d.RTCP}} {
		if kind.value < 0 || kind.value > 63 {
			r.Addf(at.at(kind.name), "%d is not between 0 and 63", kind.value)
		}
	}
}

// A peer reports every 5 s on average, with nothing to say as well: less than two such times ends calls that are alive. Chosen here.
const (
	leastPatience = 10 * time.Second
	mostPatience  = 24 * time.Hour
)

func (r *Report) checkPatience(at path, p Patience) {
	if !p.Off && (p.Limit < leastPatience || p.Limit > mostPatience) {
		r.Addf(at, "%s is not between %s and 24h, nor off", p.Limit, leastPatience)
	}
}

func (r *Report) checkDigest(at path, names []string) {
	for i, name := range names {
		r.oneOf(at.at(i), name, "SHA-256", "MD5")
		if slices.Contains(names[:i], name) {
			r.Addf(at.at(i), "%s is in the list twice", name)
		}
	}
}
