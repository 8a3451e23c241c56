package transport

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// returner is a packetConn that hears of datagrams which nobody takes where they went.
type returner interface {
	// hearReturns calls handle for each from now on, with the beginning of it. It is to be called before anything is sent.
	hearReturns(handle func(to netip.AddrPort, quote []byte)) error
}

// returns are the ICMP errors of a socket. The kernel queues them, and makes the next system call fail, whatever it is about: what fails is
// done again, and whoever has met such a failure reads the queue. None is left there: the kernel has put it in before it makes a call fail.
type returns struct {
	handle        func(to netip.AddrPort, quote []byte)
	level, option int // that ask for them

	mu    sync.Mutex // guards the rest, the room for one of them
	hdr   unix.Msghdr
	iov   unix.Iovec
	name  unix.RawSockaddrInet6
	what  icmpError
	quote [quoteRoom]byte
}

// icmpError is the control message of one: cmsghdr, sock_extended_err and who has sent it (ip(7), IP_RECVERR).
type icmpError struct {
	hdr     unix.Cmsghdr
	why     unix.SockExtendedErr
	address unix.RawSockaddrInet6
}

// Chosen here.
const (
	quoteRoom   = 1280 // of a datagram that has come back; the branch stands near its beginning
	returnBatch = 32   // read in one go: who sends many must not hold up the socket
	sendTries   = 3    // errors that have come in since are those of others
	deafTries   = 4    // as many errors as may be on their way in at one time, and one
)

// hearReturns implements returner.
func (d *datagrams) hearReturns(handle func(to netip.AddrPort, quote []byte)) error {
	level, option := unix.IPPROTO_IP, unix.IP_RECVERR
	if addrPort(d.LocalAddr()).Addr().Is6() {
		level, option = unix.IPPROTO_IPV6, unix.IPV6_RECVERR
	}
	if err := unix.SetsockoptInt(d.fd, level, option, 1); err != nil {
		return err
	}
	d.returned = &returns{handle: handle, level: level, option: option}
	return nil
}

// sendAgain repeats what has failed for another datagram's error. Anybody can send one such error upon the other, so what goes on failing is
// sent with the socket deaf to them: what it fails for then is its own.
func (d *datagrams) sendAgain(b []byte, to netip.AddrPort, err error) (int, error) {
	for tries := 1; tries < sendTries && isReturn(err); tries++ {
		_, err = d.write(b, to)
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.fd < 0 {
		return 0, net.ErrClosed
	}
	d.returned.read(d.fd)
	if isReturn(err) && to.Addr().Zone() == "" {
		err = d.failure(to, d.returned.deaf(d.fd, func() syscall.Errno { return sendTo(d.fd, b, to) }))
	}
	if err != nil {
		return 0, err
	}
	return len(b), nil
}

// deaf does a call that fails for nobody else's error. What comes back meanwhile is not heard of.
func (r *returns) deaf(fd int, call func() syscall.Errno) syscall.Errno {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = unix.SetsockoptInt(fd, r.level, r.option, 0) // it was set with the same words
	errno := call()
	for tries := 1; tries < deafTries && slices.Contains(icmpErrnos, errno); tries++ { // for an error that was on its way in
		errno = call()
	}
	_ = unix.SetsockoptInt(fd, r.level, r.option, 1)
	if errno == unix.EAGAIN {
		return 0 // lost like any datagram
	}
	return errno
}

// isReturn reports whether a call may have failed for something that has come back.
func isReturn(err error) bool {
	errno, ok := errors.AsType[syscall.Errno](err)
	return ok && slices.Contains(icmpErrnos, errno)
}

// take reads what has come. What it fails for does not stand in its way twice: datagrams are read however many errors come.
func (d *datagrams) take(in *batch, fd int) (int, syscall.Errno) {
	n, errno := in.read(fd)
	if !d.returns(errno) {
		return n, errno
	}
	n, errno = in.read(fd)
	d.returned.read(fd)
	if d.returns(errno) {
		return 0, unix.EINTR
	}
	return n, errno
}

// returns reports whether a call may have failed for something that has come back.
func (d *datagrams) returns(errno syscall.Errno) bool {
	return d.returned != nil && slices.Contains(icmpErrnos, errno)
}

// icmpErrnos are the errors that an ICMP message may stand behind (Linux: icmp_err_convert, icmpv6_err_convert).
var icmpErrnos = []syscall.Errno{
	unix.ECONNREFUSED, unix.EHOSTUNREACH, unix.ENETUNREACH, unix.ENOPROTOOPT, unix.EHOSTDOWN, unix.ENONET, unix.EMSGSIZE, unix.EOPNOTSUPP,
	unix.EPROTO, unix.EACCES,
}

// read takes errors out of the queue and hands on those that say: there is nobody at this port. A host or network that is not reached now
// may be reached by the next datagram.
func (r *returns) read(fd int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for range returnBatch {
		n, ok := r.next(fd)
		if !ok {
			return
		}
		if refused(&r.what.why) && r.hdr.Controllen >= unix.SizeofCmsghdr+uint64(unsafe.Sizeof(r.what.why)) {
			r.handle(addrOf(&r.name), r.quote[:n])
		}
	}
}

// next reads one, n bytes of the datagram.
func (r *returns) next(fd int) (n int, ok bool) {
	r.iov.Base = &r.quote[0]
	r.iov.SetLen(len(r.quote))
	r.hdr = unix.Msghdr{Name: (*byte)(unsafe.Pointer(&r.name)), Namelen: unix.SizeofSockaddrInet6, Iov: &r.iov, Control: (*byte)(unsafe.Pointer(&r.what))}
	r.hdr.SetIovlen(1)
	r.hdr.SetControllen(int(unsafe.Sizeof(r.what)))
	got, _, errno := unix.RawSyscall(unix.SYS_RECVMSG, uintptr(fd), uintptr(unsafe.Pointer(&r.hdr)), unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
	return int(got), errno == 0
}

// refused reports whether a host says that no program has this port.
func refused(why *unix.SockExtendedErr) bool {
	return why.Errno == uint32(unix.ECONNREFUSED) && (why.Origin == unix.SO_EE_ORIGIN_ICMP || why.Origin == unix.SO_EE_ORIGIN_ICMP6)
}
