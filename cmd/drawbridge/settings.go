package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"drawbridge/b2bua"
	"drawbridge/config"
	"drawbridge/media"
	"drawbridge/media/offer"
	"drawbridge/policy/classify"
	"drawbridge/policy/health"
	"drawbridge/policy/route"
	"drawbridge/sip/digest"
	"drawbridge/sip/transport"
	"drawbridge/sip/wire"
	"drawbridge/web"
)

// The functions below turn the configuration into the small Config of each part.

func logger(w io.Writer, cfg config.Log) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(cfg.Level)) // config has checked the word
	opts := &slog.HandlerOptions{Level: level}
	if cfg.Format == "text" {
		return slog.New(slog.NewTextHandler(w, opts))
	}
	return slog.New(slog.NewJSONHandler(w, opts))
}

func words(in []config.HostPort) []string {
	var out []string
	for _, h := range in {
		if h != config.Off {
			out = append(out, string(h))
		}
	}
	return out
}

func listeners(snap *config.Snapshot) []transport.Listener {
	var out []transport.Listener
	for name, r := range snap.Realms {
		for _, l := range r.Listen {
			var advertise netip.AddrPort
			a := announced(r.Media)
			if sameFamily := a.Is4() == l.Addr.Addr().Is4(); sameFamily && (l.Addr.Addr().IsUnspecified() || r.Media.Advertise.Addr.IsValid()) {
				advertise = netip.AddrPortFrom(a, l.Addr.Port())
			}
			out = append(out, transport.Listener{Realm: name, Network: l.Network, Addr: l.Addr, DSCP: uint8(r.DSCP.Signalling), Advertise: advertise})
		}
	}
	return out
}

func realmKeys(snap *config.Snapshot) map[string]transport.Keys {
	out := map[string]transport.Keys{}
	for name, r := range snap.Realms {
		out[name] = transport.Keys{Cert: snap.File(r.TLS.Cert), Key: snap.File(r.TLS.Key), CA: snap.File(r.TLS.CA)}
	}
	return out
}

func tlsPeers(snap *config.Snapshot) []transport.Peer {
	var out []transport.Peer
	for _, p := range snap.TLSPeers() {
		out = append(out, transport.Peer{Realm: p.Realm, Name: p.Name, Keys: transport.Keys{Cert: p.Cert, Key: p.Key, CA: p.CA}})
	}
	return out
}

func passwords(snap *config.Snapshot) func(user string) (string, bool) {
	by := map[string]string{}
	for _, u := range snap.Users.Local {
		by[u.Name] = u.Password.Reveal()
	}
	return func(user string) (string, bool) {
		p, ok := by[user]
		return p, ok
	}
}

// accounts finds the account that a dialled name or number belongs to.
func accounts(snap *config.Snapshot) func(number string) (string, bool) {
	by, ranges := map[string]string{}, map[string]string{}
	for _, u := range snap.Users.Local {
		by[route.Normal(u.Name)] = u.Name
		for _, n := range u.Numbers {
			by[route.Normal(n)] = u.Name
		}
		for _, n := range u.PBX {
			ranges[strings.TrimSuffix(n, "*")] = u.Name
		}
	}
	return func(number string) (string, bool) {
		user, ok := by[number]
		for n := len(number); n > 0 && !ok && len(ranges) > 0; n-- { // the longest beginning
			user, ok = ranges[number[:n]]
		}
		return user, ok
	}
}

// pbxs tells the accounts that are a PBX.
func pbxs(snap *config.Snapshot) func(user string) bool {
	is := map[string]bool{}
	for _, u := range snap.Users.Local {
		is[u.Name] = len(u.PBX) > 0
	}
	return func(user string) bool { return is[user] }
}

func numbers(snap *config.Snapshot) func(user string) []string {
	by := map[string][]string{}
	for _, u := range snap.Users.Local {
		by[u.Name] = u.Numbers
	}
	return func(user string) []string { return by[user] }
}

// callerID is the first number of an account.
func callerID(snap *config.Snapshot) func(user string) string {
	of := numbers(snap)
	return func(user string) string {
		if n := of(user); len(n) > 0 {
			return n[0]
		}
		return ""
	}
}

// routes is the table of where calls go.
func routes(snap *config.Snapshot) (*route.Table, error) {
	zone, err := snap.Zone()
	if err != nil {
		return nil, err
	}
	cfg := route.Config{Groups: map[string][]route.Member{}, Users: accounts(snap), Deck: snap.Prices(), Plan: snap.Numbers.Plan}
	for name, members := range snap.Groups {
		for _, m := range members {
			cfg.Groups[name] = append(cfg.Groups[name], route.Member{Trunk: m.Trunk, Priority: m.Priority, Weight: m.Weight})
		}
	}
	for _, r := range snap.Routes {
		when, err := route.ParseHours(r.When, zone)
		if err != nil {
			return nil, err
		}
		cfg.Rows = append(cfg.Rows, route.Row{From: r.From, To: r.To, Via: r.Via, Priority: r.Priority, Deck: r.Deck, When: when, Source: r.Source})
	}
	return route.Compile(cfg)
}

