package transport

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"

	"drawbridge/sip/transport/transporttest"
	"drawbridge/sip/txn"
)

// informed is a sink that takes what comes back, too.
type informed struct {
	*sink
	back chan returnedTo
}

type returnedTo struct {
	key   txn.FlowKey
	quote string
}

func newInformed() *informed { return &informed{newSink(), make(chan returnedTo, 1024)} }

func (s *informed) Undelivered(k txn.FlowKey, quote []byte) { s.back <- returnedTo{k, string(quote)} }

// closedPort is one on which nobody listens. It is of the host's own: nobody else is given it meanwhile, or hardly ever.
func closedPort(t *testing.T, at string) netip.AddrPort {
	t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(ap(at)))
	if err != nil {
		t.Skip(err)
	}
	defer c.Close()
	return addrPort(c.LocalAddr())
}

// TestReturned: a datagram to a port that nobody listens on comes back, by the way it went, with its beginning.
func TestReturned(t *testing.T) {
	for _, host := range []string{"127.0.0.1:0", "[::1]:0"} {
		t.Run(host, func(t *testing.T) {
			nobody := closedPort(t, host)
			s := newInformed()
			tr := start(t, Config{Receiver: s, Listeners: []Listener{{Realm: "a", Network: "udp", Addr: ap(host)}}})
			f, err := tr.To("a", txn.Hop{Network: "udp", Addr: nobody})
			if err != nil {
				t.Fatal(err)
			}
			for _, sent := range []string{"short", strings.Repeat("long", 1000)} {
				if err := f.Send([]byte(sent)); err != nil {
					t.Fatal(err)
				}
				back := wait(t, s.back)
				if back.key != f.Key() {
					t.Errorf("came back by %v, went by %v", back.key, f.Key())
				}
				if !strings.HasPrefix(sent, back.quote) || len(back.quote) < min(len(sent), 400) {
					t.Errorf("%d bytes sent, %q quoted", len(sent), back.quote)
				}
			}
			if n := tr.Stats().ReadErrors; n != 0 {
				t.Errorf("%d errors counted", n)
			}
		})
	}
}

// TestReturnedHarmsNobodyElse: what goes to others and what comes from them arrives, however much comes back.
func TestReturnedHarmsNobodyElse(t *testing.T) {
	s := newInformed()
	tr := start(t, Config{Receiver: s, Listeners: []Listener{{Realm: "a", Network: "udp", Addr: ap("127.0.0.1:0")}}})
	nobody, peer := closedPort(t, "127.0.0.1:0"), dialUDP(t)
	dead, err := tr.To("a", txn.Hop{Network: "udp", Addr: nobody})
	if err != nil {
		t.Fatal(err)
	}
	live, err := tr.To("a", txn.Hop{Network: "udp", Addr: addrPort(peer.LocalAddr())})
	if err != nil {
		t.Fatal(err)
	}
	const rounds = 200
	for i := range rounds {
		if err := dead.Send([]byte("anybody?")); err != nil {
			t.Fatal(err)
		}
		if err := live.Send(fmt.Append(nil, "out ", i)); err != nil {
			t.Fatal(err)
		}
		if text, _ := readUDP(t, peer); text != fmt.Sprint("out ", i) {
			t.Fatalf("%q has come, want %d", text, i)
		}
		write(t, peer, live.Key().Local, fmt.Sprint("in ", i))
		if m := wait(t, s.got); m.text != fmt.Sprint("in ", i) {
			t.Fatalf("%q has come, want %d", m.text, i)
		}
		write(t, peer, live.Key().Local, "\r\n\r\n")
		if text, _ := readUDP(t, peer); text != pong {
			t.Fatalf("%q is the answer", text)
		}
	}
	for range rounds {
		wait(t, s.back)
	}
	if n := tr.Stats().ReadErrors; n != 0 {
		t.Errorf("%d errors counted", n)
	}
}

// TestReturnedToNobody: a receiver that does not ask for it, and a socket that cannot tell, are served as ever.
func TestReturnedToNobody(t *testing.T) {
	nobody := closedPort(t, "127.0.0.1:0")
	s := newSink()
	tr := start(t, Config{Receiver: s, Listeners: []Listener{{Realm: "a", Network: "udp", Addr: ap("127.0.0.1:0")}}})
	f, err := tr.UDP("a", nobody)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := f.Send([]byte("anybody?")); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		var net transporttest.Net
		tr, err := New(Config{
			Receiver: newInformed(), Listeners: []Listener{{Realm: "a", Network: "udp", Addr: ap("192.0.2.1:5060")}},
			listen: func(_ string, at netip.AddrPort) (packetConn, error) { return net.ListenPacket(at), nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		tr.Close()
	})
}
