package media

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"drawbridge/media/offer"
)

// Of the sockets that the loops share the kernel chooses one for a packet by a hash of its own, so that a call would learn only from its
// browser's first check which loop its packets come to. It would have to move there, which wakes two threads, and with many loops nearly every
// call would. The engine therefore tells the kernel to choose by the browser's port, which a candidate in its SDP gives away most of the
// time. Where a NAT has changed the port, or the browser takes another way, the first check moves the call as ever.

// spread makes ports that follow each other go to different loops, and those that are even to all of them. Chosen here (the golden ratio).
const spread = 0x9E3779B1

// loopOf is the index of the loop, of so many, to which steer has packets from a port go.
func loopOf(port uint16, loops int) int {
	return int(uint32(port) * spread >> 16 % uint32(loops))
}

// steer makes the kernel choose by the source port among the sockets of one address, in the order in which they were bound; fd is one of
// them. The program is of the classic kind (BPF), which needs no privilege.
func steer(fd int, addr netip.AddrPort, loops int) error {
	header := uint32(20) // of IPv4; with options in it, which nobody sends, the choice is another one, but the same for all of a flow
	if addr.Addr().Is6() {
		header = 40
	}
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_ABS, K: netHeader + header}, // the source port comes first (RFC 768)
		{Code: unix.BPF_ALU | unix.BPF_MUL | unix.BPF_K, K: spread},
		{Code: unix.BPF_ALU | unix.BPF_RSH | unix.BPF_K, K: 16},
		{Code: unix.BPF_ALU | unix.BPF_MOD | unix.BPF_K, K: uint32(loops)},
		{Code: unix.BPF_RET | unix.BPF_A},
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF,
		&unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
}

// netHeader is SKF_NET_OFF: what a program adds to an offset that counts from the IP header.
const netHeader = 0xFFF00000

// anticipate moves a session to the loop where its browser's packets will most likely come in, as long as no check has told.
func (s *Session) anticipate(l *loop) {
	if s.adopted || s.closed || l.stopped || !s.engine.steered {
		return
	}
	for _, g := range s.legs {
		if g == nil || g.profile != offer.WebRTC || !g.bound || !g.st.Remote.IsValid() {
			continue
		}
		if to := s.engine.loops[loopOf(g.st.Remote.Port(), len(s.engine.loops))]; to != l {
			l.give(s, to, inTime)
		}
		return
	}
}
