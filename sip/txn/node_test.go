package txn_test

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/sip/transport/transporttest"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
)

var (
	gateway = netip.MustParseAddrPort("192.0.2.1:5060")
	phone   = netip.MustParseAddrPort("198.51.100.1:5060")
)

// node is a Core with a socket on a memory network, inside a synctest bubble, and a scripted peer at phone.
type node struct {
	t     *testing.T
	core  *txn.Core
	net   *transporttest.Net
	sock  *transporttest.Socket
	user  *scriptUser
	peer  *transporttest.Recorder
	phone txn.Flow // the peer's way to the gateway
	began time.Time
	stop  func()
}

func newNode(t *testing.T, cfg txn.Config) *node {
	n := &node{t: t, net: new(transporttest.Net), user: new(scriptUser), peer: new(transporttest.Recorder), began: time.Now()}
	if cfg.User == nil {
		cfg.User = n.user
	}
	var err error
	if n.core, err = txn.New(cfg); err != nil {
		t.Fatal(err)
	}
	n.sock = n.net.Listen("trunk", gateway, n.core)
	n.phone = n.net.Listen("phone", phone, n.peer).Flow(gateway)
	n.stop = run(t, n.core)
	return n
}

// run starts a core; the function it returns ends it and waits.
func run(t *testing.T, core *txn.Core) func() {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- core.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v", err)
		}
	}
}

func (n *node) send(m *wire.Message) { _ = n.phone.Send(m.Bytes()) }

// heard returns what the peer got since: start words, and the times in units of a virtual clock from the node's start.
func (n *node) heard() (words []string, at []time.Duration) {
	synctest.Wait()
	for _, r := range n.peer.Take() {
		words = append(words, word(n.t, r.Bytes))
		at = append(at, r.At.Sub(n.began))
	}
	return words, at
}

func (n *node) messages() []*wire.Message {
	synctest.Wait()
	var out []*wire.Message
	for _, r := range n.peer.Take() {
		out = append(out, read(n.t, r.Bytes))
	}
	return out
}

// on runs fn on shard 0 and waits for it.
func (n *node) on(fn func(sh *txn.Shard)) {
	n.t.Helper()
	if err := n.core.Post(0, fn); err != nil {
		n.t.Fatal(err)
	}
	synctest.Wait()
}

// empty fails the test when a transaction, timer or event is left.
func (n *node) empty() {
	n.t.Helper()
	n.on(func(*txn.Shard) {}) // gauges are taken behind events
	synctest.Wait()
	if s := n.core.Stats(); s.Servers+s.Clients+s.Timers+s.Mailbox != 0 {
		n.t.Errorf("left behind: %+v", s)
	}
}

func read(t testing.TB, b []byte) *wire.Message {
	m, verdict := wire.Read(b, wire.CanonOptions{})
	if m == nil || verdict.Status != 0 {
		t.Fatalf("%q: %+v", b, verdict)
	}
	return m
}

func word(t testing.TB, b []byte) string {
	m := read(t, b)
	if m.IsRequest() {
		return string(m.Method)
	}
	return string([]byte{byte('0' + m.Status/100), byte('0' + m.Status/10%10), byte('0' + m.Status%10)})
}

// scriptUser does what a test says; what it does not say is answered with nothing.
type scriptUser struct {
	request  func(sh *txn.Shard, tx *txn.Server, f txn.Flow, m *wire.Message)
	cancel   func(sh *txn.Shard, tx *txn.Server, m *wire.Message)
	response func(sh *txn.Shard, tx *txn.Client, m *wire.Message)

	mu    sync.Mutex
	heard []string
	at    []time.Time
}

func (u *scriptUser) note(s string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.heard = append(u.heard, s)
	u.at = append(u.at, time.Now())
}

// take returns what was heard since.
func (u *scriptUser) take() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	out := append([]string{}, u.heard...)
	u.heard, u.at = nil, nil
	return out
}

func (u *scriptUser) lastAt() time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.at) == 0 {
		return time.Time{}
	}
	return u.at[len(u.at)-1]
}

func (u *scriptUser) Request(sh *txn.Shard, tx *txn.Server, f txn.Flow, m *wire.Message) {
	u.note(string(m.Method))
	if u.request != nil {
		u.request(sh, tx, f, m)
	}
}

func (u *scriptUser) Cancel(sh *txn.Shard, tx *txn.Server, m *wire.Message) {
	u.note("cancel")
	if u.cancel != nil {
		u.cancel(sh, tx, m)
	}
}

func (u *scriptUser) Unacked(*txn.Shard, *txn.Server)  { u.note("unacked") }
func (u *scriptUser) FlowLost(*txn.Shard, txn.FlowKey) { u.note("flow lost") }
func (u *scriptUser) Failed(_ *txn.Shard, _ *txn.Client, err error) {
	u.note(err.Error())
}

func (u *scriptUser) Response(sh *txn.Shard, tx *txn.Client, m *wire.Message) {
	u.note(string([]byte{byte('0' + m.Status/100), byte('0' + m.Status/10%10), byte('0' + m.Status%10)}))
	if u.response != nil {
		u.response(sh, tx, m)
	}
}

// answer makes a request handler that responds with one status.
func answer(status int) func(*txn.Shard, *txn.Server, txn.Flow, *wire.Message) {
	return func(_ *txn.Shard, tx *txn.Server, _ txn.Flow, m *wire.Message) {
		if tx != nil {
			_ = tx.Respond(wire.NewResponse(m, status, "", tx.Tag()))
		}
	}
}

// peerRequest is a request as the phone sends it.
func peerRequest(method wire.Method, call, branch, toTag string) *wire.Message {
	to := wire.URI{Scheme: "sip", User: "bob", Host: "b.example"}
	m := wire.NewRequest(method, to)
	m.Via = []wire.Via{{Transport: "UDP", Host: "198.51.100.1", Port: 5060, Params: wire.Params{{Name: "branch", Value: "z9hG4bK" + branch}}}}
	m.From = wire.Addr{URI: wire.URI{Scheme: "sip", User: "alice", Host: "a.example"}, Params: wire.Params{{Name: "tag", Value: "from"}}}
	m.To = wire.Addr{URI: to}
	if toTag != "" {
		m.To.Params = wire.Params{{Name: "tag", Value: toTag}}
	}
	m.CallID = call
	m.CSeq = wire.CSeq{Seq: 1, Method: method}
	return m
}