func mediaRealms(snap *config.Snapshot) (map[string]media.Realm, error) {
	out := map[string]media.Realm{}
	for name, r := range snap.Realms {
		bind := bound(r.Media)
		m := media.Realm{
			Bind: bind, PortMin: r.Media.Ports.Min, PortMax: r.Media.Ports.Max, AllowLoopback: r.Media.AllowLoopback,
			Police: true, Opus: media.Opus{Complexity: r.Opus.Complexity, Bitrate: r.Opus.Bitrate},
			DSCP:       media.DSCP{Audio: uint8(r.DSCP.Audio), RTCP: uint8(r.DSCP.RTCP)},
			Inactivity: patience(r.Media.Inactivity),
		}
		if a := announced(r.Media); a != bind {
			m.Advertise = a
		}
		if r.Browsers() {
			m.WebRTC = []netip.AddrPort{netip.AddrPortFrom(bind, *r.Media.UDP)}
		}
		out[name] = m
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no realm")
	}
	return out, nil
}

// metricReports are the words for what becomes of VoIP metrics.
var metricReports = map[string]offer.XR{"auto": offer.XRAsked, "on": offer.XROn, "off": offer.XROff}

// patience is how long a peer may be silent; negative is for ever.
func patience(p config.Patience) time.Duration {
	if p.Off {
		return -1
	}
	return p.Limit
}

// bound is the address that media is on.
func bound(m config.Media) netip.Addr {
	if m.Bind.Auto || !m.Bind.Addr.IsValid() {
		return hostAddress()
	}
	return m.Bind.Addr
}

// announced is the address that peers are told: the configured one, else the bound one.
func announced(m config.Media) netip.Addr {
	switch {
	case m.Advertise.Addr.IsValid():
		return m.Advertise.Addr
	case m.Bind.Addr.IsValid() && !m.Bind.Addr.IsUnspecified():
		return m.Bind.Addr
	}
	return hostAddress()
}

// hostAddress is the host's first IPv4 address that others can reach, or loopback on a host without one.
func hostAddress() netip.Addr {
	loopback := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return loopback
	}
	for _, a := range addrs {
		prefix, err := netip.ParsePrefix(a.String())
		if err != nil {
			continue
		}
		if ip := prefix.Addr(); ip.Is4() && !ip.IsLoopback() && !ip.IsLinkLocalUnicast() {
			return ip
		}
	}
	return loopback
}

func realms(snap *config.Snapshot) map[string]b2bua.Realm {
	out := map[string]b2bua.Realm{}
	for name, r := range snap.Realms {
		hosts, _ := classify.NewHosts(r.Domains) // checked at load
		in, away := snap.RulesOf(r.Rules)
		out[name] = b2bua.Realm{
			Hosts: hosts,
			Name:  name, Browsers: r.Browsers(), Open: r.Open, Codecs: codecs(r.Codecs), Domain: r.Domain, AllowLoopback: r.Media.AllowLoopback,
			Refer: refers[r.Refer], SRTP: srtps[r.SRTP], TellRules: r.TellRules, Rules: b2bua.Rules{In: in, Out: away}, Pass: r.Pass.Lists(),
		}
	}
	return out
}

// digests are the algorithms that accounts are challenged with, by realm.
func digests(snap *config.Snapshot) map[string][]string {
	out := map[string][]string{}
	for name, r := range snap.Realms {
		out[name] = r.Digest
	}
	return out
}

// refers are the words for what becomes of a REFER.
var refers = map[string]b2bua.ReferPolicy{"local": b2bua.ReferLocal, "pass": b2bua.ReferPass, "reject": b2bua.ReferReject}

