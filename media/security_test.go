package media_test

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"drawbridge/media"
	"drawbridge/media/mediatest"

	"github.com/pion/rtp"
	"github.com/pion/stun/v4"
)

// quiet is how long a test listens for what must not come.
const quiet = 100 * time.Millisecond

// stranger is a socket that has nothing to do with a call.
func stranger(t *testing.T, to net.Addr) func(b []byte) {
	t.Helper()
	s, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return func(b []byte) {
		t.Helper()
		if _, err := s.WriteTo(b, to); err != nil {
			t.Fatal(err)
		}
	}
}

// hears checks that the call still works.
func hears(t *testing.T, br *browser, ph *mediatest.Phone) {
	t.Helper()
	br.send([]byte("still here"))
	if p := ph.Next(t, limit); string(p.Payload) != "still here" {
		t.Errorf("phone got %q", p.Payload)
	}
}

func TestStrangersAreCountedAndChangeNothing(t *testing.T) {
	t.Parallel()
	gw, _, br, ph := passThrough(t, 2)
	hears(t, br, ph)
	srtp, to := br.wire.last()
	send := stranger(t, to)

	hello := append([]byte{22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 60, 1}, make([]byte, 59)...) // a ClientHello of zeros
	send(hello)
	gw.waitRefused(t, "dtls-unvalidated", 1)
	for range 20 {
		send(srtp)
	}
	gw.waitRefused(t, "rtp-source", 20)
	send([]byte{64, 1, 2, 3})
	gw.waitRefused(t, "media-unknown", 1)
	hears(t, br, ph)
}

func TestForgedSTUNIsNotAnswered(t *testing.T) {
	t.Parallel()
	gw, c, br, ph := passThrough(t, 1)
	hears(t, br, ph)
	_, to := br.wire.last()
	s, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ufrag, nominates := remoteUfrag(t, br), stun.RawAttribute{Type: stun.AttrUseCandidate}
	for _, m := range []*stun.Message{
		stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.NewUsername(ufrag+":x"), nominates, stun.NewShortTermIntegrity("guess"), stun.Fingerprint),
		stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.NewUsername(ufrag+":x"), nominates, stun.Fingerprint),
		stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.NewUsername("nobody:x"), stun.NewShortTermIntegrity("guess"), stun.Fingerprint),
		stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.Fingerprint),
	} {
		if _, err := s.WriteTo(m.Raw, to); err != nil {
			t.Fatal(err)
		}
	}
	gw.waitRefused(t, "stun-integrity", 2)
	gw.waitRefused(t, "stun-user", 1)
	gw.waitRefused(t, "stun-malformed", 1)
	for range 10 { // media does not follow it either
		ph.Send(t, c.trunkB, opus.PT, false, []byte("for the browser"), 960)
	}
	if err := s.SetReadDeadline(time.Now().Add(quiet)); err != nil {
		t.Fatal(err)
	}
	if n, _, err := s.ReadFrom(make([]byte, 1500)); err == nil {
		t.Errorf("%d bytes came to whoever forged a check", n)
	}
	if p := br.next(); string(p.Payload) != "for the browser" {
		t.Errorf("browser got %q", p.Payload)
	}
	hears(t, br, ph)
}

func TestBadSRTPLeavesTheCallUp(t *testing.T) {
	t.Parallel()
	gw, _, br, ph := passThrough(t, 1)
	hears(t, br, ph)
	good, to := br.wire.last()
	bad := append([]byte(nil), good...)
	const burst, bursts = 100, 100
	for i := range bursts {
		for range burst {
			bad[2], bad[3] = byte(i), bad[3]+1 // jumps of the sequence number, too
			bad[len(bad)-1] ^= 0x55
			if _, err := br.wire.UDPConn.WriteTo(bad, to); err != nil {
				t.Fatal(err)
			}
		}
		waitBad(t, gw, uint64(burst*(i+1)))
	}
	if p, ok := ph.Poll(t, quiet); ok {
		t.Errorf("a bad packet reached the phone: %q", p.Payload)
	}
	hears(t, br, ph)
}

