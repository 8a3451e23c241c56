package transport

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// answers are what is given at once to the datagrams of a batch, sent with one system call. Those in a row that go to the same peer and are
// of one length, as the refusals of a flood are, take the kernel's long way as one datagram, which it cuts apart at the end (UDP_SEGMENT): that
// more than halves what sending costs.
type answers struct {
	room  [readBatch][]byte
	apart bool // the kernel, or the way, cuts nothing: each goes by itself

	n   int
	iov [readBatch]unix.Iovec
	to  [readBatch]*unix.Msghdr // the datagram that is answered

	out   [readBatch]mmsghdr
	first [readBatch]int // the answer that each of out begins with
	cut   [readBatch]segment
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
	a.iov[a.n].Base = &b[0]
	a.iov[a.n].SetLen(len(b))
	a.to[a.n] = &to.hdr
	a.n++
}

// flush sends the answers. What the socket has no room for is lost, as datagrams are: whoever was turned away asks again. What fails once
// may have failed for another datagram's error (see returns): that is reported.
func (a *answers) flush(fd int) (failed bool) {
	again := false
	for sent := 0; sent < a.n; {
		out := a.gather(sent)
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&a.out[0])), uintptr(out), unix.MSG_DONTWAIT, 0, 0)
		switch {
		case errno == 0 && int(n) == out, errno == unix.EAGAIN:
			sent = a.n
		case errno == 0:
			sent, again = a.first[n], false
		case errno == unix.EINTR || a.uncut(errno):
		case again: // the first of them
			sent, again = sent+1, false
		default:
			failed, again = true, true
		}
	}
	a.n = 0
	return failed
}

// uncut reports whether an error says that the way takes no parts: the device, IPsec or the MTU. That is asked of the socket no more.
func (a *answers) uncut(errno syscall.Errno) bool {
	if a.out[0].hdr.Iovlen == 1 || errno != unix.EINVAL && errno != unix.EIO {
		return false
	}
	a.apart = true
	return true
}

// gather writes headers for the answers from one on, and returns how many.
func (a *answers) gather(from int) (out int) {
	for ; from < a.n; out++ {
		to := a.until(from)
		h := &a.out[out].hdr
		*h = unix.Msghdr{Name: a.to[from].Name, Namelen: a.to[from].Namelen, Iov: &a.iov[from]}
		h.SetIovlen(to - from)
		if to-from > 1 {
			c := &a.cut[out]
			c.size = uint16(a.iov[from].Len)
			h.Control = (*byte)(unsafe.Pointer(c))
			h.SetControllen(int(unsafe.Sizeof(*c)))
		}
		a.first[out] = from
		from = to
	}
	return out
}

// until is the end of the answers that can go with one. Long ones go by themselves: together they are more than a datagram holds.
func (a *answers) until(one int) int {
	end := one + 1
	for !a.apart && a.iov[one].Len <= answerRoom && end < a.n && a.iov[end].Len == a.iov[one].Len && samePeer(a.to[one], a.to[end]) {
		end++
	}
	return end
}

func samePeer(x, y *unix.Msghdr) bool {
	return string(unsafe.Slice(x.Name, x.Namelen)) == string(unsafe.Slice(y.Name, y.Namelen))
}
