package config

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"drawbridge/policy/profile"
	"drawbridge/policy/route"
	"drawbridge/policy/rules"
)

// The tag doc is the description in the JSON Schema; the tag enum lists the allowed words.

// Config is the whole file. Every field has a default.
type Config struct {
	Web      Web                 `yaml:"web" doc:"The public port: phone page, SIP over WebSocket, JSON signalling."`
	Admin    Admin               `yaml:"admin" doc:"The private port: metrics, health, API."`
	Realms   map[string]Realm    `yaml:"realms" doc:"The sides of the border by name. Without any there is one, named access, for browsers."`
	Users    Users               `yaml:"users" doc:"Accounts that may register and call."`
	Trunks   map[string]Trunk    `yaml:"trunks" doc:"SIP peers that calls are sent to and come from, by name."`
	AllDown  int                 `yaml:"all_down" doc:"What a caller is told when no target of any route can be reached: 504 by default, 503 or 480."`
	Groups   map[string][]Member `yaml:"groups" doc:"Trunks that routes name together, by name."`
	Deck     string              `yaml:"deck" doc:"CSV file of what trunks take a minute, with the columns prefix, trunk and price, for routes by price. A file with any fault is refused whole."`
	TimeZone string              `yaml:"time_zone" doc:"Zone of the hours in when, such as Europe/Berlin; the machine's by default."`
	Routes   []Route             `yaml:"routes" doc:"Where calls go; the first rows that match, in order."`
	DNS      DNS                 `yaml:"dns" doc:"How the host names of targets are looked up."`
	Limits   Limits              `yaml:"limits" doc:"Limits of the whole gateway."`
	Fraud    []FraudRule         `yaml:"fraud" doc:"What looks like toll fraud: calls are counted by account and prefix. docs/fraud.md."`
	Rates    string              `yaml:"rates" doc:"Price list for the fraud rules, a CSV file with the columns prefix, trunk and price (a minute); of several trunks the dearest counts; the deck by default."`
	Numbers  Numbers             `yaml:"numbers" doc:"How numbers are dialled."`
	Shield   Shield              `yaml:"shield" doc:"What sources may do before they are not heard any more, and who is never heard."`
	Rules    RuleSets            `yaml:"rules" doc:"Sets of header rules by name, for the rules of realms and trunks; tried with drawbridge rules test. docs/rules.md."`
	CDR      CDR                 `yaml:"cdr" doc:"Call records, one JSON line each."`
	Log      Log                 `yaml:"log" doc:"The log, on standard error."`
	Drain    Drain               `yaml:"drain" doc:"What happens at SIGTERM."`
}

// Web is the public port.
type Web struct {
	Listen        []HostPort `yaml:"listen" doc:"TLS listeners, host:port; an empty host is every address."`
	Plain         []HostPort `yaml:"plain" doc:"Listeners without TLS, loopback only."`
	TLS           TLS        `yaml:"tls" doc:"Certificate; files that change are read again. Without one a self-signed one is made at each start."`
	Origins       []string   `yaml:"origins" doc:"Origins of other sites whose pages may connect, such as https://www.example.com."`
	AllowNoOrigin bool       `yaml:"allow_no_origin" doc:"Let SIP phones in that send no Origin header."`
	Realm         string     `yaml:"realm" doc:"The browsers' realm; access by default."`
	Name          string     `yaml:"name" doc:"What the page calls this gateway."`
}

// TLS names a certificate.
type TLS struct {
	Cert string `yaml:"cert" doc:"PEM file: certificate and chain."`
	Key  string `yaml:"key" doc:"PEM file: private key."`
}

// Admin is the private port.
type Admin struct {
	Listen HostPort `yaml:"listen" doc:"host:port, loopback only unless remote; \"off\" opens none. 127.0.0.1:9080 by default."`
	Remote bool     `yaml:"remote" doc:"Allow an address beyond loopback. There is no login yet: a firewall has to be the door."`
	Pprof  bool     `yaml:"pprof" doc:"Serve Go profiles under /debug/pprof/."`
}

