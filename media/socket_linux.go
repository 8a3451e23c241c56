package media

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A loop reads and writes its sockets with raw non-blocking system calls, many datagrams a call. Nothing here allocates once a loop
// is made. What is called for every packet is syscall.RawSyscall6: that of x/sys goes through two wrappers more, whose returns the processor
// predicts wrongly behind a system call (2 % of a relayed packet).

// mmsghdr is struct mmsghdr of recvmmsg(2) on 64-bit Linux.
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
	_   [4]byte
}

// slot holds one datagram and the address it came from.
type slot struct {
	b    [slotSize]byte
	name unix.RawSockaddrInet6 // or RawSockaddrInet4: the kernel writes what the socket's family needs
}

// slots is a batch of slots that is used from the front and given back as a whole.
type slots struct {
	all  [batchSize]slot
	next int
}

func (s *slots) free() int { return batchSize - s.next }

// inlet is the receiving side of a loop.
type inlet struct {
	slots
	iov [batchSize]unix.Iovec
	hdr [batchSize]mmsghdr
}

func (in *inlet) init() {
	for i := range in.hdr {
		s := &in.all[i]
		in.iov[i].Base = &s.b[0]
		in.iov[i].SetLen(slotSize - tailRoom)
		h := &in.hdr[i].hdr
		h.Name = (*byte)(unsafe.Pointer(&s.name))
		h.Iov = &in.iov[i]
		h.SetIovlen(1)
	}
}

// recv fills up to max slots from fd and returns the index of the first and their number. It needs a free slot.
func (in *inlet) recv(fd, max int) (first, n int) {
	first = in.next
	max = min(max, in.free())
	for i := first; i < first+max; i++ {
		in.hdr[i].hdr.Namelen = unix.SizeofSockaddrInet6
	}
	r, _, errno := syscall.RawSyscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&in.hdr[first])), uintptr(max), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return first, 0 // EAGAIN, or an ICMP error that the next read clears
	}
	in.next += int(r)
	return first, int(r)
}

// recvOne fills one slot from fd and returns its index and 1, or 0 when there is nothing. It costs three quarters of recv, which also finds
// out that there is no second.
func (in *inlet) recvOne(fd int) (i, n int) {
	i = in.next
	h := &in.hdr[i]
	h.hdr.Namelen = unix.SizeofSockaddrInet6
	r, _, errno := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&in.all[i].b[0])), slotSize-tailRoom,
		unix.MSG_DONTWAIT|unix.MSG_TRUNC, uintptr(unsafe.Pointer(&in.all[i].name)), uintptr(unsafe.Pointer(&h.hdr.Namelen)))
	if errno != 0 {
		return i, 0
	}
	h.n, h.hdr.Flags = uint32(r), 0
	if r > slotSize-tailRoom {
		h.hdr.Flags = unix.MSG_TRUNC
	}
	in.next++
	return i, 1
}

// datagram returns what slot i holds; nil when it did not fit.
func (in *inlet) datagram(i int) ([]byte, netip.AddrPort) {
	h := &in.hdr[i]
	if h.hdr.Flags&unix.MSG_TRUNC != 0 {
		return nil, addrOf(&in.all[i].name)
	}
	return in.all[i].b[:h.n], addrOf(&in.all[i].name)
}

// outbox collects datagrams that leave through one shared socket. It keeps pointers to slots until flush.
type outbox struct {
	n    int
	hdr  [batchSize]mmsghdr
	iov  [batchSize]unix.Iovec
	name [batchSize]unix.RawSockaddrInet6
}

func (o *outbox) init() {
	for i := range o.hdr {
		h := &o.hdr[i].hdr
		h.Name = (*byte)(unsafe.Pointer(&o.name[i]))
		h.Iov = &o.iov[i]
		h.SetIovlen(1)
	}
}

