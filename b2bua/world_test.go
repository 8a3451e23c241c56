package b2bua

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/media"
	"drawbridge/media/offer"
	"drawbridge/policy"
	"drawbridge/policy/limit"
	"drawbridge/policy/route"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
	"drawbridge/telemetry"
)

// world is the small world of the flow files: one gateway between two realms, in virtual time.
//
//	A       alice's browser            C, D   bob's two browsers, registered
//	J       carol's page (JSON)        T, U   trunks acme and backup; S, safe, speaks TLS
//
//	any realm: 1* via acme, 2* via acme then backup, 3* via nobody, 4* via safe, 5* via backup; bob and carol by name
type world struct {
	t     *testing.T
	sw    *Switch
	core  *txn.Core
	peers map[string]*peer
	line  *memLine
	dns   *memDNS

	mu      sync.Mutex
	events  []any
	medias  []*memMedia
	ports   int    // RTP port pairs left
	inside  uint16 // ports given out on loopback
	bad     *impairment
	stop    func()
	stopped chan struct{}
}

var (
	opus = offer.Codec{Name: "opus", PT: 111, Clock: 48000, Channels: 2}
	pcmu = offer.Codec{Name: "PCMU", PT: 0, Clock: 8000, Channels: 1}
	pcma = offer.Codec{Name: "PCMA", PT: 8, Clock: 8000, Channels: 1}
)

// newWorld starts the gateway inside a synctest bubble.
func newWorld(t *testing.T, edit func(*Config)) *world {
	w := &world{t: t, peers: map[string]*peer{}, ports: 1000, stopped: make(chan struct{})}
	core, err := txn.New(txn.Config{Shards: 2, Server: "Drawbridge", LFOnly: func(f txn.Flow) bool { return w.sw.LFOnly(f) }})
	if err != nil {
		t.Fatal(err)
	}
	w.core = core
	for name, at := range map[string]string{"A": "10.0.0.1:40001", "C": "10.0.0.3:40003", "D": "10.0.0.4:40004"} {
		w.addPeer(name, "access", at, "WSS")
	}
	w.addPeer("T", "carrier", "192.0.2.1:5060", "UDP")
	w.addPeer("U", "carrier", "192.0.2.2:5060", "UDP")
	w.addPeer("T2", "carrier", "192.0.2.1:5062", "UDP") // other lines of acme and backup
	w.addPeer("U2", "carrier", "192.0.2.2:5062", "UDP")
	w.addPeer("S", "carrier", "192.0.2.3:5061", "TLS")
	w.addPeer("X", "carrier", "198.51.100.66:5060", "UDP") // a stranger
	w.dns = &memDNS{w: w}
	w.line = &memLine{w: w, id: 7, user: "carol"}
	cfg := w.config()
	if edit != nil {
		edit(&cfg)
	}
	w.sw = New(cfg)
	core.SetUser(w.sw)
	ctx, cancel := context.WithCancel(context.Background())
	w.stop = cancel
	go func() {
		defer close(w.stopped)
		_ = core.Run(ctx) // the cause is our own cancel
	}()
	return w
}

// config is the gateway of the flows: two trunks that are known by their sources, one over TLS, and four accounts.
func (w *world) config() Config {
	return Config{
		Settings: Settings{
			Realms: map[string]Realm{
				"access":  {Name: "access", Browsers: true, Codecs: []offer.Codec{opus, pcmu, pcma}, Domain: "example.com", AllowLoopback: true},
				"carrier": {Name: "carrier", Codecs: []offer.Codec{pcma, pcmu}, Domain: "carrier.example"},
			},
			Trunks: []Trunk{
				{Name: "acme", Realm: "carrier", Targets: []wire.URI{{Scheme: "sip", Host: "192.0.2.1"}}},
				{Name: "backup", Realm: "carrier", Targets: []wire.URI{{Scheme: "sip", Host: "192.0.2.2"}}},
				{Name: "safe", Realm: "carrier", Targets: []wire.URI{{Scheme: "sip", Host: "192.0.2.3", Port: 5061}}},
			},
			Limits: Limits{Number: limit.Bounds{Calls: 1000}, Transcodes: func() int { return 1000 }}, // so that every flow takes and returns them
			Routes: staticRoutes,
			Decide: func(r policy.Request) policy.Decision {
				if r.To == "19" {
					return policy.Decision{Status: 403, Rule: "acl/no-19"}
				}
				return policy.Decide(policy.Limits{}, r)
			},
		},
		Core:   w.core,
		Hops:   w.dns.hops,
		Locate: w.locate,
		Auth: func(f txn.Flow, m *wire.Message, _ time.Time) (string, []wire.Field, int) {
			if m.Has("X-Anonymous") {
				return "", []wire.Field{{Name: "Proxy-Authenticate", Value: `Digest realm="example.com", nonce="n"`}}, 407
			}
			if proof := m.Get("X-Proof"); proof != "" && proof != m.URI.User {
				return "", nil, 403 // credentials for another number
			}
			return map[string]string{"A": "alice", "C": "bob", "D": "bob"}[f.(*memFlow).p.name], nil, 0
		},
		Flow:   w.flow,
		Events: w.listener(),
		open: func(_ string, notify func(media.Event)) session {
			m := &memMedia{w: w, notify: notify}
			w.record(func() { w.medias = append(w.medias, m) })
			return m
		},
	}
}