// Realm is one side of the border.
type Realm struct {
	Listen  []Listen    `yaml:"listen" doc:"SIP sockets, such as udp:203.0.113.9:5060, tcp:203.0.113.9:5060 or tls:203.0.113.9:5061."`
	Domain  string      `yaml:"domain" doc:"Host part of the identities written towards this side; the socket's address by default."`
	Open    bool        `yaml:"open" doc:"Hear every source, so that SIP phones may register and call with their account. Otherwise only the trunks' sources are heard, all others get silence."`
	Trust   string      `yaml:"trust" doc:"Whether what peers of this side assert is believed, and whether they are told what callers asserted. medium by default, and high: as the profile of each trunk says; low and none: never, whatever the profile says: no P-Asserted-Identity, P-Preferred-Identity, Remote-Party-ID, Diversion, History-Info or verstat is read from them or written to them. Of the shield: whoever logs in from a side with none gets no more room than a stranger; from a side with high nobody is banned, alarms are one step more severe instead. docs/classes.md." enum:"none,low,medium,high"`
	Unknown string      `yaml:"unknown" doc:"What a source that is no trunk's hears on a side that is not open: silent by default, nothing; reject: 403, for as long as it does not misbehave." enum:"silent,reject"`
	Domains []string    `yaml:"domains" doc:"Hosts that Request-URI and From of requests from this side, REGISTER as well, may name, besides our own address and domain, such as [pbx.example.com, 198.51.100.7]; everything by default. Names in other scripts are written xn--."`
	Digest  []string    `yaml:"digest" doc:"Digest algorithms that accounts are challenged with, best first: SHA-256 and MD5 by default, MD5 alone for browsers. [MD5] for phones that give up at a challenge that they do not know, as many do." enum:"SHA-256,MD5"`
	Family  string      `yaml:"family" doc:"Which addresses of a host name are tried, v4-first by default. Those without a socket in listen are left out." enum:"v4-first,v6-first,v4,v6"`
	Media   Media       `yaml:"media" doc:"RTP of this side."`
	DSCP    DSCP        `yaml:"dscp" doc:"How packets to this side are marked for the network (RFC 2474), 0 to 63, such as {signalling: 40, audio: 46, rtcp: 46}. 0 marks nothing."`
	SRTP    string      `yaml:"srtp" doc:"Encryption of media with SIP phones of this side and, unless they say otherwise, with its trunks. rtp by default: none; optional: with whoever can (SDES offered in RTP/AVP, RFC 8643; SDES and DTLS taken); sdes: keys in the SDP or no call; dtls: DTLS-SRTP or no call. Browsers always have DTLS-SRTP." enum:"rtp,optional,sdes,dtls"`
	Refer   string      `yaml:"refer" doc:"Transfers (REFER) that accounts of this side ask for. local by default: the gateway calls the target itself; reject: none." enum:"local,reject"`
	Rules   RuleUse     `yaml:"rules" doc:"Header rules that messages from and to this side meet."`
	Pass    Passes      `yaml:"pass" doc:"What of calls from or to this side may cross as it is: nothing by default. It has to be named by both sides. docs/passing.md."`
	Codecs  []string    `yaml:"codecs" doc:"By preference; one that both sides of a call speak comes before it, so that audio passes as it is. Browsers: opus, G722, PCMU, PCMA; others: PCMA, PCMU. [opus] keeps browsers on Opus, which bears loss, whatever the far side speaks." enum:"opus,G722,PCMU,PCMA"`
	Opus    Opus        `yaml:"opus" doc:"How audio is encoded to Opus for this side, where it has to be."`
	Shield  RealmShield `yaml:"shield" doc:"What sources may do on this side before they are not heard any more, where it differs from shield."`
	Limits  RealmLimits `yaml:"limits" doc:"Limits of this side. A call takes one place for each of its ends here."`
	TLS     RealmTLS    `yaml:"tls" doc:"Certificate of the tls: sockets. Files that change are read again; connections stay."`

	TellRules bool `yaml:"tell_rules" doc:"Refusals towards this side name in Reason the rule that has refused, such as SIP;cause=503;text=\"limits/trunk/calls\". Event and call record name it in any case. Strangers are told nothing."`
}

// Opus is what transcoding to Opus may cost.
type Opus struct {
	Complexity int `yaml:"complexity" doc:"0 to 10: more CPU for less noise. 0 by default, a quarter of the CPU of 10."`
	Bitrate    int `yaml:"bitrate" doc:"Bits a second, 6000 to 510000; 40000 by default."`
}

