package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/netip"
	"strings"
	"time"

	"drawbridge/b2bua"
	"drawbridge/media"
	"drawbridge/policy/limit"
)

// gauges registers what is read at each scrape: what the parts count themselves.
func (g *gateway) gauges() {
	m := g.metrics
	m.Gauge("drawbridge_registrations", "Bindings that can be reached.", func() float64 { return float64(g.registrar.Count()) })
	m.Gauge("drawbridge_web_connections", "Open connections on the public port.", func() float64 { return float64(g.web.Connections()) })
	m.Gauge("drawbridge_sip_flows", "WebSocket flows.", func() float64 { return float64(g.transport.Stats().Flows) })
	m.Gauge("drawbridge_sip_connections", "TCP and TLS connections, those being made included.", func() float64 { return float64(g.transport.Stats().Streams) })
	m.Counter("drawbridge_sip_read_errors_total", "UDP reads and accepts that failed.", func() uint64 { return g.transport.Stats().ReadErrors })
	m.Counter("drawbridge_dns_questions_total", "Questions put to DNS servers.", func() uint64 { return g.resolver.Stats().Questions })
	m.Counter("drawbridge_dns_failures_total", "Questions that no DNS server answered.", func() uint64 { return g.resolver.Stats().Failures })
	m.Gauge("drawbridge_calls_admitted", "Calls that count for limits.calls.", func() float64 { return float64(g.calls.InUse(limit.Key{}).Calls) })
	m.Gauge("drawbridge_bandwidth_bits", "Bits a second of RTP that calls have reserved, one direction of each leg.",
		func() float64 { return float64(g.calls.InUse(limit.Key{}).Bandwidth) })
	m.Gauge("drawbridge_transcodes_reserved", "Calls that hold a transcoder, or may come to need one.",
		func() float64 { return float64(g.calls.InUse(limit.Key{}).Transcodes) })
	m.Gauges("drawbridge_trunk_calls", "Calls that count for the limits of a trunk, both directions.", "trunk", func() map[string]float64 {
		out := map[string]float64{}
		for name := range g.snap().Trunks {
			out[name] = float64(g.calls.InUse(limit.Key{Scope: limit.Trunk, Name: name}).Calls)
		}
		return out
	})
	m.Counter("drawbridge_ways_limited_total", "Ways to a callee that were not tried because a limit was reached, or tried without a transcoder.", g.calls.Limited)
	m.Counter("drawbridge_limits_miscounted_total", "Places given back that had not been taken. Each one is a defect.", g.calls.Miscounted)
	m.Gauge("drawbridge_targets_resting", "Targets that have failed lately and are tried last.", func() float64 { return float64(g.calls.Resting()) })
	m.Gauges("drawbridge_trunk_targets_down", "Targets out of service.", "trunk", func() map[string]float64 {
		out := map[string]float64{}
		for trunk, n := range g.calls.HopsDown() {
			out[trunk] = float64(n)
		}
		return out
	})
	m.Gauge("drawbridge_fraud_blocks", "Blocks of accounts by fraud rules.", func() float64 { return float64(len(g.frauds.Blocks(time.Now()))) })
	m.Gauge("drawbridge_fraud_counters", "Accounts and prefixes that fraud rules count.", func() float64 { return float64(g.frauds.Len()) })
	g.guardGauges()
	g.configGauges()
	m.Gauges("drawbridge_trunk_registered", "Whether we are registered at a trunk, of those where we want to be.", "trunk", func() map[string]float64 {
		out := map[string]float64{}
		for trunk, on := range g.calls.Enrolled() {
			out[trunk] = map[bool]float64{true: 1}[on]
		}
		return out
	})
	g.scoreGauges()
	g.transactionGauges()
	g.mediaGauges()
	if g.records != nil {
		m.Counter("drawbridge_cdr_written_total", "Call records in the file.", g.records.Written)
		m.Counter("drawbridge_cdr_dropped_total", "Call records lost.", g.records.Dropped)
		m.Counter("drawbridge_cdr_failures_total", "Writes the file refused.", g.records.Failures)
		m.Gauge("drawbridge_cdr_waiting", "Call records not in the file yet.", func() float64 { return float64(g.records.Waiting()) })
	}
}