// locate finds the devices of an account.
func (w *world) locate(user string) []Target {
	switch user {
	case "bob":
		return []Target{w.peers["C"].registered("bob"), w.peers["D"].registered("bob")}
	case "carol":
		return []Target{{Line: w.line}}
	case "pbx":
		return []Target{{Flow: w.peers["C"].flow, Contact: wire.Addr{URI: wire.URI{Scheme: "sip", Host: "192.0.2.50", Port: 5070, Params: wire.Params{{Name: "line", Value: "7"}, {Name: "bnc"}}}}}}
	case "erin":
		return []Target{w.peers["C"].registered("erin"), {Line: w.line}}
	}
	return nil
}

// flow is the way to a hop: the peer's at that address, else one of the same host, else one that leads to nobody.
func (w *world) flow(realm string, hop txn.Hop) (txn.Flow, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var host *peer
	for _, p := range w.peers {
		switch {
		case p.flow.realm != realm || p.flow.remote.Addr() != hop.Addr.Addr():
		case p.flow.remote == hop.Addr:
			return p.flow, nil
		case host == nil || p.name < host.name:
			host = p
		}
	}
	if host != nil {
		return host.flow, nil
	}
	return &memFlow{w: w, realm: realm, remote: hop.Addr, transport: "UDP"}, nil
}

func staticRoutes(q route.Query) []route.Candidate {
	number := q.Number
	switch {
	case number == "bob", number == "carol", number == "dave", number == "erin":
		return []route.Candidate{{User: number}}
	case number == "pbx", strings.HasPrefix(number, "+4977"):
		return []route.Candidate{{User: "pbx"}}
	case strings.HasPrefix(number, "1"):
		return []route.Candidate{{Trunk: "acme"}}
	case strings.HasPrefix(number, "4"):
		return []route.Candidate{{Trunk: "safe"}}
	case strings.HasPrefix(number, "5"):
		return []route.Candidate{{Trunk: "backup"}}
	case strings.HasPrefix(number, "2"):
		return []route.Candidate{{Trunk: "acme"}, {Trunk: "backup"}}
	}
	return nil
}

// close ends the world and checks what every flow owes: nothing left in the books, media closed once, one CDR an attempt. What a flow has left
// that did not come to its end says nothing.
func (w *world) close() {
	if !w.t.Failed() {
		time.Sleep(5 * time.Minute) // virtual: every timer and tomb has run out
		synctest.Wait()
		w.checkRest()
	}
	w.stop()
	<-w.stopped
}