// put queues b for to. The outbox must have room.
func (o *outbox) put(b []byte, to *sockaddr) {
	o.name[o.n] = to.raw
	o.hdr[o.n].hdr.Namelen = to.len
	o.iov[o.n].Base = &b[0]
	o.iov[o.n].SetLen(len(b))
	o.n++
}

// flush sends everything and returns how many datagrams the kernel refused: a full buffer or an unreachable network loses packets,
// as any network may.
func (o *outbox) flush(fd int) (refused uint64) {
	for sent := 0; sent < o.n; {
		r, _, errno := syscall.RawSyscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&o.hdr[sent])), uintptr(o.n-sent), unix.MSG_DONTWAIT, 0, 0)
		switch {
		case errno == 0:
			sent += int(r)
		case errno == unix.EINTR:
		case errno == unix.EAGAIN:
			refused += uint64(o.n - sent)
			sent = o.n
		default: // the first of them
			refused++
			sent++
		}
	}
	o.n = 0
	return refused
}

// sendTo sends one datagram at once; false when the kernel refused it.
func sendTo(fd int, b []byte, to *sockaddr) bool {
	_, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), unix.MSG_DONTWAIT,
		uintptr(unsafe.Pointer(&to.raw)), uintptr(to.len))
	return errno == 0
}

// sockaddr is an address in the kernel's form, made once for a peer.
type sockaddr struct {
	addr netip.AddrPort
	raw  unix.RawSockaddrInet6
	len  uint32
}

func sockaddrOf(a netip.AddrPort) sockaddr {
	s := sockaddr{addr: a}
	if a.Addr().Is4() {
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(&s.raw))
		v4.Family = unix.AF_INET
		v4.Addr = a.Addr().As4()
		putPort(&v4.Port, a.Port())
		s.len = unix.SizeofSockaddrInet4
		return s
	}
	s.raw.Family = unix.AF_INET6
	s.raw.Addr = a.Addr().As16()
	putPort(&s.raw.Port, a.Port())
	s.len = unix.SizeofSockaddrInet6
	return s
}

func addrOf(raw *unix.RawSockaddrInet6) netip.AddrPort {
	if raw.Family == unix.AF_INET {
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(raw))
		return netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), getPort(&v4.Port))
	}
	return netip.AddrPortFrom(netip.AddrFrom16(raw.Addr), getPort(&raw.Port))
}

// The port of a sockaddr is in network byte order whatever the machine's.
func putPort(p *uint16, port uint16) {
	b := (*[2]byte)(unsafe.Pointer(p))
	b[0], b[1] = byte(port>>8), byte(port)
}

func getPort(p *uint16) uint16 {
	b := (*[2]byte)(unsafe.Pointer(p))
	return uint16(b[0])<<8 | uint16(b[1])
}

// openShared opens one browser socket; group adds it to the SO_REUSEPORT group of its address.
func openShared(addr netip.AddrPort, group bool, dscp uint8) (fd int, bound netip.AddrPort, err error) {
	return openUDP(addr, marked(dscp, func(fd, family int) error {
		if err := unfragmented(fd, family); err != nil {
			return err
		}
		if group {
			if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
				return err
			}
		}
		// The forced form needs CAP_NET_ADMIN; without it net.core.rmem_max caps what we get.
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, sharedRecv) != nil {
			return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, sharedRecv)
		}
		return nil
	}))
}

// recvRoom is how many bytes may wait for a socket; the kernel says twice of it (socket(7)).
func recvRoom(fd int) int {
	n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
	if err != nil {
		return 0
	}
	return n / 2
}

// vacantAddr tells whether nobody else has addr: a group of SO_REUSEPORT would let a second gateway in, and half of all flows with it.
func vacantAddr(addr netip.AddrPort) error {
	if addr.Port() == 0 {
		return nil
	}
	fd, _, err := openUDP(addr, nil)
	if err != nil {
		return err
	}
	closeFD(fd)
	return nil
}

