package transport

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
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
		t.Skip("no such address here: ", err)
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

// TestReturnedIsNotWhatNeverLeft: a datagram that this host will not send fails at once, for its own reason.
func TestReturnedIsNotWhatNeverLeft(t *testing.T) {
	tr := start(t, Config{Receiver: newInformed(), Listeners: []Listener{{Realm: "a", Network: "udp", Addr: ap("127.0.0.1:0")}}})
	f, err := tr.UDP("a", closedPort(t, "127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := f.Send(make([]byte, 1<<16)); !errors.Is(err, syscall.EMSGSIZE) {
			t.Errorf("%v", err)
		}
	}
}

// forged is an ICMP message that says: the host to which socket has sent cannot be reached. Anybody can send it.
func forged(socket netip.AddrPort) []byte {
	inner := make([]byte, 28)
	inner[0], inner[3], inner[8], inner[9] = 0x45, 28, 64, 17
	from := socket.Addr().As4()
	copy(inner[12:], from[:])
	copy(inner[16:], []byte{127, 0, 0, 9})
	binary.BigEndian.PutUint16(inner[20:], socket.Port())
	binary.BigEndian.PutUint16(inner[22:], 5060)
	binary.BigEndian.PutUint16(inner[24:], 8)
	b := append([]byte{3, 1, 0, 0, 0, 0, 0, 0}, inner...)
	var sum uint32
	for i := 0; i < len(b); i += 2 {
		sum += uint32(b[i])<<8 | uint32(b[i+1])
	}
	sum = sum&0xffff + sum>>16
	binary.BigEndian.PutUint16(b[2:], ^uint16(sum+sum>>16))
	return b
}

// TestAFloodOfReturnsFailsNobody: who sends news of hosts that cannot be reached, one upon the other, makes no request fail.
func TestAFloodOfReturnsFailsNobody(t *testing.T) {
	stranger, err := net.DialIP("ip4:icmp", nil, &net.IPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Skip(err) // it takes root
	}
	defer stranger.Close()
	s := newInformed()
	tr := start(t, Config{Receiver: s, Listeners: []Listener{{Realm: "a", Network: "udp", Addr: ap("127.0.0.1:0")}}})
	peer := dialUDP(t)
	live, err := tr.To("a", txn.Hop{Network: "udp", Addr: addrPort(peer.LocalAddr())})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	var over atomic.Bool
	defer over.Store(true)
	news := forged(live.Key().Local)
	wg.Go(func() {
		for !over.Load() {
			_, _ = stranger.Write(news)
		}
	})
	for i := range 100_000 {
		if err := live.Send([]byte("out")); err != nil {
			t.Fatalf("%d: %v", i, err)
		}
	}
}
