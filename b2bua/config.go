package b2bua

import (
	"net/netip"
	"slices"
	"time"

	"drawbridge/media"
	"drawbridge/media/offer"
	"drawbridge/policy/classify"
	"drawbridge/policy/limit"
	"drawbridge/policy/profile"
	"drawbridge/sip/digest"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
	"drawbridge/store"
	"drawbridge/telemetry"
	"drawbridge/topology"
)

// Config configures a Switch.
type Config struct {
	Settings

	Ring    time.Duration // longest ringing; 0 means 90 s
	Session time.Duration // Session-Expires that is asked for (RFC 4028); 0 means 30 min, negative none

	// Core runs the transactions. Media is the media plane.
	Core  *txn.Core
	Media *media.Engine
	// Late is how far behind the media plane is; nil means never. It may be called for each call attempt.
	Late func() time.Duration
	// Frauds keeps what the rules of Fraud count; nil watches nothing.
	Frauds *store.Frauds
	// Locate finds where an account can be reached: registered contacts and JSON lines.
	Locate func(user string) []Target
	// Auth authenticates a request from a browser realm: status 0 and the account, or a status with challenge fields.
	Auth func(f txn.Flow, m *wire.Message, now time.Time) (user string, challenge []wire.Field, status int)
	// Flow gives the way to a hop out of a realm. It does not block: a connection that has to be made first takes its messages in the
	// meantime, and is reported lost when it cannot be made.
	Flow func(realm string, hop txn.Hop) (txn.Flow, error)
	// Hops gives where a URI leads out of a realm, best first (RFC 3263). known is false when DNS has to be asked: later then gets the
	// hops, on another goroutine; with later nil nobody is asked. nil knows numbers only.
	Hops func(realm string, u wire.URI, later func([]txn.Hop)) (hops []txn.Hop, known bool)
	// Registrar serves REGISTER; nil refuses it.
	Registrar Registrar
	Events    telemetry.Listener

	open func(call string, notify func(media.Event)) session // tests: media that needs no socket
	now  func() time.Time                                    // tests
}

// Registrar is the part of the registrar that shares the transaction layer with the calls.
type Registrar interface {
	Request(sh *txn.Shard, tx *txn.Server, f txn.Flow, m *wire.Message)
	FlowLost(key txn.FlowKey)
}

// Limits are those of what is no trunk; a trunk has its own.
type Limits struct {
	Gateway       limit.Bounds
	Realms        map[string]limit.Bounds           // by name
	Account       func(user string) limit.Bounds    // nil: none
	Requests      map[string]RequestRates           // by realm
	Number        limit.Bounds                      // of any one number that is called; Calls only
	Form          func(realm, number string) string // the form that a number is counted in, however it is dialled in a realm; nil: as it is dialled
	Emergency     func(number string) bool          // nil: no number is
	EmergencyRate limit.Rate                        // of one caller's calls to emergency numbers
	Transcodes    func() int                        // transcoded calls that the host carries; nil or 0 is no limit
}

// Trunk is a peer that calls are sent to and come from.
type Trunk struct {
	Name, Realm string
	Targets     []wire.URI     // best first; each is tried in turn, and each hop of it
	Sources     []netip.Prefix // where its requests come from; the targets' addresses always count
	Codecs      []offer.Codec  // best first; nil means the realm's
	Ptime       int            // ms of audio in a packet that it is asked for; 0 means 20
	Limits      limit.Bounds
	TLSName     string         // name that its certificate bears, in lower case: without that proof nothing comes from it; "" wants none
	Domain      string         // host of From and To towards the trunk; "" means the realm's
	Rel100      Rel100         // reliable provisional responses
	DTMF        DTMF           // how digits go towards it
	SRTP        offer.SRTP     // encryption of its media
	Auth        digest.Account // ours at the trunk, for its challenges; zero: none
	Redirect    Redirect
	Refer       ReferPolicy // of REFERs in calls with it

	Preconditions bool           // our INVITEs carry QoS preconditions (RFC 3312)
	Prefixes      []netip.Prefix // where its media may come from besides the address that it announces
	Inactivity    time.Duration  // media that is due and does not come ends the call after it; 0 is the realm's, negative never
	XR            offer.XR       // VoIP metrics (RFC 3611)

	Profile  *profile.Profile // what is particular to it; nil: nothing
	Rules    Rules            // header rules for it, besides those of its realm
	Pass     *topology.Passes // what of its calls may cross as it is, that of its realm included; nil: nothing
	Match    classify.Row     // what its requests say, where its address does not tell it from other trunks
	Failover Failover
	Register Register // of us at the trunk
}

// Redirect is what becomes of a trunk's 3xx.
type Redirect struct {
	Follow bool     // call the contacts that it names
	Pass   bool     // hand them to a caller that is a trunk; without either the caller is told of a failure
	Realms []string // where these may lead to, besides the trunk's own realm
}

