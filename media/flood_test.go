package media_test

import (
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"

	"drawbridge/media"
	"drawbridge/media/mediatest"

	"github.com/pion/rtp"
)

// garbage are datagrams that no call may feel, each with the reason that it is dropped for at a trunk's port.
func garbage(t *testing.T) map[string][][]byte {
	t.Helper()
	good := mediatest.Marshal(t, rtp.Header{Version: 2, SSRC: 9}, make([]byte, 160))
	with := func(change func(b []byte)) []byte {
		b := append([]byte(nil), good...)
		change(b)
		return b
	}
	return map[string][][]byte{
		"rtp-source": {good},
		"rtp-pt":     {with(func(b []byte) { b[1] = 0x7f })},
		"rtp-malformed": {
			{}, {0x80}, good[:11],
			with(func(b []byte) { b[0] = 0x00 }), with(func(b []byte) { b[0] = 0x40 }), with(func(b []byte) { b[0] = 0xc0 }), // versions
			with(func(b []byte) { b[0] |= 0x0f })[:40],                                        // CSRC count beyond the packet
			with(func(b []byte) { b[0] |= 0x20; b[len(b)-1] = 0xff }),                         // padding beyond it
			with(func(b []byte) { b[0] |= 0x20; b[len(b)-1] = 0 }),                            // padding of nothing
			with(func(b []byte) { b[0] |= 0x10; binary.BigEndian.PutUint16(b[14:], 0xffff) }), // extension beyond it
			append(append([]byte(nil), good...), make([]byte, 2200)...),                       // larger than any frame
		},
	}
}

// TestGarbageFlood sends 20 000 datagrams of garbage to the port of one call while it and another one talk: neither loses a packet, every
// datagram is counted for its reason, and the flood is not told twice (SEC-02).
func TestGarbageFlood(t *testing.T) {
	t.Parallel()
	gw := newGateway(t, 2)
	attacked, other := newTalk(t, gw), newTalk(t, gw)
	evil, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer evil.Close()

	kinds, sent := garbage(t), map[string]uint64{}
	const total, lump = 20_000, 50 // no faster than the gateway reads: what the kernel loses it cannot count
	for n := 0; n < total; {
		for range lump {
			kind := [...]string{"rtp-malformed", "rtp-source", "rtp-pt"}[n%3]
			b := kinds[kind][int(sent[kind])%len(kinds[kind])]
			if _, err := evil.WriteToUDPAddrPort(b, attacked.toA); err != nil {
				t.Fatal(err)
			}
			sent[kind]++
			n++
		}
		attacked.exchange(t)
		other.exchange(t)
		until(t, func() bool {
			d := gw.Stats().Drops
			return d["rtp-source"]+d["rtp-pt"]+d["rtp-malformed"] >= uint64(n)
		})
	}
	for kind, want := range sent {
		if got := gw.Stats().Drops[kind]; got != want {
			t.Errorf("%s: %d dropped, %d were sent", kind, got, want)
		}
	}
	if err := evil.SetReadDeadline(time.Now().Add(quiet)); err != nil {
		t.Fatal(err)
	}
	if n, _, err := evil.ReadFrom(make([]byte, 2048)); err == nil {
		t.Errorf("%d bytes were sent to the attacker", n)
	}
	gw.mu.Lock()
	defer gw.mu.Unlock()
	if n := gw.refused["media-flood"]; n > 1 { // none, where the machine is too busy to make it a flood: TestFloodIsToldOnce keeps the time itself
		t.Errorf("the flood was told %d times", n)
	}
}

// talk is a call between two phones.
type talk struct {
	a, b     *mediatest.Phone
	toA, toB netip.AddrPort
	n        byte
}

func newTalk(t *testing.T, gw *gateway) *talk {
	t.Helper()
	c := gw.open(t)
	k := &talk{a: mediatest.NewPhone(t), b: mediatest.NewPhone(t)}
	k.toA, k.toB = c.trunk(media.A, k.a, pcmu), c.trunk(media.B, k.b, pcmu)
	return k
}

// exchange sends a packet each way and expects it, and nothing else, at the far end.
func (k *talk) exchange(t *testing.T) {
	t.Helper()
	k.n++
	k.a.Send(t, k.toA, 0, false, []byte{'a', k.n}, 160)
	k.b.Send(t, k.toB, 0, false, []byte{'b', k.n}, 160)
	if p := k.b.Next(t, limit); len(p.Payload) != 2 || p.Payload[0] != 'a' || p.Payload[1] != k.n {
		t.Fatalf("b got % x, want packet %d of a", p.Payload, k.n)
	}
	if p := k.a.Next(t, limit); len(p.Payload) != 2 || p.Payload[0] != 'b' || p.Payload[1] != k.n {
		t.Fatalf("a got % x, want packet %d of b", p.Payload, k.n)
	}
}