// waitBad waits until n packets have failed authentication or replay.
func waitBad(t *testing.T, gw *gateway, n uint64) {
	t.Helper()
	until(t, func() bool {
		d := gw.Stats().Drops
		return d["srtp-auth"]+d["srtp-replay"] >= n
	})
}

func TestReplayedSRTPStops(t *testing.T) {
	t.Parallel()
	gw, _, br, ph := passThrough(t, 1)
	hears(t, br, ph)
	again, to := br.wire.last()
	for range 50 {
		if _, err := br.wire.UDPConn.WriteTo(again, to); err != nil {
			t.Fatal(err)
		}
	}
	gw.waitRefused(t, "srtp-replay", 50)
	if p, ok := ph.Poll(t, quiet); ok {
		t.Errorf("a replay reached the phone: %q", p.Payload)
	}
	hears(t, br, ph)
}

// The datagram with ChangeCipherSpec and Finished is lost twice; the browser repeats its flight to a connection that is gone already.
func TestLostLastFlightIsRepeated(t *testing.T) {
	t.Parallel()
	gw := newGateway(t, 1)
	c := gw.open(t)
	br, ph := newBrowser(t), mediatest.NewPhone(t)
	lost := 0
	br.wire.loseIn = func(b []byte) bool {
		if len(b) > 0 && b[0] == 20 && lost < 2 {
			lost++
			return true
		}
		return false
	}
	c.trunkWith(media.B, ph, opus, tev48k)
	br.join(c, media.A, nil)
	c.wait(media.EventDTLS)
	br.connected()
	if lost != 2 {
		t.Errorf("%d last flights were lost, want 2", lost)
	}
	hears(t, br, ph)
}

// A trunk leg sends to the announced address; a sprayer neither draws the stream nor gets into it.
func TestSprayDoesNotDrawTheStream(t *testing.T) {
	t.Parallel()
	gw := newGateway(t, 1)
	c := gw.open(t)
	a, b, evil := mediatest.NewPhone(t), mediatest.NewPhone(t), mediatest.NewPhone(t)
	toA, toB := c.trunk(media.A, a, pcmu), c.trunk(media.B, b, pcmu)
	a.Send(t, toA, 0, false, []byte("one"), 160)
	b.Next(t, limit)
	for range 50 {
		evil.Send(t, toA, 0, false, []byte("evil"), 160)
	}
	gw.waitRefused(t, "rtp-source", 50)
	b.Send(t, toB, 0, false, []byte("two"), 160)
	if p := a.Next(t, limit); string(p.Payload) != "two" {
		t.Errorf("a got %q", p.Payload)
	}
	if _, ok := evil.Poll(t, quiet); ok {
		t.Error("the sprayer got media")
	}
	a.Send(t, toA, 0, false, []byte("three"), 160)
	if p := b.Next(t, limit); string(p.Payload) != "three" {
		t.Errorf("b got %q", p.Payload)
	}
}

// Behind NAT the announced address never speaks: another source may take its place after a few packets in sequence, once.
func TestLatchBehindNAT(t *testing.T) {
	t.Parallel()
	gw := newGateway(t, 1)
	c := gw.open(t)
	private, nat, b, evil := mediatest.NewPhone(t), mediatest.NewPhone(t), mediatest.NewPhone(t), mediatest.NewPhone(t)
	toA, toB := c.trunk(media.A, private, pcmu), c.trunk(media.B, b, pcmu)
	evil.Send(t, toA, 0, false, []byte("evil"), 160)
	if p := speak(t, nat, toA, b, "nat"); string(p.Payload) != "nat" {
		t.Errorf("b got %q", p.Payload)
	}
	b.Send(t, toB, 0, false, []byte("back"), 160)
	if p := nat.Next(t, limit); string(p.Payload) != "back" {
		t.Errorf("nat got %q", p.Payload)
	}
	for range 20 {
		evil.Send(t, toA, 0, false, []byte("evil"), 160)
	}
	gw.waitRefused(t, "rtp-source", 20)
	b.Send(t, toB, 0, false, []byte("again"), 160)
	if p := nat.Next(t, limit); string(p.Payload) != "again" {
		t.Errorf("nat got %q", p.Payload)
	}
}