// RealmTLS is who we are over TLS, and whom we believe.
type RealmTLS struct {
	Cert string `yaml:"cert" doc:"PEM file: certificate and chain."`
	Key  string `yaml:"key" doc:"PEM file: private key."`
	CA   string `yaml:"ca" doc:"PEM file: authorities that the certificates of peers come from. The system's by default, for the peers that trunks name."`
}

// DSCP are differentiated services code points.
type DSCP struct {
	Signalling int `yaml:"signalling" doc:"SIP, over UDP, TCP, TLS and WebSocket; in the browsers' realm all of the public port."`
	Audio      int `yaml:"audio" doc:"RTP, and everything on the browsers' UDP port."`
	RTCP       int `yaml:"rtcp" doc:"RTCP on ports of its own."`
}

// Media is the media side of a realm.
type Media struct {
	Bind          Address   `yaml:"bind" doc:"Local address; auto is the host's first address that is not loopback."`
	Advertise     Address   `yaml:"advertise" doc:"Address announced to peers: the public one behind a 1:1 NAT, or stun:HOST:PORT to ask that STUN server at the start. The bound one by default."`
	UDP           *uint16   `yaml:"udp" doc:"One port for all browsers of the realm; makes it a realm for browsers. 0 picks one."`
	Ports         PortRange `yaml:"ports" doc:"Ports for RTP and RTCP pairs, such as 20000-29999; 0-0 lets the system pick."`
	AllowLoopback bool      `yaml:"allow_loopback" doc:"Peers may announce loopback addresses (demonstrations, tests)."`
	Inactivity    Patience  `yaml:"inactivity" doc:"A peer from which neither RTP nor RTCP has come for so long, although its media is due, has gone: the call ends with the cause media-inactivity. Hold and ringing do not count. 60s by default; off never ends a call."`
}

// Users are the accounts.
type Users struct {
	Domain string `yaml:"domain" doc:"Domain of the accounts and digest realm; drawbridge by default."`
	Local  []User `yaml:"local" doc:"Accounts kept in this file."`
}

// User is one account.
type User struct {
	Name     string      `yaml:"name" doc:"User part of its address."`
	Password Secret      `yaml:"password" doc:"env:NAME, file:PATH or the password itself."`
	Numbers  []string    `yaml:"numbers" doc:"Telephone numbers that ring this account; the first is its caller id on trunks."`
	PBX      []string    `yaml:"pbx" doc:"Beginnings of the numbers of a PBX behind this account, such as [+49305551*]: it registers for all of them at once (RFC 6140, GIN), and is called with the number in the Request-URI. The longest beginning counts, numbers of accounts before it. None by default."`
	Limits   PartyLimits `yaml:"limits" doc:"Limits of this account; limits.account by default."`
}

