package media

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net/netip"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"drawbridge/media/offer"
)

// hello is a ClientHello of which nobody has heard before.
func hello() []byte {
	b := make([]byte, 80)
	copy(b, []byte{recordHandshake, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 67, clientHello})
	return b
}

// TestForgedHellosAreCheap: a ClientHello from a source without a verified check costs less than 10 µs of CPU, so 10 000 a second take less
// than a tenth of a core, and leaves nothing behind, whatever source it claims (T18).
func TestForgedHellosAreCheap(t *testing.T) {
	if underRace {
		t.Skip("the race detector costs more than the attack")
	}
	b := newBench(t, profiles["GCM"], opusCodec, opusCodec)
	d, raw, n := b.l.doors[0], hello(), uint32(0)
	attack := func() {
		n++
		b.l.admit(d, raw, netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, byte(n >> 16), byte(n >> 8), byte(n)}), uint16(n)))
	}
	if allocs := testing.AllocsPerRun(1000, attack); allocs != 0 {
		t.Errorf("%v allocations each", allocs)
	}
	const hellos = 100_000
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := threadTime(t)
	for range hellos {
		attack()
	}
	if each := (threadTime(t) - before) / hellos; each > 10*time.Microsecond {
		t.Errorf("%s of CPU each", each)
	}
	if len(d.known)+len(d.ended) != 0 || d.out.n != 0 || b.l.engine.shaking.Load() != 0 {
		t.Errorf("%d sources known, %d remembered, %d datagrams sent, %d handshakes", len(d.known), len(d.ended), d.out.n, b.l.engine.shaking.Load())
	}
}