func (g *gateway) guardGauges() {
	m := g.metrics
	m.Gauge("drawbridge_acl_entries", "Entries of the access lists.", func() float64 { return float64(len(g.guard.List())) })
	m.Gauge("drawbridge_acl_sources", "Sources that are remembered for what they have done.", func() float64 { return float64(g.guard.Sources()) })
	m.Gauge("drawbridge_acl_rates", "Sources whose messages are counted.", func() float64 { return float64(g.guard.Rates()) })
	m.Counters("drawbridge_acl_denied_packets_total", "Messages and connections that nobody looked at.", "realm", g.guard.Dropped)
}

func (g *gateway) transactionGauges() {
	m := g.metrics
	m.Gauges("drawbridge_transactions", "SIP transactions by role.", "role", func() map[string]float64 {
		st := g.core.Stats()
		return map[string]float64{"server": float64(st.Servers), "client": float64(st.Clients)}
	})
	m.Gauge("drawbridge_dialogs", "SIP dialogs of calls, those that ended in the last 32 to 40 seconds included.", func() float64 { return float64(g.calls.Dialogs()) })
	m.Gauge("drawbridge_subscriptions", "Subscriptions carried.", func() float64 { return float64(g.calls.Subscriptions()) })
	m.Gauge("drawbridge_errands", "Other requests outside calls that wait for their answer.", func() float64 { return float64(g.calls.Errands()) })
	m.Gauge("drawbridge_timers", "Timers armed.", func() float64 { return float64(g.core.Stats().Timers) })
	m.Gauge("drawbridge_mailbox_events", "Events waiting in the shards.", func() float64 { return float64(g.core.Stats().Mailbox) })
	m.Counter("drawbridge_overload_total", "Messages turned away because a shard was full.", func() uint64 { return g.core.Stats().Overload })
	m.Counter("drawbridge_strays_total", "Responses and ACKs that matched nothing.", func() uint64 { return g.core.Stats().Strays })
}

func (g *gateway) mediaGauges() {
	m := g.metrics
	m.Gauge("drawbridge_media_sessions", "Media sessions open.", func() float64 { return float64(g.media.Stats().Sessions) })
	m.Gauge("drawbridge_dtls_handshakes", "DTLS handshakes under way; 256 at most.", func() float64 { return float64(g.media.Stats().Handshakes) })
	m.Gauge("drawbridge_media_sockets", "RTP and RTCP sockets open.", func() float64 { return float64(g.media.Stats().Sockets) })
	m.Gauge("drawbridge_media_sockets_resting", "RTP sockets that no call has, kept open for the next ones: 4096, a quarter of the ports or of the open files at most.",
		func() float64 { return float64(g.media.Stats().Resting) })
	m.Gauges("drawbridge_media_ports", "RTP port pairs in use by realm.", "realm", func() map[string]float64 {
		out := map[string]float64{}
		for realm, n := range g.media.Stats().Ports {
			out[realm] = float64(n)
		}
		return out
	})
	for _, f := range dropFamilies {
		m.Counters("drawbridge_"+f.name+"_drop_total", f.help, "reason", func() map[string]uint64 { return f.of(g.media.Stats().Drops) })
	}
	m.Counter("drawbridge_media_policed_bytes_total", "Bytes of RTP payload dropped because the peer sent more than was negotiated.",
		func() uint64 { return g.media.Stats().Policed })
	m.Counters("drawbridge_rtcp_packets_total", "RTCP packets that came, by what they were about.", "kind", func() map[string]uint64 { return g.media.Stats().RTCP })
	m.Counters("drawbridge_media_packets_total", "RTP packets by direction.", "direction", func() map[string]uint64 {
		out := map[string]uint64{"in": 0, "out": 0}
		for _, l := range g.media.Stats().Loops {
			out["in"] += l.PacketsIn
			out["out"] += l.PacketsOut
		}
		return out
	})
	m.Gauge("drawbridge_transcode_slots", "Transcoded calls that this machine carries: measured at the start, or limits.transcodes.",
		func() float64 { return float64(g.slots.Load()) })
	m.Gauge("drawbridge_transcodes", "Directions of calls that are decoded and encoded; a transcoded call has two.",
		func() float64 { return float64(g.media.Stats().Transcodes) })
	m.Gauge("drawbridge_media_late_seconds", "Mean lateness of the slowest media loop: from when something was due to when it was served.",
		func() float64 { return g.slowest(func(l media.LoopStats) time.Duration { return l.LateMean }) })
	m.Gauge("drawbridge_media_late_max_seconds", "Greatest lateness of a media loop in the last whole second.",
		func() float64 { return g.slowest(func(l media.LoopStats) time.Duration { return l.LateMax }) })
	m.Counter("drawbridge_media_kernel_drops_total", "Datagrams lost because a socket's buffer was full; those of RTP port pairs are counted when the call ends.",
		func() (n uint64) {
			for _, l := range g.media.Stats().Loops {
				n += l.KernelDrops
			}
			return n
		})
}

