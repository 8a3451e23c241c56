package media

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"drawbridge/media/offer"
)

// TestCandidateDrawsNothing: who is named as a candidate, or as the address of a browser's media, is sent nothing before a check has come from
// there, though the leg has its keys (T19).
func TestCandidateDrawsNothing(t *testing.T) {
	b := newBench(t, profiles["GCM"], opusCodec, opusCodec)
	victim, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer victim.Close()
	named := victim.LocalAddr().(*net.UDPAddr).AddrPort()

	browser := b.seatBrowser(t, named)
	for range 10 {
		if d := b.b.media(b.l, b.fromPhone([]byte("hammer")), b.phone); d != DropHeld {
			t.Errorf("a packet for the candidate: %s", d)
		}
		b.step()
	}
	b.l.now += int64(time.Minute) // reports are due
	b.l.clock()
	b.l.flush()
	if n := datagrams(t, victim); n != 0 {
		t.Errorf("%d datagrams went to an address without a check", n)
	}
	browser.learn(b.l, b.l.doors[0], b.l, sockaddrOf(named), false)
	if d := b.b.media(b.l, b.fromPhone([]byte("checked")), b.phone); d != Delivered {
		t.Errorf("a packet behind the check: %s", d)
	}
	b.l.flush()
	if n := datagrams(t, victim); n != 1 {
		t.Errorf("%d datagrams behind the check, want 1", n)
	}
}

// seatBrowser has a new browser leg in the place of leg A, with keys and an address in its SDP, but no check.
func (b *bench) seatBrowser(t *testing.T, named netip.AddrPort) *leg {
	t.Helper()
	keys := b.a.crypt
	b.a.leave(b.l)
	b.s.legs[A] = nil
	g := b.seat(t, A, "access", offer.WebRTC)
	st := offer.Stream{Remote: named, Send: opusCodec, Recv: opusCodec, MaySend: true, MayRecv: true, PtimeMS: 20, Fingerprint: "sha-256 AB"}
	g.bind(b.l, st)
	g.crypt = keys
	b.s.compose(b.l)
	b.a = g
	return g
}

// datagrams counts what has come to a socket.
func datagrams(t *testing.T, at *net.UDPConn) (n int) {
	t.Helper()
	if err := at.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	for buf := make([]byte, slotSize); ; n++ {
		if _, err := at.Read(buf); err != nil {
			return n
		}
	}
}