func threadTime(t *testing.T) time.Duration {
	t.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestHellosOfOneBrowserAreBounded: a source that has passed a check, and floods ClientHellos then, has one handshake, for
// which a few datagrams wait.
func TestHellosOfOneBrowserAreBounded(t *testing.T) {
	b := newBench(t, profiles["GCM"], opusCodec, opusCodec)
	b.a.unshake()
	d, raw := b.l.doors[0], hello()
	for range 1000 {
		b.a.handshake(b.l, d, raw, b.src)
		if n := b.l.engine.shaking.Load(); n > 1 {
			t.Fatalf("%d handshakes at once", n)
		}
	}
	if n := len(b.a.shake.running.pipe.in); n > pipeRoom {
		t.Errorf("%d datagrams wait for it", n)
	}
}

// TestForgedHellosOnATrunkAreCheap: one that has the peer's address costs less than 10 µs of CPU, the answer included, and no handshake: it is
// answered with fewer bytes than it has (T17, T18).
func TestForgedHellosOnATrunkAreCheap(t *testing.T) {
	b, raw := newBench(t, profiles["GCM"], opusCodec, pcmuCodec), firstHello(t, newCert(t))
	const hellos = 20_000
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := threadTime(t)
	for n := range hellos {
		b.b.ownHandshake(b.l, raw, netip.AddrPortFrom(b.phone.Addr(), uint16(10_000+n)))
	}
	if each := (threadTime(t) - before) / hellos; each > 10*time.Microsecond && !underRace {
		t.Errorf("%s of CPU each", each)
	}
	if n := b.l.engine.shaking.Load(); n != 0 || len(b.l.engine.pool) != 0 || b.b.shake.tries != 0 {
		t.Errorf("%d handshakes, %d failed", n, b.b.shake.tries)
	}
	for range 1000 {
		b.b.ownHandshake(b.l, raw, b.phone)
	}
	answer := make([]byte, slotSize)
	n, err := b.sink.Read(answer)
	if err != nil || n > len(raw) || answer[recordHeader] != verifyHello {
		t.Errorf("%v, %d bytes for %d, handshake type %d", err, n, len(raw), answer[recordHeader])
	}
	_ = b.sink.SetReadDeadline(time.Now())
	if n, err := b.sink.Read(answer); err == nil {
		t.Errorf("%d bytes more for the peer, who is answered within the pause already", n)
	}
}

// newCert is a certificate of ours.
func newCert(t *testing.T) *certificate {
	t.Helper()
	cert, err := newCertificate()
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// second is a first ClientHello as it comes again, with a cookie.
func second(first, cookie []byte) []byte {
	in, _ := parseHello(first)
	b := append(append(append([]byte(nil), first[:in.at-1]...), byte(len(cookie))), cookie...)
	b = append(b, first[in.at:]...)
	b[atLength-1] = 1
	binary.BigEndian.PutUint16(b[atLength:], uint16(len(b)-recordHeader))
	putUint24(b[atMessage:], len(b)-atHello)
	putUint24(b[atFragment:], len(b)-atHello)
	b[atNumber+1] = 1
	return b
}

// TestCookieComesAndGoes: a hello without its cookie is the one that was first, byte for byte.
func TestCookieComesAndGoes(t *testing.T) {
	first, cookie := firstHello(t, newCert(t)), new(jar).cookie(netip.MustParseAddrPort("192.0.2.1:1"))
	in, ok := parseHello(second(first, cookie))
	if !ok || !in.returns(cookie) || !bytes.Equal(in.first(), first) {
		t.Errorf("%t, cookie % x, was\n% x, is\n% x", ok, in.cookie, first, in.first())
	}
	for n := range first {
		if _, ok := parseHello(first[:n]); ok {
			t.Errorf("%d bytes of %d are a hello", n, len(first))
		}
	}
}

// TestHandshakeBelongsToItsAddress: while it runs, datagrams of other addresses do not come near it; a cookie is good for its own address only,
// and replaces the handshake of a peer that stands worse.
func TestHandshakeBelongsToItsAddress(t *testing.T) {
	b, first := newBench(t, profiles["GCM"], opusCodec, pcmuCodec), firstHello(t, newCert(t))
	g, other := b.b, netip.AddrPortFrom(b.phone.Addr(), b.phone.Port()^1)
	bring := func(src, baked netip.AddrPort) Drop {
		return g.ownHandshake(b.l, second(first, g.atStoop().jar.cookie(baked)), src)
	}
	if bring(b.phone, other); g.shake.running != nil {
		t.Fatal("another address's cookie was good")
	}
	if bring(other, other); g.shake.running == nil || g.shake.running.pipe.peer() != other {
		t.Fatal("no handshake with another port of the peer's host")
	}
	if bring(b.phone, b.phone); g.shake.running.pipe.peer() != b.phone {
		t.Fatal("the announced address did not replace it")
	}
	a, key := g.shake.running, append([]byte{recordHandshake, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 12, 16, 0, 0, 0, 0, 2}, make([]byte, 6)...)
	for _, drop := range []Drop{bring(other, other), g.ownHandshake(b.l, key, other)} {
		if drop != DropDTLSUnvalidated {
			t.Errorf("dropped as %s", drop)
		}
	}
	if g.shake.running != a || a.pipe.peer() != b.phone {
		t.Error("another address has moved it")
	}
}

// TestAlertsInClearAreDropped on a browser's leg, too, and behind another record.
func TestAlertsInClearAreDropped(t *testing.T) {
	b := newBench(t, profiles["GCM"], opusCodec, opusCodec)
	b.a.unshake()
	d, alert := b.l.doors[0], []byte{21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 40}
	b.a.shake.running = &association{pipe: newPipe(d.fd, d.addr, b.src), cancel: func() {}}
	for _, raw := range [][]byte{alert, append(hello(), alert...)} {
		if drop := b.a.handshake(b.l, d, raw, b.src); drop != DropDTLSClear {
			t.Errorf("dropped as %s", drop)
		}
	}
	if n := len(b.a.shake.running.pipe.in); n != 0 {
		t.Errorf("%d were fed", n)
	}
	alert[atEpoch+1] = 1
	if drop := b.a.handshake(b.l, d, alert, b.src); drop != Delivered {
		t.Errorf("one in cipher is dropped as %s", drop)
	}
}

// TestForgedAnswersDoNotEndACall: a handshake that we began and that fails at once is begun again a second later; the leg fails when it has
// no keys for as long as a silent peer is waited for.
func TestForgedAnswersDoNotEndACall(t *testing.T) {
	b := newBench(t, profiles["GCM"], opusCodec, pcmuCodec)
	g, junk := b.b, errors.New("junk")
	call := &association{client: true, pipe: newPipe(g.rtp.fd, g.pair.addr, b.phone), cancel: func() {}}
	g.atStoop().since = b.l.now
	for range 20 {
		g.refuse(b.l, call, junk)
		if due := g.stoop.again.at - b.l.now; due != int64(callAgain) {
			t.Fatalf("called again in %s", time.Duration(due))
		}
	}
	if !slices.Contains(slices.Collect(g.clocks), &g.stoop.again) {
		t.Error("a leg that moves to another loop would leave the timer behind")
	}
	g.refuse(b.l, call, context.DeadlineExceeded)
	if len(b.events) != 0 {
		t.Errorf("events %v", b.events)
	}
	b.l.now += int64(maxTries * handshakeLimit)
	g.refuse(b.l, call, junk)
	if len(b.events) != 1 || b.events[0].Kind != EventFailed || b.events[0].Reason != "dtls" {
		t.Errorf("events %v", b.events)
	}
}

// Legs that say hello and then nothing have every place among the handshakes. Whoever comes behind them gets one when they have had time to
// answer, and those who answer keep theirs.
func TestHalfOpenHandshakesGiveWay(t *testing.T) {
	l, _, g, local := twoLoops(t)
	e, door := g.session.engine, l.doors[0]
	knock := func(n int) (*leg, netip.AddrPort) {
		s := e.Open("half", func(Event) {})
		h := newLeg(s, A, e.realms.get("access"), offer.WebRTC)
		own, err := h.allocate()
		if err != nil {
			t.Fatal(err)
		}
		s.owner.Store(l)
		s.place(l, h)
		h.bind(l, offer.Stream{Send: opusCodec, Recv: opusCodec, MaySend: true, MayRecv: true, Fingerprint: "sha-256 00"})
		src := netip.AddrPortFrom(localhost, uint16(10_000+n))
		l.admit(door, binding(own), src)
		door.out.n, l.made.next = 0, 0
		l.admit(door, hello(), src)
		t.Cleanup(func() { s.end(l) })
		return h, src
	}
	answers, from := knock(0)
	for n := 1; n < maxHandshakes; n++ {
		knock(n)
	}
	src := netip.MustParseAddrPort("127.0.0.1:1000")
	l.admit(door, binding(local), src)
	l.now += halfOpen / 2
	l.admit(door, hello(), src)
	if len(e.pool) != maxHandshakes || g.shake.running != nil {
		t.Fatalf("%d places taken while those who have them may yet answer", len(e.pool))
	}
	l.admit(door, hello(), from)
	l.now += halfOpen/2 + 1
	for deadline := time.Now().Add(handshakeLimit / 2); g.shake.running == nil; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("no handshake: %d busy, %d places taken", l.count.drop[DropDTLSBusy].Load(), len(e.pool))
		}
		l.admit(door, hello(), src)
	}
	if answers.shake.running == nil {
		t.Error("a peer that answers has lost its place")
	}
}