func trunks(snap *config.Snapshot) []b2bua.Trunk {
	var out []b2bua.Trunk
	for _, name := range slices.Sorted(maps.Keys(snap.Trunks)) { // the first that fits a source is taken: the same one at every start
		t := snap.Trunks[name]
		b := b2bua.Trunk{
			Name: name, Realm: t.Realm, Domain: t.Domain, Codecs: codecs(t.Codecs), Ptime: t.Ptime, Limits: reserving(snap, t.Limits.Bounds()), TLSName: strings.ToLower(t.TLS.Name),
			Auth:     digest.Account{User: t.Auth.User, Password: t.Auth.Password.Reveal(), Realm: t.Auth.Realm},
			Redirect: b2bua.Redirect{Follow: t.Redirect == "follow", Pass: t.Redirect == "pass", Realms: t.RedirectRealms}, Refer: refers[t.Refer],
			SRTP: srtps[t.SRTP], Rel100: rel100[t.Rel100], DTMF: dtmfs[t.DTMF], Preconditions: t.Preconditions, Profile: t.Peer(), Failover: failover(t), Register: register(t.Register),
		}
		b.Match = t.Match.Row()
		b.Rules.In, b.Rules.Out = snap.RulesOf(t.Rules)
		b.Pass = snap.Realms[t.Realm].Pass.Join(t.Pass).Lists()
		if !snap.Realms[t.Realm].Believes() {
			b.Profile = b.Profile.Distrusted()
		}
		for _, target := range t.Targets {
			b.Targets = append(b.Targets, targetURI(target))
		}
		for _, s := range t.Sources {
			b.Sources = append(b.Sources, s.Prefixes...)
		}
		b.Inactivity, b.XR = patience(t.Media.Inactivity), metricReports[t.RTCPXR]
		for _, s := range t.Media.Prefixes {
			b.Prefixes = append(b.Prefixes, s.Prefixes...)
		}
		out = append(out, b)
	}
	return out
}

// register is our registration at a trunk.
func register(r config.Register) b2bua.Register {
	user, host, ok := r.Address()
	if !ok {
		return b2bua.Register{}
	}
	return b2bua.Register{AOR: wire.URI{Scheme: "sip", User: user, Host: host}, Contact: r.Contact, Expires: r.Expires, NoRoute: r.NoServiceRoute, Bulk: r.Bulk}
}

// failover is how a trunk's targets are watched and left.
func failover(t config.Trunk) b2bua.Failover {
	h := t.Health
	return b2bua.Failover{
		Patience: t.InviteTimeout, Reroute: route.Reroute{Next: t.Reroute.Next, Final: t.Reroute.Final},
		Health: health.Rules{On: h.On(), Probed: h.Options > 0, Down: h.Down, Up: h.Up, Failing: h.Failing, Hold: h.Hold},
		Probe:  b2bua.Probe{Every: h.Options, Dead: h.Dead}, Reflect: h.Reflect,
	}
}

// srtps are the words for the encryption of media.
var srtps = map[string]offer.SRTP{"rtp": offer.SRTPNone, "optional": offer.SRTPOptional, "sdes": offer.SRTPSDES, "dtls": offer.SRTPDTLS}

// rel100 are the words of a trunk's rel100.
var rel100 = map[string]b2bua.Rel100{"off": b2bua.Rel100Off, "supported": b2bua.Rel100Supported, "required": b2bua.Rel100Required}

// dtmfs are the words of a trunk's dtmf.
var dtmfs = map[string]b2bua.DTMF{
	"auto": b2bua.DTMFAuto, "rfc4733": b2bua.DTMFEvents, "info": b2bua.DTMFRelay, "info-dtmf": b2bua.DTMFPlain, "inband": b2bua.DTMFTones,
}

// targetURI is a target as the calls dial it.
func targetURI(t config.Target) wire.URI {
	u := wire.URI{Scheme: "sip", Host: t.Host, Port: int(t.Port)}
	if t.Transport != "" {
		u.Params.Set("transport", t.Transport)
	}
	return u
}

func codecs(names []string) []offer.Codec {
	var out []offer.Codec
	for _, n := range names {
		if c, ok := offer.Lookup(n); ok { // config has checked the names
			out = append(out, c)
		}
	}
	return out
}

// guests are who may use the web port, and what they are told.
func guests(snap *config.Snapshot) web.Guests {
	w := snap.Web
	return web.Guests{Origins: w.Origins, AllowNoOrigin: w.AllowNoOrigin, Name: w.Name, Numbers: numbers(snap)}
}

// shown is the certificate of the web port.
type shown struct {
	now    func() *tls.Certificate
	forget func()
}

func (g *gateway) cert() *tls.Certificate { return g.shown.Load().now() }

// certificate is that of the web port: the configured files, read again when they change, or a self-signed one for this run.
func (g *gateway) certificate(snap *config.Snapshot) (*shown, error) {
	if files := snap.Web.TLS; files.Cert != "" {
		now, forget, err := g.transport.Watch(transport.Keys{Cert: snap.File(files.Cert), Key: snap.File(files.Key)})
		return &shown{now, forget}, err
	}
	var names []string
	for _, l := range snap.Web.Listen {
		if host, _, err := net.SplitHostPort(string(l)); err == nil && host != "" && !strings.Contains(host, "%") {
			names = append(names, host)
		}
	}
	made, err := selfSigned(names)
	return &shown{func() *tls.Certificate { return made }, func() {}}, err
}