// slowest is the greatest of the loops' figures, in seconds.
func (g *gateway) slowest(of func(media.LoopStats) time.Duration) float64 {
	var worst time.Duration
	for _, l := range g.media.Stats().Loops {
		worst = max(worst, of(l))
	}
	return worst.Seconds()
}

// dropFamily is a metric of dropped datagrams. A kind such as "dtls-unvalidated" belongs to the family of one of its first words.
type dropFamily struct {
	name, help string
	words      []string // a kind that begins with one of the first two has the rest for its reason, others are reasons as they are
}

var dropFamilies = []dropFamily{
	{"rtp", "RTP, SRTP and RTCP dropped by reason.", []string{"rtp-", "srtp-", "rtcp-", "codec-", "dtmf-"}},
	{"dtls", "DTLS dropped by reason.", []string{"dtls-"}},
	{"stun", "STUN dropped by reason.", []string{"stun-"}},
	{"media", "Other datagrams dropped by reason.", []string{"media-"}},
}

// of are the reasons of a family with their counts.
func (f dropFamily) of(drops map[string]uint64) map[string]uint64 {
	out := map[string]uint64{}
	for kind, n := range drops {
		for i, word := range f.words {
			if reason, ok := strings.CutPrefix(kind, word); ok {
				if i > 1 { // rtp-malformed and rtcp-malformed are two reasons
					reason = kind
				}
				out[reason] += n
			}
		}
	}
	return out
}

// listing is what /v1/calls says.
type listing struct {
	Active int             `json:"active"` // calls, those that are not listed included
	Calls  []*b2bua.Status `json:"calls"`  // newest first
}

func (g *gateway) listCalls(ctx context.Context, limit int) any {
	return listing{Active: g.calls.Active(), Calls: append([]*b2bua.Status{}, g.calls.Calls(ctx, limit)...)}
}

func (g *gateway) showCall(ctx context.Context, id string) any {
	if c := g.calls.Call(ctx, b2bua.CallID(id)); c != nil {
		return c
	}
	return nil
}

// info is what /v1/info says: the addresses in use and what a client needs to trust them.
type info struct {
	Version string                      `json:"version"`
	Started time.Time                   `json:"started"`
	TLS     []netip.AddrPort            `json:"tls"`
	Plain   []netip.AddrPort            `json:"plain"`
	SIP     map[string][]netip.AddrPort `json:"sip"` // UDP
	SIPTCP  map[string][]netip.AddrPort `json:"sipTcp"`
	SIPTLS  map[string][]netip.AddrPort `json:"sipTls"`
	Media   map[string][]netip.AddrPort `json:"media"`
	SPKI    string                      `json:"spki"` // base64 SHA-256 of the certificate's public key
	Calls   int                         `json:"calls"`
	Config  configInfo                  `json:"config"`
	Drain   bool                        `json:"draining"`
}

func (g *gateway) info() any {
	out := info{
		Version: version(), Started: g.started, TLS: g.web.Addrs().TLS, Plain: g.web.Addrs().Plain,
		SIP: map[string][]netip.AddrPort{}, SIPTCP: map[string][]netip.AddrPort{}, SIPTLS: map[string][]netip.AddrPort{},
		Media: map[string][]netip.AddrPort{}, Calls: g.calls.Active(), Drain: g.draining.Load(),
	}
	for name, r := range g.snap().Realms {
		if len(r.Listen) > 0 {
			out.SIP[name] = g.transport.Addrs(name)
			out.SIPTCP[name], out.SIPTLS[name] = g.transport.StreamAddrs(name, "tcp"), g.transport.StreamAddrs(name, "tls")
		}
		if r.Browsers() {
			out.Media[name] = g.media.Addrs(name)
		}
	}
	out.Config = g.configInfo()
	if leaf := g.cert().Leaf; leaf != nil {
		sum := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
		out.SPKI = base64.StdEncoding.EncodeToString(sum[:])
	}
	return out
}