// Trunk is a SIP peer.
type Trunk struct {
	Realm          string      `yaml:"realm" doc:"The realm whose sockets it is reached by."`
	Match          Match       `yaml:"match" doc:"What its requests say, to tell trunks apart that share an address. The first trunk by name whose match fits is taken before those without one. Anybody at the address can say the same: it is no proof of who it is."`
	Targets        []Target    `yaml:"targets" doc:"Where requests go, best first, such as sip:198.51.100.7:5060, sip:198.51.100.7;transport=tcp, sip:sbc.example.com;transport=tls or sip:trunk.example.com. A name without a port is looked up by NAPTR and SRV. A large request goes to a UDP target over TCP where that answers, unless ;transport=udp is written out."`
	Sources        []Source    `yaml:"sources" doc:"Addresses and networks its requests come from; those of the targets by default, as DNS says them."`
	Domain         string      `yaml:"domain" doc:"Host part of the identities written towards it; the realm's by default."`
	Codecs         []string    `yaml:"codecs" doc:"By preference; the realm's by default." enum:"opus,G722,PCMU,PCMA"`
	SRTP           string      `yaml:"srtp" doc:"Encryption of its media, in the words of a realm's srtp; the realm's by default." enum:"rtp,optional,sdes,dtls"`
	Ptime          int         `yaml:"ptime" doc:"Milliseconds of audio in a packet that it is asked for: 10, 20, 30, 40, 50 or 60; 20 by default. What it asks for itself is done either way."`
	Rel100         string      `yaml:"rel100" doc:"Reliable ringing (100rel). off by default: a caller that requires it gets it; supported also announces it and uses it with every caller that supports it; required insists on it." enum:"off,supported,required"`
	DTMF           string      `yaml:"dtmf" doc:"How digits go towards it; they are taken in every way. auto by default: telephone-event (RFC 4733) when it is negotiated, else tones in the audio; rfc4733: telephone-event or not at all; info: INFO with application/dtmf-relay; info-dtmf: INFO with application/dtmf; inband: tones in the audio, which are then heard from it, too." enum:"auto,rfc4733,info,info-dtmf,inband"`
	Limits         PartyLimits `yaml:"limits" doc:"Limits of this trunk."`
	TLS            TrunkTLS    `yaml:"tls" doc:"Its part in TLS connections."`
	Auth           Account     `yaml:"auth" doc:"The account that its challenges (401, 407) are answered with; none by default."`
	Redirect       string      `yaml:"redirect" doc:"What its 3xx do. follow by default: the contacts are called, each judged like a dialled number, at the trunk's own host if a route leads the number to it, for any other host by the routes; pass: a caller that is a trunk gets the 3xx, with the contacts as numbers at this gateway, which are judged when it calls them; map: the caller hears of a failure." enum:"follow,map,pass"`
	Refer          string      `yaml:"refer" doc:"Transfers (REFER) in calls with it. local by default: the gateway calls the target itself, judged like a dialled number; pass: one that moves this trunk is passed on to it, and carried out locally when it refuses; reject: it may ask for none." enum:"local,pass,reject"`
	RedirectRealms []string    `yaml:"redirect_realms" doc:"Realms that its 3xx may lead to besides its own."`
	RTCPXR         string      `yaml:"rtcp_xr" doc:"Reports of voice quality (RTCP XR VoIP metrics, RFC 3611) to it. auto by default: if its SDP asks for them; on: always, and it is asked for its own; off: never. Those that it sends are read in any case." enum:"auto,on,off"`
	Media          TrunkMedia  `yaml:"media" doc:"Its media."`

	Profile       string        `yaml:"profile" doc:"What is particular to this kind of peer: a profile that comes with the gateway. generic by default. What is written out in the trunk wins over its profile. docs/profiles.md."`
	Rules         RuleUse       `yaml:"rules" doc:"Header rules that messages from and to it meet, besides those of its realm."`
	Pass          Passes        `yaml:"pass" doc:"What of calls from or to it may cross as it is, besides what its realm names."`
	Health        Health        `yaml:"health" doc:"When its targets are out of service. A target that is gets no call until it is back; when all of them are, the next trunk of the route is tried at once. docs/routes.md."`
	InviteTimeout time.Duration `yaml:"invite_timeout" doc:"How long a target may say nothing to an INVITE before the next candidate is tried, when there is one; 3s by default."`
	Reroute       Reroute       `yaml:"reroute" doc:"After which answers the next candidate is tried, as long as nobody has rung: no answer, 401, 407, 408, 500, 502, 503 and 504 by default. A Q.850 cause in them that speaks of the callee wins."`
	Quality       Quality       `yaml:"quality" doc:"How good its calls have to be; nobody asks by default. A trunk whose calls are worse is dearer in routes by price, gets a smaller share of a group, and stands behind others of the same place; one call in twenty goes to it as if nothing were wrong."`
	Register      Register      `yaml:"register" doc:"Our registration at it, with the account of auth; none by default."`

	Settings profile.Profile `yaml:"profile_settings,omitempty" doc:"Switches laid over the profile, for this trunk alone."`

	Preconditions bool `yaml:"preconditions" doc:"Offer QoS preconditions (RFC 3312) to it, as IMS cores expect. Those that it offers are answered either way."`

	peer *profile.Profile // profile and settings, laid over each other
}

// Peer is what is particular to the trunk's peer: its profile with the settings laid over it.
func (t Trunk) Peer() *profile.Profile { return t.peer }

// Match is what tells a trunk's requests from those of others at its address. What is left out is not asked for.
type Match struct {
	Listen []Listen `yaml:"listen" doc:"Sockets of the realm that it sends to, such as udp:203.0.113.9:5062."`
	Hosts  []string `yaml:"hosts" doc:"Hosts of the Request-URI."`
	From   []string `yaml:"from" doc:"Hosts of From."`
	Users  []string `yaml:"users" doc:"User parts of From; * at the end stands for any rest."`
	Agents []string `yaml:"agents" doc:"How its User-Agent begins."`
}

