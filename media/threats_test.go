package media_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"drawbridge/media"
	"drawbridge/media/mediatest"
	"drawbridge/media/offer"
	"drawbridge/tests/light"

	"github.com/pion/rtp"
)

// Attacks on the media plane, by the rows of the threat model: T12 to T19.

// nullHello is a ClientHello that offers no cipher but the null one: what the DTLS races of other products died of (T17).
func nullHello() []byte {
	body := append([]byte{0xfe, 0xfd}, make([]byte, 32)...) // version, random
	body = append(body, 0, 0, 0, 2, 0, 0, 1, 0)             // no session, no cookie, TLS_NULL_WITH_NULL_NULL, no compression
	n := byte(len(body))                                    // 42
	handshake := append([]byte{1, 0, 0, n, 0, 0, 0, 0, 0, 0, 0, n}, body...)
	record := []byte{22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, byte(len(handshake))}
	return append(record, handshake...)
}

// lineUp connects a light browser through the gateway as leg A of a call, by offer and answer.
func lineUp(ctx context.Context, t testing.TB, gw *gateway) (*light.Client, error) {
	c := gw.open(t)
	client, st, answer, err := introduce(t, c)
	if err != nil {
		return nil, err
	}
	c.Bind(media.A, *st)
	return client, client.Connect(ctx, answer)
}

// introduce makes a light browser and its leg A, which is not bound yet to what the browser's SDP says.
func introduce(t testing.TB, c *call) (client *light.Client, st *offer.Stream, answer string, err error) {
	if client, err = light.New(loopback); err != nil {
		return nil, nil, "", err
	}
	t.Cleanup(client.Close)
	local, err := c.Add(media.A, media.Side{Realm: "access", Profile: offer.WebRTC})
	if err != nil {
		return nil, nil, "", err
	}
	m := offer.New(offer.Config{Profile: offer.WebRTC, Codecs: []offer.Codec{pcma}, SessionID: 1, AllowLoopback: true})
	m.SetLocal(local)
	text, st, err := m.Offered([]byte(client.Offer("PCMA")), offer.SendRecv)
	return client, st, string(text), err
}

// TestHelloRace sets 200 calls up while ClientHellos with a null cipher come at 2 000 a second, to the browsers' port and to every port of
// trunks, from strangers and from sources that never stay the same: all calls connect, and no stranger is answered (T17).
func TestHelloRace(t *testing.T) {
	t.Parallel()
	gw := newGateway(t, 2)
	k := newTalk(t, gw)
	targets := []netip.AddrPort{gw.Addrs("access")[0], k.toA, k.toB}
	stop := make(chan struct{})
	var attack, setups sync.WaitGroup
	var answered int64
	attack.Go(func() { answered = flood(t, targets, nullHello(), 2000, stop) })

	waitDrop(t, gw, "dtls-unvalidated", 100)

	const calls, atOnce = 200, 8
	ctx, cancel := context.WithTimeout(t.Context(), 3*limit)
	defer cancel()
	var left atomic.Int64
	left.Store(calls)
	for range atOnce {
		setups.Go(func() {
			for left.Add(-1) >= 0 {
				if _, err := lineUp(ctx, t, gw); err != nil {
					t.Errorf("a call did not connect: %v", err)
					return
				}
			}
		})
	}
	setups.Wait()
	close(stop)
	attack.Wait()
	if answered != 0 {
		t.Errorf("%d ClientHellos were answered", answered)
	}
	if n := gw.Stats().Drops["dtls-handshake"] + gw.Stats().Drops["dtls-busy"]; n != 0 {
		t.Errorf("%d handshakes were disturbed", n)
	}
	k.exchange(t)
}

// flood sends b to the targets in turn at a rate, from 50 sockets, each of which is replaced now and then. It tells how often it was answered.
func flood(t testing.TB, targets []netip.AddrPort, b []byte, perSecond int, stop <-chan struct{}) int64 {
	const burst = 10
	tick := time.NewTicker(burst * time.Second / time.Duration(perSecond))
	defer tick.Stop()
	var answers atomic.Int64
	var readers sync.WaitGroup
	var socks [50]*net.UDPConn
	defer func() {
		for _, s := range socks {
			if s != nil {
				_ = s.Close()
			}
		}
		readers.Wait()
	}()
	for n := 0; ; {
		select {
		case <-stop:
			for _, s := range socks {
				if s != nil {
					_ = s.SetReadDeadline(time.Now().Add(quiet)) // for answers under way
				}
			}
			readers.Wait()
			return answers.Load()
		case <-tick.C:
		}
		for range burst {
			i := n % len(socks)
			if socks[i] == nil || n%7 == 0 {
				if socks[i] != nil {
					_ = socks[i].Close()
				}
				var err error
				if socks[i], err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}); err != nil {
					t.Errorf("attacker: %v", err)
					return 0
				}
				s := socks[i]
				readers.Go(func() { overhear(s, targets, &answers) })
			}
			_, _ = socks[i].WriteToUDPAddrPort(b, targets[n%len(targets)]) // a full buffer is the attacker's problem
			n++
		}
	}
}

