package transport

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// batchConn is a packetConn that hands on what it reads by itself, many datagrams a system call.
type batchConn interface {
	packetConn
	// receive calls handle for each datagram until reading fails. handle may use b until it returns; one that is longer than most
	// is cut to most+1 bytes.
	receive(most int, handle func(b []byte, from netip.AddrPort)) error
}

// readBatch is how many datagrams one system call reads at most. Chosen here: a loaded gateway finds about as many.
const readBatch = 8

// datagrams is a UDP socket whose system calls the Go scheduler does not see: none of them waits. To the scheduler a system call is a
// thread that may be gone for long. It wakes its monitor for it, which then looks every 20 µs, takes the P away and hands it to another
// thread: at a few hundred calls a second that cost a quarter of a call's CPU. Only the wait for the next datagram is Go's.
type datagrams struct {
	*net.UDPConn
	raw syscall.RawConn

	mu sync.RWMutex // held while fd is used
	fd int          // -1: closed
}

func newDatagrams(conn *net.UDPConn) (*datagrams, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	d := &datagrams{UDPConn: conn, raw: raw}
	return d, raw.Control(func(fd uintptr) { d.fd = int(fd) })
}

// Close closes the socket. Closing twice is fine.
func (d *datagrams) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fd = -1
	return d.UDPConn.Close()
}

// WriteToUDPAddrPort sends one datagram. What the socket has no room for now waits, as do the rare addresses with a zone, in Go's way.
func (d *datagrams) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	if len(b) == 0 || to.Addr().Zone() != "" {
		return d.UDPConn.WriteToUDPAddrPort(b, to)
	}
	switch errno := d.send(b, to); errno {
	case 0:
		return len(b), nil
	case unix.EAGAIN, unix.EINTR, unix.EBADF:
		return d.UDPConn.WriteToUDPAddrPort(b, to)
	default:
		return 0, &net.OpError{Op: "write", Net: "udp", Source: d.LocalAddr(), Addr: net.UDPAddrFromAddrPort(to), Err: errno}
	}
}

func (d *datagrams) send(b []byte, to netip.AddrPort) syscall.Errno {
	var name unix.RawSockaddrInet6
	size := putAddr(&name, to)
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.fd < 0 {
		return unix.EBADF
	}
	_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(d.fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), unix.MSG_DONTWAIT,
		uintptr(unsafe.Pointer(&name)), uintptr(size))
	return errno
}

// receive implements batchConn. It waits only when a system call has found fewer than it had room for: what comes after that wakes it.
func (d *datagrams) receive(most int, handle func(b []byte, from netip.AddrPort)) error {
	in := newBatch(most)
	var failure error
	err := d.raw.Read(func(fd uintptr) bool {
		for {
			n, errno := in.read(int(fd))
			switch {
			case errno == unix.EAGAIN:
				return false
			case errno == unix.EINTR:
				continue
			case errno != 0:
				failure = errno
				return true
			}
			for i := range n {
				handle(in.datagram(i))
			}
			if n < readBatch {
				return false
			}
		}
	})
	if err != nil {
		return err
	}
	return failure
}

// batch is the room for one system call's datagrams.
type batch struct {
	hdr  [readBatch]mmsghdr
	iov  [readBatch]unix.Iovec
	name [readBatch]unix.RawSockaddrInet6 // or RawSockaddrInet4: the kernel writes what the socket's family needs
	room [readBatch][]byte
}

// mmsghdr is struct mmsghdr of recvmmsg(2) on 64-bit Linux.
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
	_   [4]byte
}

func newBatch(most int) *batch {
	in := new(batch)
	for i := range in.hdr {
		in.room[i] = make([]byte, most+1) // one more tells what was too large
		in.iov[i].Base = &in.room[i][0]
		in.iov[i].SetLen(most + 1)
		h := &in.hdr[i].hdr
		h.Name = (*byte)(unsafe.Pointer(&in.name[i]))
		h.Iov = &in.iov[i]
		h.SetIovlen(1)
	}
	return in
}

// read takes what has come, without waiting.
func (in *batch) read(fd int) (int, syscall.Errno) {
	for i := range in.hdr {
		in.hdr[i].hdr.Namelen = unix.SizeofSockaddrInet6
	}
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&in.hdr[0])), readBatch, unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

func (in *batch) datagram(i int) ([]byte, netip.AddrPort) {
	return in.room[i][:in.hdr[i].n], addrOf(&in.name[i])
}

// addrOf reads an address in the kernel's form. A link's own addresses carry the link's number as their zone.
func addrOf(raw *unix.RawSockaddrInet6) netip.AddrPort {
	if raw.Family == unix.AF_INET {
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(raw))
		return netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), wirePort(&v4.Port))
	}
	a := netip.AddrFrom16(raw.Addr)
	if raw.Scope_id != 0 {
		a = a.WithZone(strconv.FormatUint(uint64(raw.Scope_id), 10))
	}
	return netip.AddrPortFrom(a, wirePort(&raw.Port))
}

// putAddr writes an address in the kernel's form and returns its size.
func putAddr(raw *unix.RawSockaddrInet6, a netip.AddrPort) int {
	if a.Addr().Is4() {
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(raw))
		v4.Family, v4.Addr = unix.AF_INET, a.Addr().As4()
		setWirePort(&v4.Port, a.Port())
		return unix.SizeofSockaddrInet4
	}
	raw.Family, raw.Addr = unix.AF_INET6, a.Addr().As16()
	setWirePort(&raw.Port, a.Port())
	return unix.SizeofSockaddrInet6
}

// The port of a socket address is in network byte order whatever the machine's.
func wirePort(p *uint16) uint16 { return binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(p))[:]) }

func setWirePort(p *uint16, port uint16) {
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(p))[:], port)
}