// openUDP opens a non-blocking UDP socket on addr; options may be nil. A call opens up to four: no system call
// is made that is not needed.
func openUDP(addr netip.AddrPort, options func(fd, family int) error) (fd int, bound netip.AddrPort, err error) {
	family := unix.AF_INET
	if !addr.Addr().Is4() {
		family = unix.AF_INET6
	}
	fd, err = unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_UDP)
	if err != nil {
		return -1, addr, fmt.Errorf("socket: %w", err)
	}
	if err = setUp(fd, family, addr, options); err == nil {
		if bound = addr; addr.Port() == 0 {
			bound, err = localOf(fd)
		}
	}
	if err != nil {
		closeSocket(fd)
		return -1, addr, err
	}
	return fd, bound, nil
}

func setUp(fd, family int, addr netip.AddrPort, options func(fd, family int) error) error {
	if options != nil {
		if err := options(fd, family); err != nil {
			return fmt.Errorf("setsockopt: %w", err)
		}
	}
	if family == unix.AF_INET6 {
		if err := setOption(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1); err != nil {
			return fmt.Errorf("setsockopt: %w", err)
		}
	}
	if err := bind(fd, addr); err != nil {
		return fmt.Errorf("bind %s: %w", addr, err)
	}
	return nil
}

// bind, setOption and closeSocket are made for many a call that is set up and never wait, so the scheduler need not see them: one system
// call that it sees wakes its monitor for a millisecond (pace.go).

func bind(fd int, addr netip.AddrPort) error {
	sa := sockaddrOf(addr)
	if _, _, errno := unix.RawSyscall(unix.SYS_BIND, uintptr(fd), uintptr(unsafe.Pointer(&sa.raw)), uintptr(sa.len)); errno != 0 {
		return errno
	}
	return nil
}

func setOption(fd, level, option int, value int32) error {
	_, _, errno := syscall.RawSyscall6(unix.SYS_SETSOCKOPT, uintptr(fd), uintptr(level), uintptr(option),
		uintptr(unsafe.Pointer(&value)), unsafe.Sizeof(value), 0)
	if errno != 0 {
		return errno
	}
	return nil
}

func closeSocket(fd int) {
	_, _, _ = unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0) // nothing is buffered that could fail
}

// drain throws away what has come in on a socket, up to what fits into its buffer.
func drain(fd int) {
	for range 512 {
		_, _, errno := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), 0, 0, unix.MSG_DONTWAIT|unix.MSG_TRUNC, 0, 0)
		if errno == unix.EAGAIN {
			return
		}
	}
}

// unfragmented is for sockets that send a stream: PROBE sets DF and lets every packet go, so no fragment identification is drawn per
// packet and no path MTU is kept per destination.
func unfragmented(fd, family int) error {
	if family == unix.AF_INET6 {
		return setOption(fd, unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_PROBE)
	}
	return setOption(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_PROBE)
}

// marked adds a DSCP to a socket's options; the ECN bits stay 0. What the system refuses, as it may the values above 47, is left out: an
// unmarked call is better than none.
func marked(dscp uint8, options func(fd, family int) error) func(fd, family int) error {
	if dscp == 0 {
		return options
	}
	return func(fd, family int) error {
		if family == unix.AF_INET6 {
			_ = setOption(fd, unix.IPPROTO_IPV6, unix.IPV6_TCLASS, int32(dscp)<<2)
		} else {
			_ = setOption(fd, unix.IPPROTO_IP, unix.IP_TOS, int32(dscp)<<2)
		}
		if options == nil {
			return nil
		}
		return options(fd, family)
	}
}

func localOf(fd int) (netip.AddrPort, error) {
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("getsockname: %w", err)
	}
	switch a := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port)), nil
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr), uint16(a.Port)), nil
	}
	return netip.AddrPort{}, errors.New("getsockname: not an IP socket")
}

// kernelDrops is how many datagrams a socket has lost because its buffer was full (SK_MEMINFO_DROPS of sock_diag(7)).
func kernelDrops(fd int) uint32 {
	var info [9]uint32
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := syscall.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info[0])), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return 0
	}
	return info[8]
}
