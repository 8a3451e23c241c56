package config

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Names end up in metrics, logs and SIP; keep them plain.
var (
	nameForm   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)
	userForm   = regexp.MustCompile(`^[A-Za-z0-9+][A-Za-z0-9_.+-]{0,62}$`)
	rangeForm  = regexp.MustCompile(`^\+?[0-9]{3,32}\*$`) // shorter ones would take the calls of a country
	numberForm = regexp.MustCompile(`^\+?[0-9*#]{1,32}$`)
	domainForm = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$`)
	globForm   = regexp.MustCompile(`^[A-Za-z0-9+#_.-]*\*?$`)
)

// transports of SIP sockets and targets.
var transports = []string{"udp", "tcp", "tls"}

// srtpWords are what trunks and realms may want of encryption.
var srtpWords = []string{"rtp", "optional", "sdes", "dtls"}

var codecNames = []string{"opus", "G722", "PCMU", "PCMA"}

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

func (r *Report) checkWeb(c *Config) {
	at := path{"web"}
	for i, l := range c.Web.Plain {
		if !l.Loopback() {
			r.Addf(at.at("plain", i), "%s: a listener without TLS must be on loopback: browsers give the microphone to no other", l)
		}
	}
	if (c.Web.TLS.Cert == "") != (c.Web.TLS.Key == "") {
		r.Addf(at.at("tls"), "a certificate needs both cert and key")
	}
	for i, o := range c.Web.Origins {
		if u, err := url.Parse(o); err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.String() != u.Scheme+"://"+u.Host {
			r.Addf(at.at("origins", i), "%q is not an origin such as https://www.example.com", o)
		}
	}
	realm, ok := c.Realms[c.Web.Realm]
	switch {
	case !ok:
		r.Addf(at.at("realm"), "%s", noSuch("realm", c.Web.Realm, c.Realms))
	case !realm.Browsers():
		r.Addf(at.at("realm"), "realm %s has no media.udp, so no browser can send media to it", c.Web.Realm)
	}
}

func (r *Report) checkAdmin(a Admin) {
	if a.Listen != Off && !a.Listen.Loopback() && !a.Remote {
		r.Addf(path{"admin", "listen"}, "%s is not loopback: everybody who reaches it may use it; set admin.remote to allow that", a.Listen)
	}
}

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

// checkSockets checks that no two sockets of the realms are one.
func (r *Report) checkSockets(c *Config) {
	users := map[Listen]string{}
	for _, name := range slices.Sorted(maps.Keys(c.Realms)) {
		for i, l := range c.Realms[name].Listen {
			socket := l
			if l.Network == "tls" {
				socket.Network = "tcp"
			}
			if by, taken := users[socket]; taken && l.Addr.Port() != 0 {
				r.Addf(path{"realms", name, "listen"}.at(i), "%s is already in use by realm %s", l.Addr, by)
			}
			users[socket] = name
		}
	}
}

// checkPorts checks each range and that no two users of a port meet: ranges of realms, and SIP sockets within a range.
func (r *Report) checkPorts(c *Config) {
	names := slices.Sorted(maps.Keys(c.Realms))
	for i, name := range names {
		realm := c.Realms[name]
		at := path{"realms", name, "media", "ports"}
		p := realm.Media.Ports
		switch {
		case p.IsZero() || p == (PortRange{Set: true}):
			continue
		case p.Min > p.Max:
			r.Addf(at, "%d-%d: the first port is above the last", p.Min, p.Max)
			continue
		case p.Min < 1024:
			r.Addf(at, "%d-%d: ports below 1024 belong to the system", p.Min, p.Max)
		case p.Max-p.Min < 3:
			r.Addf(at, "%d-%d: a call takes a pair of ports, even and odd", p.Min, p.Max)
		}
		for _, l := range realm.Listen {
			if p.Contains(l.Addr.Port()) {
				r.Addf(at, "%d-%d contains the SIP port %d", p.Min, p.Max, l.Addr.Port())
			}
		}
		if udp := realm.Media.UDP; udp != nil && p.Contains(*udp) {
			r.Addf(at, "%d-%d contains the browsers' port %d", p.Min, p.Max, *udp)
		}
		r.checkForeignPorts(c, name, at)
		for _, other := range names[:i] {
			o := c.Realms[other].Media
			if o.Bind == realm.Media.Bind && o.Ports.overlaps(p) {
				r.Addf(at, "%d-%d overlaps the ports of realm %s (%d-%d) on the same address", p.Min, p.Max, other, o.Ports.Min, o.Ports.Max)
			}
		}
	}
}