// speak sends a packet each 20 ms, as a phone does, until one of them is heard at the far end.
func speak(t *testing.T, from *mediatest.Phone, to netip.AddrPort, at *mediatest.Phone, text string) *rtp.Packet {
	t.Helper()
	for range int(limit / (20 * time.Millisecond)) {
		from.Send(t, to, 0, false, []byte(text), 160)
		if p, ok := at.Poll(t, 20*time.Millisecond); ok {
			return p
		}
	}
	t.Fatalf("%q is not heard", text)
	return nil
}

func TestAnotherCallsPeerIsNotLatched(t *testing.T) {
	t.Parallel()
	gw := newGateway(t, 1)
	first, second := gw.open(t), gw.open(t)
	private, busy, b := mediatest.NewPhone(t), mediatest.NewPhone(t), mediatest.NewPhone(t)
	toA, _ := first.trunk(media.A, private, pcmu), first.trunk(media.B, b, pcmu)
	second.trunk(media.A, busy, pcmu)
	for range 10 {
		busy.Send(t, toA, 0, false, []byte("cross talk"), 160)
		if p, ok := b.Poll(t, 20*time.Millisecond); ok {
			t.Fatalf("b got %q", p.Payload)
		}
	}
	gw.waitRefused(t, "rtp-source", 10)
}

// Sources at random do not take a stream over; the first one goes on (T14).
func TestSSRCChurnIsBounded(t *testing.T) {
	t.Parallel()
	gw := newGateway(t, 1)
	c := gw.open(t)
	a, b := mediatest.NewPhone(t), mediatest.NewPhone(t)
	toA, _ := c.trunk(media.A, a, pcmu), c.trunk(media.B, b, pcmu)
	const first = 77
	a.SSRC = first
	a.Send(t, toA, 0, false, []byte("first"), 160)
	for i := range uint32(100) {
		a.SSRC = 1000 + i
		a.Send(t, toA, 0, false, []byte("x"), 160)
	}
	gw.waitRefused(t, "rtp-ssrc", 100)
	a.SSRC = first
	a.Send(t, toA, 0, false, []byte("good"), 160)
	for _, want := range []string{"first", "good"} {
		if p := b.Next(t, limit); string(p.Payload) != want {
			t.Errorf("b got %q, want %q", p.Payload, want)
		}
	}
}

func TestForbiddenTargetGetsNothing(t *testing.T) {
	t.Parallel()
	gw := startGateway(t, 1, media.Realm{Bind: loopback}) // loopback peers are not allowed
	c := gw.open(t)
	a, b := mediatest.NewPhone(t), mediatest.NewPhone(t)
	toA, _ := c.trunk(media.A, a, pcmu), c.trunk(media.B, b, pcmu)
	gw.waitRefused(t, "rtp-target", 2)
	for range 10 {
		a.Write(t, toA, mediatest.Marshal(t, rtp.Header{Version: 2, SSRC: 1}, []byte("x")))
	}
	if _, ok := b.Poll(t, quiet); ok {
		t.Error("media went to a loopback address")
	}
}

// remoteUfrag is the gateway's user fragment as the answer told it.
func remoteUfrag(t *testing.T, br *browser) string {
	t.Helper()
	p, err := br.pc.GetTransceivers()[0].Sender().Transport().ICETransport().GetRemoteParameters()
	if err != nil {
		t.Fatal(err)
	}
	return p.UsernameFragment
}

// until polls cond, which other goroutines make true.
func until(t testing.TB, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(limit)
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("did not come true in time")
		}
	}
}
