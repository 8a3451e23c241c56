package media

import (
	"net/netip"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
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
