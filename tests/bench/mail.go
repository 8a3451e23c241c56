package main

import (
	"encoding/binary"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mail is a batch of datagrams with addresses, to read or to send.
type mail struct {
	buf  [batch][room]byte
	iov  [batch]unix.Iovec
	addr [batch]unix.RawSockaddrInet4
	hdrs [batch]message
	n    int // to send
}

func newMail() *mail {
	m := &mail{}
	for i := range m.hdrs {
		m.iov[i].Base = &m.buf[i][0]
		h := &m.hdrs[i].hdr
		h.Iov = &m.iov[i]
		h.SetIovlen(1)
		h.Name, h.Namelen = (*byte)(unsafe.Pointer(&m.addr[i])), unix.SizeofSockaddrInet4
	}
	return m
}

// receive takes what fd has, up to a batch; 0 when there is nothing.
func (m *mail) receive(fd int) int {
	for i := range m.iov {
		m.iov[i].SetLen(room)
		m.hdrs[i].hdr.Namelen = unix.SizeofSockaddrInet4
	}
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&m.hdrs)), batch, unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0
	}
	return int(n)
}

// datagram is the i-th that was received, and the port that it is from.
func (m *mail) datagram(i int) (b []byte, port uint16) {
	return m.buf[i][:m.hdrs[i].n], binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&m.addr[i].Port))[:])
}

// take reads one datagram of fd, which will be sent with so many bytes more to an address.
func (m *mail) take(fd, more int, to *unix.RawSockaddrInet4) {
	size := uint32(unix.SizeofSockaddrInet4)
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&m.buf[m.n])), room, unix.MSG_DONTWAIT,
		uintptr(unsafe.Pointer(&m.addr[m.n])), uintptr(unsafe.Pointer(&size)))
	if errno != 0 {
		return
	}
	m.iov[m.n].SetLen(int(n) + more)
	m.addr[m.n] = *to
	m.n++
}

// send sends what was taken.
func (m *mail) send(fd int) {
	if m.n > 0 {
		_, _, _ = unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&m.hdrs)), uintptr(m.n), unix.MSG_DONTWAIT, 0, 0) // what is lost is missed where it should arrive
	}
	m.n = 0
}
