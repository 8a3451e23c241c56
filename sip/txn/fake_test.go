package txn

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"drawbridge/sip/wire"
)

// fakeFlow records what is sent on it.
type fakeFlow struct {
	key      FlowKey
	reliable bool
	sent     []*wire.Message
	err      error
}

func newFakeFlow(remote string, reliable bool) *fakeFlow {
	k := FlowKey{Realm: "r", Local: netip.MustParseAddrPort("192.0.2.1:5060"), Remote: netip.MustParseAddrPort(remote)}
	if reliable {
		k.ID = 7
	}
	return &fakeFlow{key: k, reliable: reliable}
}

func (f *fakeFlow) Send(b []byte) error {
	if f.err != nil {
		return f.err
	}
	m, verdict := wire.Read(b, wire.CanonOptions{})
	if verdict.Status != 0 {
		panic(fmt.Sprintf("sent %q: %+v", b, verdict))
	}
	f.sent = append(f.sent, m)
	return nil
}

// take returns the start lines of what was sent since.
func (f *fakeFlow) take() []string {
	out := []string{}
	for _, m := range f.sent {
		out = append(out, word(m))
	}
	f.sent = nil
	return out
}

func word(m *wire.Message) string {
	if m.IsRequest() {
		return string(m.Method)
	}
	return fmt.Sprint(m.Status)
}

func (f *fakeFlow) Key() FlowKey           { return f.key }
func (f *fakeFlow) Reliable() bool         { return f.reliable }
func (f *fakeFlow) Realm() string          { return f.key.Realm }
func (f *fakeFlow) SentBy() netip.AddrPort { return f.key.Local }
func (f *fakeFlow) Remote() netip.AddrPort { return f.key.Remote }
func (f *fakeFlow) Transport() string {
	if f.reliable {
		return "WS"
	}
	return "UDP"
}

// fakeUser notes what it hears, as both kinds of user.
type fakeUser struct{ heard []string }

func (u *fakeUser) note(s string) { u.heard = append(u.heard, s) }

func (u *fakeUser) take() []string {
	out := append([]string{}, u.heard...)
	u.heard = nil
	return out
}

func (u *fakeUser) Request(_ *Shard, tx *Server, _ Flow, m *wire.Message) {
	if tx == nil {
		u.note("stray " + word(m))
		return
	}
	u.note(word(m))
}
func (u *fakeUser) Cancel(*Shard, *Server, *wire.Message)         { u.note("cancel") }
func (u *fakeUser) Unacked(*Shard, *Server)                       { u.note("unacked") }
func (u *fakeUser) FlowLost(*Shard, FlowKey)                      { u.note("flow lost") }
func (u *fakeUser) Response(_ *Shard, _ *Client, m *wire.Message) { u.note(word(m)) }
func (u *fakeUser) Failed(_ *Shard, _ *Client, err error)         { u.note(err.Error()) }

// request builds a request as a peer would send it.
func request(method wire.Method, branch, toTag string) *wire.Message {
	to := wire.URI{Scheme: "sip", User: "bob", Host: "b.example"}
	m := wire.NewRequest(method, to)
	m.Via = []wire.Via{{Transport: "UDP", Host: "198.51.100.1", Port: 5060, Params: wire.Params{{Name: "branch", Value: branch}}}}
	m.From = wire.Addr{URI: wire.URI{Scheme: "sip", User: "alice", Host: "a.example"}, Params: wire.Params{{Name: "tag", Value: "from1"}}}
	m.To = wire.Addr{URI: to}
	if toTag != "" {
		m.To.Params = wire.Params{{Name: "tag", Value: toTag}}
	}
	m.CallID = "call1@a.example"
	m.CSeq = wire.CSeq{Seq: 1, Method: method}
	return m
}

// bench is one shard without a goroutine: a test hands it events and fires timers itself.
type bench struct {
	core *Core
	sh   *Shard
	user *fakeUser
}

func newBench(t testing.TB) *bench {
	u := new(fakeUser)
	c, err := New(Config{Shards: 1, User: u, Key: [32]byte{1}})
	if err != nil {
		t.Fatal(err)
	}
	return &bench{core: c, sh: c.shards[0], user: u}
}

// receive goes the whole way in: bytes, reader, mailbox, shard.
func (b *bench) receive(f Flow, m *wire.Message) {
	b.core.Receive(f, m.Bytes())
	b.drain()
}

// drain handles what is queued.
func (b *bench) drain() {
	for _, it := range b.sh.box.take(nil) {
		b.sh.handle(&it)
		b.sh.box.handled(&it)
	}
}

// elapse moves the clock on and runs what is due.
func (b *bench) elapse(d time.Duration) {
	b.sh.clock.start = b.sh.clock.start.Add(-d)
	b.sh.fire()
}

// over reports whether nothing is kept of a transaction that has been buried.
func (b *bench) over(k key) bool {
	_, r := b.sh.relics.find(k)
	return r == nil
}

func (b *bench) server() *Server {
	for _, tx := range b.sh.servers {
		return tx
	}
	return nil
}

// left fails the test when anything outlives the last transaction.
func (b *bench) left(t *testing.T) {
	t.Helper()
	sh := b.sh
	if n := len(sh.servers) + len(sh.clients) + sh.relics.places.n + len(sh.relics.places.lines) + len(sh.relics.days) + sh.relics.servers + sh.relics.clients + len(sh.merged) + len(sh.flows) + len(sh.box.live) + len(sh.clock.heap); n != 0 {
		t.Errorf("left behind: %d servers, %d clients, %d entries of relics, %d merge entries, %d flows, %d live INVITEs, %d timers",
			len(sh.servers), len(sh.clients), sh.relics.places.n, len(sh.merged), len(sh.flows), len(sh.box.live), len(sh.clock.heap))
	}
}
