package transport

import (
	"context"
	"net"
	"net/netip"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMark reads back what real sockets of both families are marked with: listening, accepted and dialled ones.
func TestMark(t *testing.T) {
	const dscp = 46
	for _, host := range []string{"127.0.0.1", "::1"} {
		at := netip.AddrPortFrom(netip.MustParseAddr(host), 0)
		level, option := unix.IPPROTO_IP, unix.IP_TOS
		if at.Addr().Is6() {
			level, option = unix.IPPROTO_IPV6, unix.IPV6_TCLASS
		}
		marked := func(what string, conn any) {
			t.Helper()
			raw, err := conn.(syscall.Conn).SyscallConn()
			if err != nil {
				t.Fatal(err)
			}
			got, failed := 0, error(nil)
			if err := raw.Control(func(fd uintptr) { got, failed = unix.GetsockoptInt(int(fd), level, option) }); err != nil || failed != nil {
				t.Fatal(err, failed)
			}
			if got>>2 != dscp {
				t.Errorf("%s at %s: DSCP %d, want %d", what, host, got>>2, dscp)
			}
		}
		udp, err := listenUDP("udp"+family(at.Addr()), at)
		if err != nil {
			t.Skipf("%s: %v", host, err)
		}
		defer udp.Close()
		marked("UDP", markOpen(udp, dscp))
		ln, err := listenTCP("tcp"+family(at.Addr()), at)
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		marked("a listener", markOpen(ln, dscp))
		conn, err := dialTCP(context.Background(), "tcp"+family(at.Addr()), at, ln.Addr().(*net.TCPAddr).AddrPort(), dscp)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		marked("a dialled connection", conn)
		accepted, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer accepted.Close()
		marked("an accepted connection", accepted)
	}
}

// CanMark knows what the system refuses: nobody may mark with more than six bits.
func TestCanMark(t *testing.T) {
	if err := CanMark(46); err != nil {
		t.Errorf("expedited forwarding: %v", err)
	}
}