// Health is how the targets of a trunk are watched.
type Health struct {
	Options time.Duration `yaml:"options" doc:"How often each target is asked by OPTIONS whether it lives, such as 10s; not at all by default."`
	Calls   bool          `yaml:"calls" doc:"Calls say whether a target serves. With options they do in any case; without, a target that is out of service is tried by one call at a time."`
	Down    int           `yaml:"down" doc:"So many in a row without an answer, OPTIONS or calls, and a target is out of service; for calls 408, 500, 502 and 504 count as none, too. 3 by default."`
	Up      int           `yaml:"up" doc:"So many OPTIONS in a row that were answered, and it is back. 2 by default."`
	Dead    []int         `yaml:"dead" doc:"Answers to OPTIONS that count as none, besides 408. Any other shows that the target lives; 503 is busy, which changes nothing."`
	Failing int           `yaml:"failing" doc:"Per cent of the last 20 calls: when so many failed the target is out of service. 50 by default; 101 for never."`
	Hold    time.Duration `yaml:"hold" doc:"How long a target is out of service at least, without OPTIONS; with them from the second time within ten minutes on. Doubles each time, ten minutes at most. 30s by default."`
	Reflect []string      `yaml:"reflect" doc:"Trunks that calls of this one lead to, such as [acme, backup]: while all their targets are out of service, its OPTIONS for us are answered 503, so that it calls elsewhere. None by default."`
}

// On reports whether anybody watches.
func (h Health) On() bool { return h.Options > 0 || h.Calls }

// Register is our registration at a trunk.
type Register struct {
	AOR            string        `yaml:"aor" doc:"What is registered, such as 4930555@provider.example."`
	Contact        string        `yaml:"contact" doc:"User part of the contact, which its calls for us are sent to; that of aor by default."`
	Expires        time.Duration `yaml:"expires" doc:"How long it is to last; the trunk may grant less, and is asked again after half of what it grants. 1h by default."`
	Bulk           bool          `yaml:"bulk" doc:"Register for all numbers that the trunk has with aor at once (RFC 6140, GIN), instead of for aor alone: its calls then name the number in the Request-URI."`
	NoServiceRoute bool          `yaml:"no_service_route" doc:"Do not send requests along the Service-Route (RFC 3608) that it names."`
}

// Address is aor in its parts; ok is false when it is none.
func (r Register) Address() (user, host string, ok bool) {
	user, host, ok = strings.Cut(strings.TrimPrefix(r.AOR, "sip:"), "@")
	return user, host, ok && userForm.MatchString(user) && domainForm.MatchString(host)
}

// Quality is what is expected of a trunk's calls.
type Quality struct {
	MOS float64 `yaml:"mos" doc:"Mean opinion score of its last 20 calls, 1 to 4.5, such as 3.6; 0, the default: any."`
	ASR int     `yaml:"asr" doc:"Per cent of its last 40 attempts, of 20 at least, that are to be answered; 0, the default: any."`
}

// Reroute is what a trunk's answers do otherwise than by default.
type Reroute struct {
	Next  []int `yaml:"next" doc:"Answers after which the next candidate is tried, besides those of the default, such as [480]."`
	Final []int `yaml:"final" doc:"Answers of the default that the caller is told instead, such as [500]."`
}

// TrunkMedia is the media of a trunk.
type TrunkMedia struct {
	Prefixes   []Source `yaml:"prefixes" doc:"Addresses and networks its RTP may come from, and is then sent to, besides the address that its SDP announces: for a trunk that hides its media hosts. Whoever can send from there can take over a call whose peer is silent, so keep them narrow. None by default."`
	Inactivity Patience `yaml:"inactivity" doc:"How long nothing may come from it although its media is due, before the call ends; the realm's by default, off never."`
}

// TrunkTLS is who a peer is over TLS, and who we are to it.
type TrunkTLS struct {
	Name string `yaml:"name" doc:"Name that its certificate must bear, in both directions (RFC 5922): requests are then taken from it over TLS with that certificate only. By default the host of the target, for connections we make."`
	Cert string `yaml:"cert" doc:"PEM file: our certificate and chain for it; the realm's by default."`
	Key  string `yaml:"key" doc:"PEM file: private key."`
	CA   string `yaml:"ca" doc:"PEM file: the only authorities that may vouch for its name; the realm's by default."`
}

