package transport

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// answers are what is given at once to the datagrams of a batch, sent with one system call. Those that go to the same peer and are of one
// length, as most refusals of a flood are, take the kernel's long way as one datagram, which it cuts apart at the end (UDP_SEGMENT): that more
// than halves what sending costs. Answers to one peer may leave in another order than its datagrams came.
type answers struct {
	room  [readBatch][]byte
	apart bool // the kernel, or the way, cuts nothing: each goes by itself

	n   int // groups
	out [readBatch]mmsghdr
	iov [readBatch][readBatch]unix.Iovec
	cut [readBatch]segment
}

// segment is the control message that says how long the parts are.
type segment struct {
	hdr  unix.Cmsghdr
	size uint16
	_    [6]byte
}

// cuttable reports whether the kernel of a socket knows UDP_SEGMENT (Linux 4.18): an older one would send all parts as one.
func cuttable(fd int) bool {
	_, err := unix.GetsockoptInt(fd, unix.SOL_UDP, unix.UDP_SEGMENT)
	return err == nil
}

func (a *answers) init(cuts bool) {
	a.apart = !cuts
	for i := range a.room {
		a.room[i] = make([]byte, answerRoom)
		c := &a.cut[i]
		c.hdr.Level, c.hdr.Type = unix.SOL_UDP, unix.UDP_SEGMENT
		c.hdr.SetLen(unix.CmsgLen(int(unsafe.Sizeof(c.size))))
	}
}

// add queues an answer to a datagram; an empty one is none.
func (a *answers) add(b []byte, to *mmsghdr) {
	if len(b) == 0 {
		return
	}
	var part unix.Iovec
	part.Base = &b[0]
	part.SetLen(len(b))
	a.put(part, &to.hdr)
}

// put adds a part to a group of its like, or begins one.
func (a *answers) put(part unix.Iovec, to *unix.Msghdr) {
	for g := range a.n {
		if a.takes(g, part, to) {
			h, c := &a.out[g].hdr, &a.cut[g]
			a.iov[g][h.Iovlen] = part
			h.Iovlen++
			c.size = uint16(part.Len)
			h.Control = (*byte)(unsafe.Pointer(c))
			h.SetControllen(int(unsafe.Sizeof(*c)))
			return
		}
	}
	a.iov[a.n][0] = part
	a.out[a.n].hdr = unix.Msghdr{Name: to.Name, Namelen: to.Namelen, Iov: &a.iov[a.n][0], Iovlen: 1}
	a.n++
}

// takes reports whether a part belongs to a group. Long ones go by themselves: together they are more than a datagram holds.
func (a *answers) takes(g int, part unix.Iovec, to *unix.Msghdr) bool {
	h := &a.out[g].hdr
	return !a.apart && part.Len <= answerRoom && a.iov[g][0].Len == part.Len &&
		string(unsafe.Slice(h.Name, h.Namelen)) == string(unsafe.Slice(to.Name, to.Namelen))
}

// flush sends the answers. What the socket has no room for is lost, as datagrams are: whoever was turned away asks again. What fails once
// may have failed for another datagram's error (see returns): that is reported.
func (a *answers) flush(fd int) (failed bool) {
	again := false
	for sent := 0; sent < a.n; {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&a.out[sent])), uintptr(a.n-sent), unix.MSG_DONTWAIT, 0, 0)
		switch {
		case errno == 0:
			sent, again = sent+int(n), false
		case errno == unix.EAGAIN:
			sent = a.n
		case errno == unix.EINTR || a.uncut(sent, errno):
		case again: // the first of them
			sent, again = sent+1, false
		default:
			failed, again = true, true
		}
	}
	a.n = 0
	return failed
}

// uncut reports whether an error of a group says that the way takes no parts: the device, IPsec or the MTU. That is not asked of the socket
// again, and from this group on each answer goes by itself.
func (a *answers) uncut(from int, errno syscall.Errno) bool {
	if a.out[from].hdr.Iovlen == 1 || errno != unix.EINVAL && errno != unix.EIO {
		return false
	}
	out, iov, n := a.out, a.iov, a.n
	a.apart, a.n = true, from
	for g := from; g < n; g++ {
		for _, part := range iov[g][:out[g].hdr.Iovlen] {
			a.put(part, &out[g].hdr)
		}
	}
	return true
}