func (w *world) checkRest() {
	t := w.t
	if n := w.sw.Active(); n != 0 {
		t.Errorf("%d calls left", n)
	}
	if n := w.sw.errands.total() + w.sw.subscriptions.total(); n != 0 {
		t.Errorf("%d errands or subscriptions left", n)
	}
	if n, below := w.sw.shares.Len(), w.sw.Miscounted(); n != 0 || below != 0 {
		t.Errorf("%d things have something in use, %d times below zero", n, below)
	}
	if n := w.sw.view().calls.Load(); n != 0 || !w.sw.Settled() {
		t.Errorf("%d calls have the configuration, earlier ones are settled: %t", n, w.sw.Settled())
	}
	if n := w.sw.Dialogs(); n != 0 {
		t.Errorf("%d dialogs left", n)
	}
	for i, b := range w.sw.books {
		if n := len(b.seats) + len(b.tags) + len(b.lines) + len(b.invites) + len(b.flows) + len(b.subs.tags) + len(b.subs.flows); n != 0 {
			t.Errorf("book %d: %d entries left", i, n)
		}
	}
	if s := w.core.Stats(); s.Servers+s.Clients+s.Timers != 0 || s.Panics != 0 {
		t.Errorf("transactions left or panics: %+v", s)
	}
	var started, ended int
	for _, e := range w.events {
		if text := fmt.Sprintf("%+v", e); strings.Contains(text, peerKey[7:20]) || strings.Contains(text, strings.Repeat(worldKey, 20)) || strings.Contains(text, "a2tra2tr") {
			t.Errorf("an event shows a key: %s", text)
		}
		if text := fmt.Sprintf("%+v", e); strings.ContainsAny(text, "*#") { // flows press these keys, and nobody has them in a name
			t.Errorf("an event shows a digit: %s", text)
		}
		switch e := e.(type) {
		case telemetry.CallStarted:
			started++
		case telemetry.CallEnded:
			ended++
		case telemetry.Lifecycle:
			if e.What == "target resting" || e.What == "target down" || e.What == "registered" || e.What == "registration failed" || e.What == "target up" {
				continue
			}
			t.Errorf("lifecycle: %+v", e)
		}
	}
	if started != ended {
		t.Errorf("%d calls started, %d CDRs", started, ended)
	}
	for _, m := range w.medias {
		if m.closed != 1 {
			t.Errorf("media closed %d times", m.closed)
		}
	}
}

func (w *world) record(fn func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	fn()
}

func (w *world) event(e any) { w.record(func() { w.events = append(w.events, e) }) }

func (w *world) listener() telemetry.Listener {
	return telemetry.Listener{
		CallStarted:  func(e telemetry.CallStarted) { w.event(e) },
		CallAnswered: func(e telemetry.CallAnswered) { w.event(e) },
		CallEnded:    func(e *telemetry.CallEnded) { w.event(*e) },
		Rejected:     func(e telemetry.Rejected) { w.event(e) },
		Refused:      func(e telemetry.Refused) { w.event(e) },
		Fraud:        func(e telemetry.Fraud) { w.event(e) },
		Lifecycle:    func(e telemetry.Lifecycle) { w.event(e) },
	}
}

// memFlow is a flow to a scripted peer.
type memFlow struct {
	w         *world
	p         *peer // nil: a black hole
	realm     string
	remote    netip.AddrPort
	transport string
	id        uint64
	ended     bool
}

func (f *memFlow) Send(b []byte) error {
	switch {
	case f.ended:
		return txn.ErrFlowLost
	case f.p == nil:
		return nil
	}
	if f.refuses() {
		f.w.core.Undelivered(f.Key(), b[:min(len(b), 520)])
		return nil
	}
	m, v := wire.Read(b, wire.CanonOptions{})
	if v.Status != 0 {
		f.w.t.Errorf("the gateway sent what it would not take: %d %s\n%s", v.Status, v.Reason, b)
		return nil
	}
	if f.p.station != nil && f.w.bad != nil {
		b = bytes.Clone(b)
		f.w.bad.carry(f.w, f.p.name+" in", func() { f.p.station.hear(f, m, b) })
		return nil
	}
	var alive int
	f.w.record(func() {
		if !f.p.deaf {
			alive = f.p.alive
		}
	})
	if m.Method == wire.OPTIONS && m.IsRequest() && alive != 0 {
		f.w.core.Receive(f, wire.NewResponse(m, alive, "", "alive").Bytes())
		return nil
	}
	f.w.record(func() {
		if !f.p.deaf {
			f.p.inbox = append(f.p.inbox, m)
			f.p.raw[m] = bytes.Clone(b)
		}
	})
	return nil
}

// refuses reports whether the peer's port is closed.
func (f *memFlow) refuses() (gone bool) {
	f.w.record(func() { gone = f.p.gone })
	return gone
}

