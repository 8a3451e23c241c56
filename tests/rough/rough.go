// Package rough is a line that loses and delays datagrams, by a seeded choice: a TUN device in a network namespace of the test's own, with
// this process as the wire. It needs no netem, which small kernels lack.
//
// Both ends are in the one namespace. So that the kernel does not take the short way between two of its own addresses, each end knows the
// other by an address that is on the line only, and the wire translates:
//
//	near 10.99.0.1 ── sends to 10.99.0.2 ──┐      ┌── comes from 10.99.2.1 ── far 10.99.1.1
//	                                       └ wire ┘
package rough

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The addresses of the line.
var (
	Near      = netip.MustParseAddr("10.99.0.1")
	Far       = netip.MustParseAddr("10.99.1.1")
	FarToNear = netip.MustParseAddr("10.99.0.2") // what near calls far
	nearToFar = netip.MustParseAddr("10.99.2.1") // what far calls near
)

// inside marks a process that has been started again in a namespace of its own.
const inside = "TESTS_IN_NAMESPACE"

// Inside reports whether this process has a network namespace of its own.
func Inside() bool { return os.Getenv(inside) != "" }

// Again runs the test that calls it once more, in a network namespace of its own and with more arguments, and takes over what it comes to.
// It skips the test where that is not possible.
func Again(t *testing.T, args ...string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("a network namespace needs root")
	}
	if f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0); err != nil {
		t.Skip(err)
	} else {
		_ = f.Close()
	}
	args = append([]string{"--net", "--", os.Args[0], "-test.run=^" + t.Name() + "$", "-test.v", "-test.count=1"}, args...)
	cmd := exec.CommandContext(t.Context(), "unshare", args...)
	cmd.Env = append(os.Environ(), inside+"=1")
	out, err := cmd.CombinedOutput()
	t.Logf("in a namespace:\n%s", out)
	if err != nil {
		t.Error(err)
	}
}

// Line is the wire.
type Line struct {
	tun *os.File

	mu     sync.Mutex
	random *rand.Rand
	loss   float64
	jitter time.Duration
	lost   int
	passed int
}

const device = "rough0"

// Open lays the line until the test ends. It is clean at first.
func Open(t testing.TB) *Line {
	t.Helper()
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	req, err := unix.NewIfreq(device)
	if err != nil {
		t.Fatal(err)
	}
	req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := errors.Join(unix.IoctlIfreq(fd, unix.TUNSETIFF, req), unix.SetNonblock(fd, true)); err != nil {
		t.Fatal(err)
	}
	l := &Line{tun: os.NewFile(uintptr(fd), device), random: rand.New(rand.NewPCG(4, 2))}
	for _, c := range []string{
		"link set lo up", "addr add " + Far.String() + "/32 dev lo",
		"addr add " + Near.String() + "/30 dev " + device, "link set " + device + " up", "route add " + nearToFar.String() + "/32 dev " + device,
	} {
		if out, err := exec.Command("ip", strings.Fields(c)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v\n%s", c, err, out)
		}
	}
	var wire sync.WaitGroup
	wire.Go(l.carry)
	t.Cleanup(func() {
		_ = l.tun.Close()
		wire.Wait()
	})
	return l
}

// Set makes the line lose a share of the datagrams, and delay each of the others by up to twice the jitter: they overtake each other.
func (l *Line) Set(loss float64, jitter time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.loss, l.jitter, l.lost, l.passed = loss, jitter, 0, 0
}

// Lost is the share that was lost since Set.
func (l *Line) Lost() float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return float64(l.lost) / float64(max(l.lost+l.passed, 1))
}

func (l *Line) carry() {
	buf := make([]byte, 1<<16)
	for {
		n, err := l.tun.Read(buf)
		if err != nil {
			return
		}
		if n < 20 || buf[0]>>4 != 4 || !translate(buf[:n]) {
			continue
		}
		if delay, lost := l.fate(); !lost {
			packet := append([]byte(nil), buf[:n]...)
			time.AfterFunc(delay, func() { _, _ = l.tun.Write(packet) }) // the line may be gone by then
		}
	}
}

func (l *Line) fate() (delay time.Duration, lost bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.random.Float64() < l.loss {
		l.lost++
		return 0, true
	}
	l.passed++
	if l.jitter > 0 {
		delay = time.Duration(l.random.Int64N(int64(2 * l.jitter)))
	}
	return delay, false
}

// translate gives a datagram the addresses that its receiver knows; false for what is not of the two ends.
func translate(b []byte) bool {
	source, target := netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
	switch {
	case source == Near && target == FarToNear:
		source, target = nearToFar, Far
	case source == Far && target == nearToFar:
		source, target = FarToNear, Near
	default:
		return false
	}
	copy(b[12:], source.AsSlice())
	copy(b[16:], target.AsSlice())
	head := int(b[0]&15) * 4
	if b[9] != unix.IPPROTO_UDP || len(b) < head+8 {
		return false
	}
	binary.BigEndian.PutUint16(b[10:], 0)
	binary.BigEndian.PutUint16(b[10:], checksum(b[:head]))
	binary.BigEndian.PutUint16(b[head+6:], 0) // UDP over IPv4 may go without
	return true
}

// checksum is that of RFC 1071.
func checksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
