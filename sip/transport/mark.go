package transport

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// Mark returns a Control function, for net.ListenConfig and net.Dialer, that gives a socket's packets a DSCP (RFC 2474), 0 to 63. The two ECN
// bits stay the kernel's. nil for 0: best effort is what every socket begins with. A value that the system refuses leaves the socket
// unmarked; CanMark tells beforehand.
func Mark(dscp uint8) func(network, address string, c syscall.RawConn) error {
	if dscp == 0 {
		return nil
	}
	return func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { _ = mark(int(fd), dscp) }) // an unmarked call is better than none
	}
}

// CanMark tells whether the system lets this process mark packets with a DSCP. The error is the system's.
func CanMark(dscp uint8) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.IPPROTO_UDP)
	if err != nil {
		return fmt.Errorf("transport: socket: %w", err)
	}
	defer func() { _ = unix.Close(fd) }()
	if err := mark(fd, dscp); err != nil {
		return fmt.Errorf("transport: DSCP %d: %w", dscp, err)
	}
	return nil
}

// mark sets the DSCP of a socket. An IPv6 socket that also serves IPv4 needs both options; either alone is no error.
func mark(fd int, dscp uint8) error {
	v4 := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TOS, int(dscp)<<2)
	v6 := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_TCLASS, int(dscp)<<2)
	if v4 != nil && v6 != nil {
		return errors.Join(v4, v6)
	}
	return nil
}

// markOpen marks a socket that is open, and returns it. One that is none, as a pipe, stays as it is.
func markOpen[C interface{ Close() error }](conn C, dscp uint8) C {
	if s, ok := any(conn).(syscall.Conn); ok && dscp != 0 {
		if raw, err := s.SyscallConn(); err == nil {
			_ = Mark(dscp)("", "", raw) // as above
		}
	}
	return conn
}
