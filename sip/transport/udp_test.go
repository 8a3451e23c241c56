package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"drawbridge/sip/transport/transporttest"
	"drawbridge/sip/txn"
	"drawbridge/telemetry"
)

// dialUDP opens a peer's socket.
func dialUDP(t *testing.T) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(ap("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

func write(t *testing.T, c *net.UDPConn, to netip.AddrPort, s string) {
	t.Helper()
	if _, err := c.WriteToUDPAddrPort([]byte(s), to); err != nil {
		t.Fatal(err)
	}
}

func readUDP(t *testing.T, c *net.UDPConn) (string, netip.AddrPort) {
	t.Helper()
	b := make([]byte, 70_000)
	n, from, err := c.ReadFromUDPAddrPort(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n]), from
}

// TestAnswerLeavesFromTheSocketAsked: two sockets, one peer that talks to A, B, A.
func TestAnswerLeavesFromTheSocketAsked(t *testing.T) {
	s := newSink()
	tr := start(t, Config{Receiver: s, Listeners: []Listener{
		{Realm: "a", Network: "udp", Addr: ap("127.0.0.1:0")}, {Realm: "b", Network: "udp", Addr: ap("127.0.0.1:0")},
	}})
	a, b := tr.Addrs("a")[0], tr.Addrs("b")[0]
	peer := dialUDP(t)
	for i, to := range []netip.AddrPort{a, b, a} {
		write(t, peer, to, fmt.Sprint("question ", i))
		m := wait(t, s.got)
		if err := m.flow.Send([]byte("answer to " + m.text)); err != nil {
			t.Fatal(err)
		}
		text, from := readUDP(t, peer)
		if from != to || text != fmt.Sprint("answer to question ", i) {
			t.Errorf("%q from %s, asked %s", text, from, to)
		}
		if want := map[netip.AddrPort]string{a: "a", b: "b"}[to]; m.flow.Realm() != want {
			t.Errorf("realm %q", m.flow.Realm())
		}
	}
}

func TestUDPFlow(t *testing.T) {
	s := newSink()
	tr := start(t, Config{Receiver: s, Listeners: []Listener{
		{Realm: "a", Network: "udp", Addr: ap("127.0.0.1:0"), Advertise: ap("203.0.113.9:0")},
	}})
	local := tr.Addrs("a")[0]
	peer := dialUDP(t)
	remote := addrPort(peer.LocalAddr())
	write(t, peer, local, "x")
	in := wait(t, s.got).flow
	out, err := tr.UDP("a", remote)
	if err != nil {
		t.Fatal(err)
	}
	if in.Key() != out.Key() {
		t.Errorf("one association, two keys: %v, %v", in.Key(), out.Key())
	}
	if in.SentBy() != netip.AddrPortFrom(netip.MustParseAddr("203.0.113.9"), local.Port()) || in.Remote() != remote || in.Reliable() || in.Transport() != "UDP" {
		t.Errorf("flow %v %v %v %v", in.SentBy(), in.Remote(), in.Reliable(), in.Transport())
	}
	if err := out.Send([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if text, from := readUDP(t, peer); text != "hello" || from != local {
		t.Errorf("%q from %s", text, from)
	}
	if got := in.(*udpFlow).Reroute(7).Remote(); got != netip.AddrPortFrom(remote.Addr(), 7) {
		t.Errorf("rerouted to %s", got)
	}
	for realm, to := range map[string]string{"b": "127.0.0.1:1", "a": "[::1]:1"} {
		if _, err := tr.UDP(realm, ap(to)); !errors.Is(err, ErrNoListener) {
			t.Errorf("%s to %s: %v", realm, to, err)
		}
	}
	mapped := netip.AddrPortFrom(netip.AddrFrom16(remote.Addr().As16()), remote.Port())
	if f, err := tr.UDP("a", mapped); err != nil || f.Key() != in.Key() {
		t.Errorf("IPv4-mapped address: %v", err)
	}
}

func TestUDPKeepalive(t *testing.T) {
	s := newSink()
	tr := start(t, Config{Receiver: s, Listeners: []Listener{{Realm: "a", Network: "udp", Addr: ap("127.0.0.1:0")}}})
	peer, to := dialUDP(t), tr.Addrs("a")[0]
	for _, silent := range []string{"", "\r\n", "\x00\x00", "\x00"} {
		write(t, peer, to, silent)
	}
	write(t, peer, to, "\r\n\r\n")
	if text, _ := readUDP(t, peer); text != "\r\n" {
		t.Errorf("answer %q", text)
	}
	write(t, peer, to, "end")
	if m := wait(t, s.got); m.text != "end" {
		t.Errorf("received %q", m.text)
	}
}

// TestUnknownSourcesHearNothing, not even to a keepalive.
func TestUnknownSourcesHearNothing(t *testing.T) {
	s, refused := newSink(), make(chan telemetry.Refused, 16)
	known := false
	calls := make(chan bool, 1)
	calls <- true // guards known
	tr := start(t, Config{
		Receiver: s, Events: events(refused), Listeners: []Listener{{Realm: "a", Network: "udp", Addr: ap("127.0.0.1:0")}},
		Allow: func(realm, _ string, src netip.Addr) bool {
			<-calls
			defer func() { calls <- true }()
			return known && realm == "a" && src == netip.MustParseAddr("127.0.0.1")
		},
	})
	peer, to := dialUDP(t), tr.Addrs("a")[0]
	write(t, peer, to, "\r\n\r\n")
	write(t, peer, to, "OPTIONS")
	for range 2 {
		want := telemetry.Refused{Kind: "unknown-source", Realm: "a", Source: "127.0.0.1", Count: 1}
		if diff := cmp.Diff(want, wait(t, refused)); diff != "" {
			t.Error(diff)
		}
	}
	<-calls
	known = true
	calls <- true
	write(t, peer, to, "\r\n\r\n")
	if text, _ := readUDP(t, peer); text != "\r\n" {
		t.Errorf("the first answer is %q", text)
	}
	if len(s.got) != 0 {
		t.Error("a message of an unknown source was handed on")
	}
}

func TestUDPTooLarge(t *testing.T) {
	s, refused := newSink(), make(chan telemetry.Refused, 16)
	tr := start(t, Config{Receiver: s, Events: events(refused), MaxMessage: 100,
		Listeners: []Listener{{Realm: "a", Network: "udp", Addr: ap("127.0.0.1:0")}}})
	peer := dialUDP(t)
	write(t, peer, tr.Addrs("a")[0], strings.Repeat("x", 101))
	write(t, peer, tr.Addrs("a")[0], strings.Repeat("y", 100))
	if m := wait(t, s.got); m.text != strings.Repeat("y", 100) {
		t.Errorf("received %q", m.text)
	}
	if e := wait(t, refused); e.Kind != "malformed" {
		t.Errorf("%+v", e)
	}
}

// TestReadErrorsDoNotEndTheListener; only the end of the socket does.
func TestReadErrorsDoNotEndTheListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var net transporttest.Net
		var conn *transporttest.Conn
		got := new(transporttest.Recorder)
		tr, err := New(Config{
			Receiver: got, Listeners: []Listener{{Realm: "a", Network: "udp", Addr: ap("192.0.2.1:5060")}},
			listen: func(_ string, at netip.AddrPort) (packetConn, error) {
				conn = net.ListenPacket(at)
				return conn, nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { done <- tr.Run(ctx) }()
		peer := net.Listen("", ap("198.51.100.1:5060"), new(transporttest.Recorder)).Flow(ap("192.0.2.1:5060"))
		for range 5 {
			conn.Fail(errors.New("connection refused"))
		}
		_ = peer.Send([]byte("still here?"))
		time.Sleep(time.Second)
		if rs := got.Take(); len(rs) != 1 || string(rs[0].Bytes) != "still here?" {
			t.Errorf("received %v", rs)
		}
		if s := tr.Stats(); s.ReadErrors != 5 {
			t.Errorf("%+v", s)
		}
		if len(done) != 0 {
			t.Errorf("Run has ended: %v", <-done)
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v", err)
		}
	})
}

func TestListenersRefused(t *testing.T) {
	ok := Listener{Realm: "a", Network: "udp", Addr: ap("127.0.0.1:0")}
	sctp, none, any4 := ok, ok, ok
	sctp.Network = "sctp"
	none.Addr = netip.AddrPort{}
	any4.Addr = ap("0.0.0.0:0")
	for name, cfg := range map[string]Config{
		"no receiver": {Listeners: []Listener{ok}}, "sctp": {Receiver: newSink(), Listeners: []Listener{sctp}},
		"no address": {Receiver: newSink(), Listeners: []Listener{none}}, "nothing to advertise": {Receiver: newSink(), Listeners: []Listener{any4}},
	} {
		if _, err := New(cfg); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	any4.Advertise = ap("203.0.113.9:5060")
	tr, err := New(Config{Receiver: newSink(), Listeners: []Listener{any4}})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	taken := ok
	taken.Addr = tr.Addrs("a")[0]
	if _, err := New(Config{Receiver: newSink(), Listeners: []Listener{ok, taken}}); err == nil {
		t.Error("one port twice")
	}
}

// TestUDPStun: a Binding request is answered with where it came from, and to sources that are heard only.
func TestUDPStun(t *testing.T) {
	s := newSink()
	tr := start(t, Config{Receiver: s, Listeners: []Listener{{Realm: "a", Network: "udp", Addr: ap("127.0.0.1:0")}}})
	peer := dialUDP(t)
	req := "\x00\x01\x00\x00\x21\x12\xa4\x42abcdefghijkl"
	write(t, peer, tr.Addrs("a")[0], req)
	if text, _ := readUDP(t, peer); text != string(stunAnswer([]byte(req), addrPort(peer.LocalAddr()))) || len(s.got) != 0 {
		t.Errorf("answer %q", text)
	}
}

// TestDualStack: a realm with sockets of both families speaks to each peer by its own, over UDP and over TCP, and answers from there.
func TestDualStack(t *testing.T) {
	if c, err := net.ListenUDP("udp6", net.UDPAddrFromAddrPort(ap("[::1]:0"))); err != nil {
		t.Skip("no IPv6 here")
	} else {
		_ = c.Close()
	}
	s := newSink()
	var all []Listener
	for _, network := range []string{"udp", "tcp"} {
		for _, at := range []string{"127.0.0.1:0", "[::1]:0"} {
			all = append(all, Listener{Realm: "a", Network: network, Addr: ap(at)})
		}
	}
	tr := start(t, Config{Receiver: s, Listeners: all})
	for i, network := range []string{"127.0.0.1", "::1"} {
		local := net.JoinHostPort(network, "0")
		udp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(ap(local)))
		if err != nil {
			t.Fatal(err)
		}
		defer udp.Close()
		f, err := tr.To("a", txn.Hop{Network: "udp", Addr: addrPort(udp.LocalAddr())})
		if err != nil || f.SentBy() != tr.Addrs("a")[i] {
			t.Fatalf("udp to %s: %v from %v", network, err, f.SentBy())
		}
		tcp, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(ap(local)))
		if err != nil {
			t.Fatal(err)
		}
		defer tcp.Close()
		f, err = tr.To("a", txn.Hop{Network: "tcp", Addr: addrPort(tcp.Addr())})
		if err != nil || f.SentBy() != tr.StreamAddrs("a", "tcp")[i] {
			t.Fatalf("tcp to %s: %v from %v", network, err, f.SentBy())
		}
		_ = f.Send([]byte("hello"))
		c, err := tcp.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if got := addrPort(c.RemoteAddr()).Addr(); got != f.SentBy().Addr() {
			t.Errorf("connected from %s", got)
		}
		_ = c.Close()
		wait(t, s.lost)
		in, err := net.Dial("tcp", tr.StreamAddrs("a", "tcp")[i].String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = in.Write([]byte(sipMessage("", "l: 0")))
		if m := wait(t, s.got); m.flow.SentBy() != tr.StreamAddrs("a", "tcp")[i] || m.flow.Remote() != addrPort(in.LocalAddr()) {
			t.Errorf("from %v at %v", m.flow.Remote(), m.flow.SentBy())
		}
		_ = in.Close()
		wait(t, s.lost)
	}
}

// TestAFlowServesForAllMessagesOfAPeer: one that sends many has one flow, and peers that share a place have their own.
func TestAFlowServesForAllMessagesOfAPeer(t *testing.T) {
	s := &udpSocket{realm: "a"}
	one, same := netip.MustParseAddrPort("192.0.2.1:5060"), netip.MustParseAddrPort("192.0.2.17:5060")
	first := s.flow(one)
	if s.flow(one) != first {
		t.Error("a second flow is made for the same peer")
	}
	if other := s.flow(same); other.remote != same || first.remote != one {
		t.Errorf("%v and %v go to %v and %v", one, same, first.remote, other.remote)
	}
	if n := testing.AllocsPerRun(100, func() { s.flow(same) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