// checkForeignPorts checks a range against the UDP sockets that other realms have on the same address.
func (r *Report) checkForeignPorts(c *Config, name string, at path) {
	m := c.Realms[name].Media
	p := m.Ports
	for _, other := range slices.Sorted(maps.Keys(c.Realms)) {
		if other == name {
			continue
		}
		o := c.Realms[other]
		for _, l := range o.Listen {
			shared := m.Bind.Addr == l.Addr.Addr() || l.Addr.Addr().IsUnspecified()
			if l.Network == "udp" && shared && p.Contains(l.Addr.Port()) {
				r.Addf(at, "%d-%d contains the SIP port %d of realm %s", p.Min, p.Max, l.Addr.Port(), other)
			}
		}
		if udp := o.Media.UDP; udp != nil && o.Media.Bind == m.Bind && p.Contains(*udp) {
			r.Addf(at, "%d-%d contains the browsers' port %d of realm %s", p.Min, p.Max, *udp, other)
		}
	}
}

func (r *Report) checkUsers(u Users) {
	r.checkDomain(path{"users", "domain"}, u.Domain)
	owner := map[string]string{} // number or name -> account
	for i, user := range u.Local {
		at := path{"users", "local"}.at(i)
		switch {
		case user.Name == "":
			r.Addf(at, "an account needs a name")
			continue
		case !userForm.MatchString(user.Name):
			r.Addf(at.at("name"), "%q: letters, digits and . _ + - only", user.Name)
		case owner[user.Name] != "":
			r.Addf(at.at("name"), "%s is already in use by account %s", user.Name, owner[user.Name])
		}
		owner[user.Name] = user.Name
		if user.Password.ref == "" {
			r.Addf(at, "account %s has no password", user.Name)
		}
		r.checkPartyLimits(at.at("limits"), user.Limits)
		for j, n := range user.Numbers {
			switch {
			case !numberForm.MatchString(n):
				r.Addf(at.at("numbers", j), "%q is not a number such as +4930123456", n)
			case owner[n] != "":
				r.Addf(at.at("numbers", j), "%s is already in use by account %s", n, owner[n])
			default:
				owner[n] = user.Name
			}
		}
		for j, n := range user.PBX {
			switch {
			case !rangeForm.MatchString(n):
				r.Addf(at.at("pbx", j), "%q is no beginning of numbers such as +49305551*", n)
			case owner[n] != "":
				r.Addf(at.at("pbx", j), "%s is already in use by account %s", n, owner[n])
			default:
				owner[n] = user.Name
			}
		}
	}
}

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

func (r *Report) checkAccount(at path, a Account) {
	switch {
	case a.User == "" && a.Password.ref == "" && a.Realm == "":
	case a.User == "" || a.Password.ref == "":
		r.Addf(at, "an account needs both user and password")
	case strings.ContainsFunc(a.User+a.Realm, unicode.IsControl):
		r.Addf(at, "user and realm are plain text")
	}
}

func (r *Report) checkName(at path, what, name string) {
	if !nameForm.MatchString(name) {
		r.Addf(at, "%s %q: a name has letters, digits, _ and - only", what, name)
	}
}

func (r *Report) checkDomain(at path, domain string) {
	if domain != "" && !domainForm.MatchString(domain) {
		r.Addf(at, "%q is not a host name or address", domain)
	}
}

func (r *Report) checkCodecs(at path, names []string) {
	seen := map[string]bool{}
	for i, name := range names {
		switch {
		case !slices.Contains(codecNames, name):
			r.Addf(at.at(i), "unknown codec %q; there are %s", name, strings.Join(codecNames, ", "))
		case seen[name]:
			r.Addf(at.at(i), "codec %s is in the list twice", name)
		}
		seen[name] = true
	}
}

func (r *Report) checkOpus(at path, o Opus) {
	if o.Complexity < 0 || o.Complexity > 10 {
		r.Addf(at.at("complexity"), "%d is not between 0 and 10", o.Complexity)
	}
	if o.Bitrate != 0 && (o.Bitrate < 6000 || o.Bitrate > 510_000) {
		r.Addf(at.at("bitrate"), "%d is not between 6000 and 510000 bits a second", o.Bitrate)
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

func (r *Report) oneOf(at path, value string, words ...string) {
	if !slices.Contains(words, value) {
		r.Addf(at, "%q is none of %s", value, strings.Join(words, ", "))
	}
}

// noSuch says that a reference hangs, and what there is.
func noSuch[V any](what, name string, have map[string]V) string {
	if len(have) == 0 {
		return fmt.Sprintf("there is no %s %q; there are none", what, name)
	}
	return fmt.Sprintf("there is no %s %q; there are %s", what, name, strings.Join(slices.Sorted(maps.Keys(have)), ", "))
}