func (f *memFlow) Key() txn.FlowKey {
	return txn.FlowKey{Realm: f.realm, ID: f.id, Local: f.SentBy(), Remote: f.remote}
}
func (f *memFlow) Ended() bool   { return f.ended }
func (f *memFlow) Returns() bool { return f.transport == "TCP" }
func (f *memFlow) Return(uint16) (txn.Flow, error) {
	return f.w.flow(f.realm, txn.Hop{Network: "tcp", Addr: f.remote})
}
func (f *memFlow) Reliable() bool         { return f.transport != "UDP" }
func (f *memFlow) Transport() string      { return f.transport }
func (f *memFlow) Realm() string          { return f.realm }
func (f *memFlow) SentBy() netip.AddrPort { return netip.MustParseAddrPort("203.0.113.9:5060") }
func (f *memFlow) Remote() netip.AddrPort { return f.remote }

// memMedia is a media session without packets.
type memMedia struct {
	w       *world
	notify  func(media.Event)
	binds   []string
	remotes [2]netip.AddrPort
	ice     [2][]string // our user fragments, as they came
	pairs   int
	digits  [2]string
	talking int // times that the answer was told
	closed  int
}

func (m *memMedia) Add(leg media.LegID, side media.Side) (offer.Local, error) {
	l := offer.Local{RTP: netip.AddrPortFrom(netip.MustParseAddr("203.0.113.9"), 20000+2*uint16(leg))}
	if side.Realm == media.Inside { // two sessions of one gateway meet there
		m.w.record(func() {
			m.w.inside += 2
			l.RTP = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), 30000+m.w.inside)
		})
	}
	if side.Profile == offer.WebRTC {
		l.Ufrag, l.Pwd = "ufrag"+leg.String(), "pwdpwdpwdpwdpwdpwdpwdpwd"
		l.Fingerprint = "sha-256 " + strings.TrimSuffix(strings.Repeat("AB:", 32), ":")
		return l, nil
	}
	l.RTCP = netip.AddrPortFrom(l.RTP.Addr(), l.RTP.Port()+1)
	if side.SRTP != offer.SRTPNone {
		l.Fingerprint, l.Keys = "sha-256 "+strings.TrimSuffix(strings.Repeat("AB:", 32), ":"), new(offer.Keys)
		for suite := range l.Keys {
			l.Keys[suite] = offer.Key(strings.Repeat(worldKey, offer.Suite(suite).KeySize()))
		}
	}
	var err error
	m.w.record(func() {
		if m.w.ports == 0 {
			err = media.ErrNoPorts
			return
		}
		m.w.ports--
		m.pairs++
	})
	return l, err
}

func (m *memMedia) Bind(leg media.LegID, st *offer.Stream) {
	way := map[[2]bool]string{{true, true}: "sendrecv", {true, false}: "sendonly", {false, true}: "recvonly"}[[2]bool{st.MaySend, st.MayRecv}]
	if way == "" {
		way = "inactive"
	}
	m.w.record(func() {
		m.binds = append(m.binds, fmt.Sprintf("%s:%s:%s", leg, st.Send.Name, way))
		m.remotes[leg] = st.Remote
		if u := st.Local.Ufrag; !slices.Contains(m.ice[leg], u) {
			m.ice[leg] = append(m.ice[leg], u)
		}
	})
}

func (m *memMedia) SendDTMF(leg media.LegID, d byte, length time.Duration) {
	m.w.record(func() { m.digits[leg] += string(d) })
	m.notify(media.Event{Kind: media.EventDTMF, Leg: 1 - leg, Digit: d, Duration: length})
}

func (m *memMedia) Talking() { m.w.record(func() { m.talking++ }) }

func (m *memMedia) Stats(fn func([2]media.LegStats)) {
	fn([2]media.LegStats{{PacketsIn: 1}, {PacketsIn: 2}})
}

func (m *memMedia) Close() {
	m.w.record(func() {
		m.closed++
		m.w.ports += m.pairs
		m.pairs = 0
	})
	m.notify(media.Event{Kind: media.EventClosed, Stats: [2]media.LegStats{{PacketsIn: 1}, {PacketsIn: 2}}})
}

// memLine is a page's JSON line.
type memLine struct {
	w     *world
	id    uint64
	user  string
	inbox []Signal
	heard []Signal
}

func (l *memLine) Send(s Signal) { l.w.record(func() { l.inbox = append(l.inbox, s) }) }
func (l *memLine) ID() uint64    { return l.id }
func (l *memLine) User() string  { return l.user }
func (l *memLine) Realm() string { return "access" }

func (l *memLine) Remote() netip.Addr { return netip.MustParseAddr("203.0.113.7") }
