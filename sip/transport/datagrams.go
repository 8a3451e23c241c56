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
	// receive calls handle for each datagram until reading fails. One that is longer than most is cut to most+1 bytes.
	receive(most int, handle handler) error
}

// handler takes a datagram, which it may use until it returns. What it appends to room goes back to where the datagram came from.
type handler func(b []byte, from netip.AddrPort, room []byte) (answer []byte)

// Chosen here.
const (
	readBatch  = 16   // datagrams that one system call reads at most; a loaded gateway finds about as many
	answerRoom = 1024 // for an answer that is given at once; a longer one gets room of its own
)

// datagrams is a UDP socket whose system calls the Go scheduler does not see: none of them waits. To the scheduler a system call is a
// thread that may be gone for long. It wakes its monitor for it, which then looks every 20 µs, takes the P away and hands it to another
// thread: at a few hundred calls a second that cost a quarter of a call's CPU. Only the wait for the next datagram is Go's.
type datagrams struct {
	*net.UDPConn
	raw      syscall.RawConn
	returned *returns // nil: nobody wants to know
	cuts     bool     // the kernel sends many answers as one and cuts them apart

	mu sync.RWMutex // held while fd is used
	fd int          // -1: closed
}

func newDatagrams(conn *net.UDPConn) (*datagrams, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	d := &datagrams{UDPConn: conn, raw: raw}
	return d, raw.Control(func(fd uintptr) { d.fd, d.cuts = int(fd), cuttable(int(fd)) })
}

// Close closes the socket. Closing twice is fine.
func (d *datagrams) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fd = -1
	return d.UDPConn.Close()
}

// WriteToUDPAddrPort sends one datagram.
func (d *datagrams) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	n, err := d.write(b, to)
	if err != nil && d.returned != nil {
		return d.sendAgain(b, to, err)
	}
	return n, err
}

// write sends one datagram. What the socket has no room for now waits, as do the rare addresses with a zone, in Go's way.
func (d *datagrams) write(b []byte, to netip.AddrPort) (int, error) {
	if len(b) == 0 || to.Addr().Zone() != "" {
		return d.UDPConn.WriteToUDPAddrPort(b, to)
	}
	switch errno := d.send(b, to); errno {
	case 0:
		return len(b), nil
	case unix.EAGAIN, unix.EINTR, unix.EBADF:
		return d.UDPConn.WriteToUDPAddrPort(b, to)
	default:
		return 0, d.failure(to, errno)
	}
}

// failure is the error of a datagram that was not sent.
func (d *datagrams) failure(to netip.AddrPort, errno syscall.Errno) error {
	if errno == 0 {
		return nil
	}
	return &net.OpError{Op: "write", Net: "udp", Source: d.LocalAddr(), Addr: net.UDPAddrFromAddrPort(to), Err: errno}
}

func (d *datagrams) send(b []byte, to netip.AddrPort) syscall.Errno {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.fd < 0 {
		return unix.EBADF
	}
	return sendTo(d.fd, b, to)
}

func sendTo(fd int, b []byte, to netip.AddrPort) syscall.Errno {
	var name unix.RawSockaddrInet6
	size := putAddr(&name, to)
	_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), unix.MSG_DONTWAIT,
		uintptr(unsafe.Pointer(&name)), uintptr(size))
	return errno
}

// receive implements batchConn. It waits only when a system call has found fewer than it had room for: what comes after that wakes it. It
// gives nobody a turn before: what is not read in time is lost, answers and BYEs with the rest, and what is read can be turned away.
func (d *datagrams) receive(most int, handle handler) error {
	in := newBatch(most, d.cuts)
	var failure error
	err := d.raw.Read(func(fd uintptr) bool {
		for {
			n, errno := d.take(in, int(fd))
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
				b, from := in.datagram(i)
				in.answers.add(handle(b, from, in.answers.room[i][:0]), &in.hdr[i])
			}
			if in.answers.flush(int(fd)) && d.returned != nil {
				d.returned.read(int(fd))
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

// batch is the room for one system call's datagrams, and for the answers that are given to them at once.
type batch struct {
	hdr     [readBatch]mmsghdr
	in      [readBatch]packet
	answers answers
}

// packet is one datagram. The kernel writes of an address what the socket's family needs: RawSockaddrInet4 as well.
type packet struct {
	iov  unix.Iovec
	name unix.RawSockaddrInet6
	room []byte
}

// mmsghdr is struct mmsghdr of recvmmsg(2) on 64-bit Linux.
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
	_   [4]byte
}

// newBatch makes room for datagrams of at most most bytes. cuts: see cuttable.
func newBatch(most int, cuts bool) *batch {
	in := new(batch)
	for i := range in.hdr {
		p := &in.in[i]
		p.room = make([]byte, most+1) // one more tells what was too large
		p.iov.Base = &p.room[0]
		p.iov.SetLen(len(p.room))
		h := &in.hdr[i].hdr
		h.Name, h.Iov = (*byte)(unsafe.Pointer(&p.name)), &p.iov
		h.SetIovlen(1)
	}
	in.answers.init(cuts)
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
	return in.in[i].room[:in.hdr[i].n], addrOf(&in.in[i].name)
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