// Realm is a side of the border.
type Realm struct {
	Name          string
	Browsers      bool // authenticated accounts and WebRTC media; else trunks and RTP
	Open          bool // accounts of SIP phones call from it, too: whoever is no trunk has to prove itself
	Codecs        []offer.Codec
	Domain        string           // host of From and To; "" means the address of the flow
	Refer         ReferPolicy      // of its accounts
	SRTP          offer.SRTP       // encryption of the media of its accounts, unless they are browsers
	Hosts         classify.Hosts   // what Request-URI and From of a request from here may name besides ourselves; empty: everything
	Rules         Rules            // header rules for everybody on it
	Pass          *topology.Passes // what of its accounts' calls may cross as it is; nil: nothing
	TellRules     bool             // refusals say in Reason which rule refused
	AllowLoopback bool             // peers may announce loopback media addresses (demo, tests)
}

// Accounts reports whether accounts may call from the realm.
func (r Realm) Accounts() bool { return r.Browsers || r.Open }

func (c Config) withDefaults() Config {
	if c.Ring == 0 {
		c.Ring = ringLimit
	}
	if c.Session == 0 {
		c.Session = sessionLength
	}
	if c.Late == nil {
		c.Late = func() time.Duration { return 0 }
	}
	if c.Locate == nil {
		c.Locate = func(string) []Target { return nil }
	}
	if c.open == nil && c.Media != nil {
		engine := c.Media
		c.open = func(call string, notify func(media.Event)) session { return engine.Open(call, notify) }
	}
	if c.Hops == nil {
		c.Hops = numericHops
	}
	if c.Flow == nil {
		c.Flow = func(string, txn.Hop) (txn.Flow, error) { return nil, ErrNoWay }
	}
	if c.now == nil {
		c.now = time.Now
	}
	return c
}

// RequestRates bound the requests outside calls that one source of a realm sends, whoever it is: they are taken before anybody has proved
// who they are. A trunk's source has the trunk's limits instead.
type RequestRates struct {
	Source     limit.Rate                 // of an address; of IPv6, of a /64
	Connection limit.Rate                 // of a WebSocket, TCP or TLS connection
	Methods    map[wire.Method]limit.Rate // of an address, by method
}

func (l Limits) withDefaults() Limits {
	if l.Account == nil {
		l.Account = func(string) limit.Bounds { return limit.Bounds{} }
	}
	if l.Form == nil {
		l.Form = func(_, number string) string { return number }
	}
	if l.Emergency == nil {
		l.Emergency = func(string) bool { return false }
	}
	if l.Transcodes == nil {
		l.Transcodes = func() int { return 0 }
	}
	return l
}

// session is what the switch asks of a media session; *media.Session is one.
type session interface {
	Add(media.LegID, media.Side) (offer.Local, error)
	Bind(media.LegID, *offer.Stream)
	SendDTMF(media.LegID, byte, time.Duration)
	Talking()
	Stats(func([2]media.LegStats))
	Close()
}

// party describes a trunk as the far end of a leg.
func (s *Settings) party(t *Trunk) *Party {
	r := s.Realms[t.Realm]
	p := &Party{
		Realm: r, Name: t.Name, Trunk: true, Codecs: t.Codecs, Ptime: t.Ptime, Sources: t.sources(), TLSName: t.TLSName,
		Auth: t.Auth, Redirect: t.Redirect, Refer: t.Refer, Rel100: t.Rel100, Preconditions: t.Preconditions,
		SRTP: t.SRTP, DTMF: t.DTMF, Prefixes: t.Prefixes, Inactivity: t.Inactivity, XR: t.XR,
		Profile: t.Profile, Rules: t.Rules, Pass: t.Pass, Failover: &t.Failover,
	}
	if len(p.Codecs) == 0 {
		p.Codecs = r.Codecs
	}
	if t.Domain != "" {
		p.Realm.Domain = t.Domain
	}
	return p
}

// account describes a user as the far end of a leg.
func (s *Settings) account(user, realm string) *Party {
	r := s.Realms[realm]
	return &Party{Realm: r, Name: user, Number: s.Number(user), Codecs: r.Codecs, Refer: r.Refer, SRTP: r.SRTP, Pass: r.Pass}
}

// sources are the trunk's own prefixes and the addresses of its numeric targets.
func (t *Trunk) sources() []netip.Prefix {
	all := t.Sources[:len(t.Sources):len(t.Sources)]
	for _, u := range t.Targets {
		if a, err := netip.ParseAddr(u.Host); err == nil {
			all = append(all, netip.PrefixFrom(a, a.BitLen()))
		}
	}
	return all
}

// widest4 and widest6 are the largest networks, in bits, that say whose an address is. Chosen here: no carrier has more.
const (
	widest4 = 8
	widest6 = 16
)

// everybodys reports whether a prefix is that of a trunk which may come from anywhere, and proves its name instead.
func everybodys(p netip.Prefix) bool {
	return p.Addr().Is4() && p.Bits() < widest4 || p.Addr().Is6() && p.Bits() < widest6
}

// belongs reports whether an address is within prefixes that say whose it is: that of a peer, or where it may lead us.
func belongs(a netip.Addr, prefixes []netip.Prefix) bool {
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return !everybodys(p) && p.Contains(a.Unmap()) })
}

func within(a netip.Addr, prefixes []netip.Prefix) bool {
	a = a.Unmap()
	for _, p := range prefixes {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
