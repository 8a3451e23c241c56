package media

import (
	"net/netip"
	"testing"
	"time"
)

// The greatest lateness is that of the last whole second, whoever looks and how often.
func TestLateMaxIsOfTheLastSecond(t *testing.T) {
	e, err := New(Config{Loops: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer e.release()
	e.loops[0].late(int64(3 * time.Millisecond))
	e.loops[0].late(int64(time.Millisecond))
	for _, want := range []time.Duration{0, 3 * time.Millisecond, 0} {
		for range 2 {
			if got := e.Stats().Loops[0].LateMax; got != want {
				t.Errorf("%v, want %v", got, want)
			}
		}
		e.turnSecond()
	}
	if e.Stats().Loops[0].LateMean == 0 || e.Stats().Loops[1].LateMean != 0 {
		t.Error("the mean is another loop's")
	}
}

// What a call has lost in a full buffer is counted when it ends.
func TestFullBuffersAreCounted(t *testing.T) {
	b := newBench(t, profiles["GCM"], pcmuCodec, pcmuCodec)
	if d := b.b.media(b.l, b.fromPhone(make([]byte, 160)), b.phone); d != Delivered {
		t.Fatal(d)
	}
	to := netip.AddrPortFrom(localhost, b.b.pair.addr.Port())
	packet := make([]byte, 1400)
	for range 2000 {
		if _, err := b.sink.WriteToUDPAddrPort(packet, to); err != nil {
			t.Fatal(err)
		}
	}
	lost := uint64(kernelDrops(b.b.rtp.fd))
	if lost == 0 {
		t.Fatal("2.8 MB fit")
	}
	b.s.end(b.l)
	if got := b.l.engine.Stats().Loops[0].KernelDrops; got != lost {
		t.Errorf("%d counted, %d lost", got, lost)
	}
}
