package media

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"drawbridge/media/offer"
)

// The kernel does what loopOf says, for both families.
func TestTheKernelChoosesByPort(t *testing.T) {
	const loops = 3
	for _, host := range []string{"127.0.0.1", "::1"} {
		addr := netip.AddrPortFrom(netip.MustParseAddr(host), 0)
		var fds []int
		for range loops {
			fd, bound, err := openShared(addr, true, 0)
			if host == "::1" && errors.Is(err, unix.EADDRNOTAVAIL) {
				t.Skip("no IPv6 here")
			}
			if err != nil {
				t.Fatal(err)
			}
			defer closeFD(fd)
			fds, addr = append(fds, fd), bound
		}
		if err := steer(fds[0], addr, loops); err != nil {
			t.Fatal(err)
		}
		var met [loops]int
		for range 60 {
			c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(addr))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Write([]byte{1}); err != nil {
				t.Fatal(err)
			}
			want := loopOf(c.LocalAddr().(*net.UDPAddr).AddrPort().Port(), loops)
			poll := []unix.PollFd{{Fd: int32(fds[want]), Events: unix.POLLIN}}
			if n, err := unix.Poll(poll, int(5*time.Second/time.Millisecond)); n != 1 || err != nil {
				t.Fatalf("%s: nothing came to socket %d: %v", c.LocalAddr(), want, err)
			}
			if n, _, err := unix.Recvfrom(fds[want], make([]byte, 8), 0); n != 1 || err != nil {
				t.Fatal(n, err)
			}
			met[want]++
			c.Close()
		}
		for i, n := range met {
			if n == 0 {
				t.Errorf("%s: no port of 60 leads to socket %d", host, i)
			}
		}
	}
}

// Ports that follow each other, and those of a NAT that keeps to even ones, come to all loops alike.
func TestPortsAreSpread(t *testing.T) {
	for _, loops := range []int{2, 3, 4, 8, 16, 64} {
		for _, step := range []int{1, 2, 4, 10} {
			count := make([]int, loops)
			total := 0
			for port := 10_000; port < 60_000; port += step {
				count[loopOf(uint16(port), loops)]++
				total++
			}
			for i, n := range count {
				if even := total / loops; n < even/2 || n > 2*even {
					t.Errorf("%d loops, every %d. port: loop %d has %d of %d", loops, step, i, n, total)
				}
			}
		}
	}
}

// portOf finds a port whose packets come to a loop.
func portOf(l *loop) uint16 {
	for port := uint16(20_000); ; port++ {
		if loopOf(port, len(l.engine.loops)) == l.index {
			return port
		}
	}
}

// A call waits where its browser's candidate says that it will come in, and goes where it does come in.
func TestACallWaitsForItsBrowser(t *testing.T) {
	e, browser, trunk := doors(t, 3)
	defer e.release()
	if !e.steered {
		t.Fatal("the kernel is not told how to choose")
	}
	s := e.Open("c", func(Event) {})
	first := s.owner.Load()
	local, err := s.Add(A, browser)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Add(B, trunk); err != nil {
		t.Fatal(err)
	}
	first.commands()
	if s.owner.Load() != first {
		t.Error("the call moves before anything is known of its browser")
	}
	second, third := e.loops[(first.index+1)%3], e.loops[(first.index+2)%3]
	s.Bind(A, &offer.Stream{Remote: netip.AddrPortFrom(localhost, portOf(second))})
	first.commands()
	if s.owner.Load() != second || second.inbox.rung.Load() {
		t.Errorf("the call is on loop %d, not %d; woken: %t", s.owner.Load().index, second.index, second.inbox.rung.Load())
	}
	second.commands()
	if _, ok := second.sessions[s]; !ok || len(first.sessions) != 0 || s.adopted {
		t.Errorf("in its new place: %t, in its old one: %d, there for good: %t", ok, len(first.sessions), s.adopted)
	}
	third.admit(third.doors[0], checkFor(t, local), netip.AddrPortFrom(localhost, 9)) // another port than was said
	second.commands()
	second.unpack()
	if s.owner.Load() != third {
		t.Errorf("the call is on loop %d, its browser comes in on %d", s.owner.Load().index, third.index)
	}
	third.commands()
	third.unpack()
	s.Bind(A, &offer.Stream{Remote: netip.AddrPortFrom(localhost, portOf(second))})
	third.commands()
	if s.owner.Load() != third {
		t.Error("the call leaves its browser for what is said of it")
	}
	s.Close()
	third.commands()
}

// A loop that has ended is no place to wait; nor does a call move that has ended.
func TestACallDoesNotWaitWhereNobodyIs(t *testing.T) {
	for _, ended := range []bool{false, true} {
		e, browser, _ := doors(t, 2)
		s := e.Open("c", func(Event) {})
		from := s.owner.Load()
		to := e.loops[1-from.index]
		if _, err := s.Add(A, browser); err != nil {
			t.Fatal(err)
		}
		s.Bind(A, &offer.Stream{Remote: netip.AddrPortFrom(localhost, portOf(to))})
		if ended {
			s.Close()
		} else {
			to.shut()
		}
		from.commands()
		if s.owner.Load() != from || len(to.sessions) != 0 {
			t.Errorf("ended %t: the call has moved", ended)
		}
		s.Close()
		from.commands()
		if len(from.sessions) != 0 || len(e.ufrags) != 0 {
			t.Errorf("ended %t: %d sessions, %d credentials are left", ended, len(from.sessions), len(e.ufrags))
		}
		e.release()
	}
}