// Account is ours at a peer.
type Account struct {
	User     string `yaml:"user" doc:"User name."`
	Password Secret `yaml:"password" doc:"env:NAME, file:PATH or the password itself."`
	Realm    string `yaml:"realm" doc:"The digest realm that may ask for it; by default any that challenges a call's INVITE. A trunk that challenges requests within calls that it has placed itself, such as our BYE, needs it written out: anybody behind the trunk could ask there."`
}

// Member is a trunk of a group.
type Member struct {
	Trunk    string `yaml:"trunk" doc:"Its name."`
	Priority int    `yaml:"priority" doc:"Lower comes first; 0 by default."`
	Weight   int    `yaml:"weight" doc:"Its share of the calls among those of one priority, 1 to 1000; those without one come behind, as given."`
}

// Route sends calls to trunks.
type Route struct {
	From     string   `yaml:"from" doc:"Realm the call comes from; empty is any."`
	To       string   `yaml:"to" doc:"Dialled number; * stands for any rest, such as +49*."`
	Via      []string `yaml:"via" doc:"Trunks and groups, best first; the next is tried when one fails."`
	Deck     bool     `yaml:"deck" doc:"The cheapest of via first, or of all trunks of the deck without via; those without a price for the number are left out. Priorities of a group come before prices."`
	Priority int      `yaml:"priority" doc:"Routes of a lower priority come first, whatever their patterns are; 0 by default."`
	When     []string `yaml:"when" doc:"Hours that the route is for, such as [mon-fri 08:00-18:00, sat 08:00-12:00 Europe/London]; always by default."`
	Source   []string `yaml:"source" doc:"Accounts, trunks and numbers (with * for any rest) that it is for; all by default."`
}

// DNS says who knows host names.
type DNS struct {
	Servers []Nameserver `yaml:"servers" doc:"Resolvers, asked in this order, such as 192.0.2.53; those of /etc/resolv.conf by default."`
}

// CDR says where call records go.
type CDR struct {
	File string `yaml:"file" doc:"Appended to; \"-\" is standard output (the default), \"off\" writes none."`
}

// Log shapes the log.
type Log struct {
	Level  string `yaml:"level" doc:"info by default." enum:"debug,info,warn,error"`
	Format string `yaml:"format" doc:"json by default." enum:"json,text"`
}

// Drain shapes the end.
type Drain struct {
	Timeout time.Duration `yaml:"timeout" doc:"How long running calls may go on after SIGTERM, 30s by default."`
}

// Browsers reports whether browsers may have media in the realm.
func (r Realm) Browsers() bool { return r.Media.UDP != nil }

// listens reports whether the realm has a socket for a transport.
func (r Realm) listens(network string) bool {
	return slices.ContainsFunc(r.Listen, func(l Listen) bool { return l.Network == network })
}

// speaks reports whether the realm has a socket of an address's family.
func (r Realm) speaks(a netip.Addr) bool {
	return slices.ContainsFunc(r.Listen, func(l Listen) bool { return l.Addr.Addr().Is4() == a.Is4() || l.Addr.Addr() == netip.IPv6Unspecified() })
}

// Snapshot is a loaded configuration. Nobody changes it; a reload makes another one.
type Snapshot struct {
	Config
	deck     *route.Deck // nil without one
	rates    *route.Deck // nil without one
	book     rules.Book
	dir      string   // relative files are in it
	Warnings []string // worth a line in the log, no reason to refuse
}

// Prices is the deck, nil without one.
func (s *Snapshot) Prices() *route.Deck { return s.deck }

// RuleBook is the sets of header rules, compiled.
func (s *Snapshot) RuleBook() rules.Book { return s.book }

// Advertising is the snapshot with the addresses that STUN servers have told, by realm.
func (s *Snapshot) Advertising(found map[string]netip.Addr) *Snapshot {
	told := *s
	told.Realms = maps.Clone(s.Realms)
	for name, addr := range found {
		r := told.Realms[name]
		r.Media.Advertise.Addr = addr
		told.Realms[name] = r
	}
	return &told
}

// File is where a file that the configuration names is; "" stays "".
func (s *Snapshot) File(name string) string {
	if name == "" {
		return ""
	}
	return source{dir: s.dir}.file(name)
}

// allSources is what "any" means in a list of sources.
var allSources = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
