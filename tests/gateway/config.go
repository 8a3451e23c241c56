package gateway

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"
)

// The three sides of the border in every test.
var (
	AccessAddr  = netip.MustParseAddr("127.0.0.1") // browsers and the gateway's side of them
	CarrierAddr = netip.MustParseAddr("127.0.1.1") // the gateway's trunk side
	PhoneAddr   = netip.MustParseAddr("127.0.2.1") // phones
)

// User is an account.
type User struct{ Name, Password, Number string }

// Trunk is a peer of the carrier realm.
type Trunk struct {
	Name      string
	Target    netip.AddrPort
	Transport string // "tcp" or "tls"; "" means UDP
	Host      string // when set, the target is this name alone, and DNS says what its sources are
	Codecs    string // "[PCMA, PCMU]"; "" means both
	More      string // further settings, such as "limits: {calls: 2}"
}

// Route sends a number pattern to a trunk.
type Route struct{ From, To, Via string }

// Config is what a test can ask for. The zero value has the user alice and no trunk.
type Config struct {
	Users   []User
	Trunks  []Trunk
	Routes  []Route
	Origins []string       // pages that may open a WebSocket
	Ports   int            // RTP port pairs of the carrier realm; 0 means 200
	Calls   int            // limits.calls; 0 means 5000
	Limits  string         // further settings of limits, such as "cps: 10"
	Pprof   bool           // serve profiles on the private port
	Log     string         // the least level that is logged; "" means debug
	Key     Identity       // TLS certificate of the public port
	DNS     netip.AddrPort // zero means the system's
	TLS     Keys           // of the carrier realm; zero means that it has no TLS socket
	Codecs  string         // of browsers; "" means [opus, PCMU, PCMA]
	Access  string         // further settings of the realms, one line of YAML each, such as "dscp: {audio: 46}"
	Carrier string
	More    string     // further settings, whole lines of YAML, such as "numbers: {country: DE}"
	Media   netip.Addr // browsers' media instead of AccessAddr
	Behind  netip.Addr // what browsers are told instead of Media
}

// Keys are files for TLS between SIP peers.
type Keys struct{ Cert, Key, CA string }

// firstRTP begins the port range of the carrier realm, below the system's ephemeral ports.
const firstRTP = 20000

// Ports in use by one gateway. They are chosen before it starts.
type ports struct{ web, plain, admin, sip, sips, media, rtp int }

func (c Config) yaml(p ports, cdr string) string {
	var b strings.Builder
	f := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	pairs := c.Ports
	if pairs == 0 {
		pairs = 200
	}
	calls := c.Calls
	if calls == 0 {
		calls = 5000
	}
	f("web:")
	f("  listen: [%q]", addr(AccessAddr, p.web))
	f("  plain: [%q]", addr(AccessAddr, p.plain))
	f("  tls: {cert: %q, key: %q}", c.Key.CertFile, c.Key.KeyFile)
	f("  origins: [%s]", quoted(c.Origins))
	f("  realm: access")
	f("admin: {listen: %q, pprof: %t}", addr(AccessAddr, p.admin), c.Pprof)
	f("realms:")
	f("  access:")
	f("    domain: access.test")
	f("    media: {bind: %s, udp: %d, allow_loopback: true%s}", c.media(), p.media, c.advertise())
	f("    codecs: %s", cmp.Or(c.Codecs, "[opus, PCMU, PCMA]"))
	f("    %s", c.Access)
	f("  carrier:")
	if c.TLS.Cert == "" {
		f("    listen: [%q, %q]", "udp:"+addr(CarrierAddr, p.sip), "tcp:"+addr(CarrierAddr, p.sip))
	} else {
		f("    listen: [%q, %q, %q]", "udp:"+addr(CarrierAddr, p.sip), "tcp:"+addr(CarrierAddr, p.sip), "tls:"+addr(CarrierAddr, p.sips))
		f("    tls: {cert: %q, key: %q, ca: %q}", c.TLS.Cert, c.TLS.Key, c.TLS.CA)
	}
	f("    domain: carrier.test")
	f("    media: {bind: %s, ports: %d-%d, allow_loopback: true}", CarrierAddr, p.rtp, p.rtp+2*pairs-1)
	f("    codecs: [PCMA, PCMU]")
	f("    %s", c.Carrier)
	f("users:")
	f("  domain: access.test")
	f("  local:")
	for _, u := range c.Users {
		f("    - {name: %q, password: %q, numbers: [%q]}", u.Name, u.Password, u.Number)
	}
	f("trunks:")
	for _, t := range c.Trunks {
		codecs := t.Codecs
		if codecs == "" {
			codecs = "[PCMA, PCMU]"
		}
		more := ""
		if t.More != "" {
			more = ", " + t.More
		}
		f("  %s: {realm: carrier, targets: [%q]%s, codecs: %s%s}", t.Name, t.uri(), t.sources(), codecs, more)
	}
	f("routes:")
	for _, r := range c.Routes {
		f("  - {from: %s, to: %q, via: [%s]}", r.From, r.To, r.Via)
	}
	if c.DNS.IsValid() {
		f("dns: {servers: [%q]}", c.DNS)
	}
	f("limits: {calls: %d, transcodes: 100%s}", calls, andMore(c.Limits)) // not measured: other tests need the core
	f("cdr: {file: %q}", cdr)
	f("log: {level: %s, format: json}", cmp.Or(c.Log, "debug"))
	f("drain: {timeout: 5s}")
	f("%s", c.More)
	return b.String()
}

// andMore continues a line of settings.
func andMore(settings string) string {
	if settings == "" {
		return ""
	}
	return ", " + settings
}

// media is where browsers' media goes.
func (c Config) media() netip.Addr {
	if c.Media.IsValid() {
		return c.Media
	}
	return AccessAddr
}

func (c Config) advertise() string {
	if !c.Behind.IsValid() {
		return ""
	}
	return ", advertise: " + c.Behind.String()
}

// uri is the trunk's target.
func (t Trunk) uri() string {
	if t.Host != "" {
		return "sip:" + t.Host
	}
	if t.Transport != "" {
		return "sip:" + t.Target.String() + ";transport=" + t.Transport
	}
	return "sip:" + t.Target.String()
}

// sources are the trunk's, but for one that is named.
func (t Trunk) sources() string {
	if t.Host != "" {
		return ""
	}
	return fmt.Sprintf(", sources: [%q]", t.Target.Addr())
}

func addr(a netip.Addr, port int) string { return netip.AddrPortFrom(a, uint16(port)).String() }

func quoted(items []string) string {
	var out []string
	for _, s := range items {
		out = append(out, fmt.Sprintf("%q", s))
	}
	return strings.Join(out, ", ")
}