// overhear counts what comes to a socket from one of the addresses, until it is closed or its time is over. Its port may have been another test's.
func overhear(at *net.UDPConn, from []netip.AddrPort, n *atomic.Int64) {
	for b := make([]byte, 1500); ; {
		_, src, err := at.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		if slices.Contains(from, src) {
			n.Add(1)
		}
	}
}

// TestPortSpray sends streams that look right to every port of a realm while ten calls are up, in the rhythm of speech: nothing comes back,
// nothing gets in, every call goes on (T12, T13).
func TestPortSpray(t *testing.T) {
	t.Parallel()
	low := freeRange(t, 40)
	gw := startGateway(t, 2, media.Realm{Bind: loopback, AllowLoopback: true, PortMin: low, PortMax: low + 39})
	var calls [10]*talk
	for i := range calls {
		calls[i] = newTalk(t, gw)
		calls[i].exchange(t)
	}
	evil, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 3)}) // another host: its own could not be told from the phones'
	if err != nil {
		t.Fatal(err)
	}
	defer evil.Close()
	h := rtp.Header{Version: 2, SSRC: 0x1000, SequenceNumber: 200, Timestamp: 16000}
	for range 20 {
		b := mediatest.Marshal(t, h, []byte("evil"))
		for port := low; port < low+40; port++ {
			_, _ = evil.WriteToUDPAddrPort(b, netip.AddrPortFrom(loopback, port)) // some ports are not open
		}
		h.SequenceNumber++
		h.Timestamp += 160
		for _, k := range calls {
			k.exchange(t) // both phones speak and hear each other, and nothing else
		}
	}
	gw.waitRefused(t, "rtp-source", 20*20)
	if err := evil.SetReadDeadline(time.Now().Add(quiet)); err != nil {
		t.Fatal(err)
	}
	for b := make([]byte, 1500); ; {
		n, _, err := evil.ReadFrom(b)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err == nil {
			t.Fatalf("%d bytes came to the attacker", n)
		}
	}
}

// freeRange finds ports that nobody has, below the system's own.
func freeRange(t *testing.T, n int) uint16 {
	t.Helper()
	for range 50 {
		low := 12000 + 2*uint16(rand.IntN(4000))
		if vacant(low, n) {
			return low
		}
	}
	t.Fatal("no free range of ports")
	return 0
}

func vacant(low uint16, n int) bool {
	for port := low; port < low+uint16(n); port++ {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(port)})
		if err != nil {
			return false
		}
		_ = c.Close()
	}
	return true
}

// TestForgedSource injects with everything right but source identifier and sequence number, which only a listener on the path knows: more
// than 95 % is dropped, and the call goes on (T13; what is left is what plain RTP cannot close).
func TestForgedSource(t *testing.T) {
	t.Parallel()
	gw := newGateway(t, 1)
	k := newTalk(t, gw)
	k.exchange(t)
	const forged = 1000
	random := rand.New(rand.NewPCG(1, 2))
	for n := range uint64(forged) {
		h := rtp.Header{Version: 2, SSRC: random.Uint32(), SequenceNumber: uint16(random.Uint32()), Timestamp: random.Uint32()}
		k.a.Write(t, k.toA, mediatest.Marshal(t, h, []byte("forged")))
		if n%50 == 49 { // no faster than the gateway reads: what the kernel loses it cannot count
			until(t, func() bool { return seen(gw) > n })
		}
	}
	gw.waitRefused(t, "rtp-ssrc", forged*95/100)
	if p, ok := k.b.Poll(t, quiet); ok {
		t.Errorf("b got %q", p.Payload)
	}
	k.exchange(t)
}

// TestGoodbyeEndsNothing: a BYE of RTCP, from the peer or anybody else, is no end of a call.
func TestGoodbyeEndsNothing(t *testing.T) {
	t.Parallel()
	gw := newGateway(t, 1)
	k := newTalk(t, gw)
	k.exchange(t)
	evil, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 3)})
	if err != nil {
		t.Fatal(err)
	}
	defer evil.Close()
	bye := []byte{0x81, 203, 0, 1, 0, 0, 0x10, 0} // of the phone's source
	rr := []byte{0x80, 201, 0, 1, 0, 0, 0x10, 0}
	rtcp := netip.AddrPortFrom(k.toA.Addr(), k.toA.Port()+1)
	for _, b := range [][]byte{bye, append(rr, bye...), append(bye, rr...)} {
		for _, at := range []netip.AddrPort{k.toA, rtcp} {
			if _, err := evil.WriteToUDPAddrPort(b, at); err != nil {
				t.Fatal(err)
			}
			k.a.WriteRTCP(t, at, b)
			k.a.Write(t, at, b)
		}
		k.exchange(t)
	}
	gw.waitRefused(t, "rtp-source", 3)
}

// TestReplayedCheckDrawsNothing: who has seen one check of a browser on the wire sends it again from elsewhere, and gets no packet (T12).
func TestReplayedCheckDrawsNothing(t *testing.T) {
	t.Parallel()
	gw := newGateway(t, 1)
	c := gw.open(t)
	br, ph := newBrowser(t), mediatest.NewPhone(t)
	c.trunkWith(media.B, ph, opus, tev48k)
	br.join(c, media.A, nil)
	c.wait(media.EventDTLS)
	br.connected()
	hears(t, br, ph)
	until(t, func() bool { return br.wire.nomination() != nil })
	evil, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 3)})
	if err != nil {
		t.Fatal(err)
	}
	defer evil.Close()
	_, to := br.wire.last()
	const replays = 20
	for range replays {
		if _, err := evil.WriteTo(br.wire.nomination(), to); err != nil {
			t.Fatal(err)
		}
		ph.Send(t, c.trunkB, opus.PT, false, []byte("secret"), 960)
		if p := br.next(); string(p.Payload) != "secret" {
			t.Fatalf("the browser hears %q", p.Payload)
		}
	}
	gw.waitRefused(t, "stun-replay", replays)
	if err := evil.SetReadDeadline(time.Now().Add(quiet)); err != nil {
		t.Fatal(err)
	}
	if n, _, err := evil.ReadFrom(make([]byte, 1500)); err == nil {
		t.Errorf("%d bytes came to the stranger", n)
	}
}

// TestWrongCertificateBeforeTheSDP: a handshake may end before the browser's SDP has come, and nobody could say then whose certificate is right.
// When the SDP names another one there are no keys, and the call is told.
func TestWrongCertificateBeforeTheSDP(t *testing.T) {
	t.Parallel()
	gw := newGateway(t, 1)
	c := gw.open(t)
	ph := mediatest.NewPhone(t)
	toB := c.trunk(media.B, ph, pcma)
	client, st, answer, err := introduce(t, c)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Connect(t.Context(), answer); err != nil {
		t.Fatal(err)
	}
	st.Fingerprint = gw.Fingerprint() // whoever that is, it is not the browser
	c.Bind(media.A, *st)
	waitDrop(t, gw, "dtls-fingerprint", 1)
	if ev := c.wait(media.EventFailed); ev.Reason != "fingerprint" || ev.Leg != media.A {
		t.Errorf("event %+v", ev)
	}
	if err := client.Send(&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: light.PTPCMA, SSRC: 7}, Payload: []byte("keys")}); err != nil {
		t.Fatal(err)
	}
	waitDrop(t, gw, "srtp-early", 1)
	ph.Send(t, toB, pcma.PT, false, []byte("keys"), 160)
	waitDrop(t, gw, "rtp-held", 1)
	c.never(media.EventDTLS)
}

// TestReplaysAreDropped sends one packet ten thousand times (T15).
func TestReplaysAreDropped(t *testing.T) {
	t.Parallel()
	gw, _, br, ph := passThrough(t, 1)
	hears(t, br, ph)
	again, to := br.wire.last()
	for n := range uint64(10_000) {
		if _, err := br.wire.UDPConn.WriteTo(again, to); err != nil {
			t.Fatal(err)
		}
		if n%100 == 99 { // no faster than the gateway reads
			until(t, func() bool { return gw.Stats().Drops["srtp-replay"] > n })
		}
	}
	if p, ok := ph.Poll(t, quiet); ok {
		t.Errorf("a replay reached the phone: %q", p.Payload)
	}
	hears(t, br, ph)
}

// seen is how many packets phones have sent, whatever became of them.
func seen(gw *gateway) uint64 {
	st := gw.Stats()
	n := st.Loops[0].PacketsIn
	for _, kind := range []string{"rtp-source", "srtp-replay", "rtp-ssrc"} {
		n += st.Drops[kind]
	}
	return n
}
