package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"time"
	"unsafe"

	"github.com/pion/rtp"
	"golang.org/x/sys/unix"

	"drawbridge/tests/light"
)

// The pump moves the packets of all calls on one thread with as little CPU as it can: it shares the machine with what is measured. It
// sends when a packet is due and then looks for what has come; the kernel has noted when that was, so it need not wait for it.

const (
	batch     = 64
	room      = 1500
	stampSize = 8 // bytes of a relayed payload that carry the time it was sent
	turnEvery = 7 * time.Millisecond
)

// receiver reads one socket in batches, with the kernel's times of arrival.
type receiver struct {
	buf  [batch][room]byte
	ctl  [batch][64]byte
	iov  [batch]unix.Iovec
	hdrs [batch]message
}

// message is struct mmsghdr.
type message struct {
	hdr unix.Msghdr
	n   uint32
	_   [4]byte
}

func newReceiver() *receiver {
	r := &receiver{}
	for i := range r.hdrs {
		r.iov[i].Base = &r.buf[i][0]
		r.iov[i].SetLen(room)
		h := &r.hdrs[i].hdr
		h.Iov = &r.iov[i]
		h.SetIovlen(1)
		h.Control = &r.ctl[i][0]
	}
	return r
}

// read takes what fd has, up to a batch. The returned number is 0 when there is nothing.
func (r *receiver) read(fd int) int {
	for i := range r.hdrs {
		r.hdrs[i].hdr.SetControllen(len(r.ctl[i]))
	}
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&r.hdrs)), batch, unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0
	}
	return int(n)
}

func (r *receiver) datagram(i int) []byte { return r.buf[i][:r.hdrs[i].n] }

// at is when datagram i reached its socket, in nanoseconds of the wall clock.
func (r *receiver) at(i int) int64 {
	ctl := r.ctl[i][:r.hdrs[i].hdr.Controllen]
	if len(ctl) < unix.SizeofCmsghdr+16 {
		return 0
	}
	h := (*unix.Cmsghdr)(unsafe.Pointer(&ctl[0]))
	if h.Level != unix.SOL_SOCKET || h.Type != unix.SCM_TIMESTAMPNS {
		return 0
	}
	ts := (*unix.Timespec)(unsafe.Pointer(&ctl[unix.SizeofCmsghdr]))
	return ts.Nano()
}

// stamped makes the kernel note times of arrival, and gives the socket room.
func stamped(fd int) error {
	return errors.Join(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1), unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, readRoom))
}

// post sends one datagram.
func post(fd int, b []byte, to *unix.RawSockaddrInet4) error {
	_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), unix.MSG_DONTWAIT,
		uintptr(unsafe.Pointer(to)), unix.SizeofSockaddrInet4)
	if errno != 0 {
		return fmt.Errorf("send: %w", errno)
	}
	return nil
}

func sockaddr(a netip.AddrPort) unix.RawSockaddrInet4 {
	s := unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: a.Addr().As4()}
	p := (*[2]byte)(unsafe.Pointer(&s.Port))
	p[0], p[1] = byte(a.Port()>>8), byte(a.Port())
	return s
}

// call is one call as the pump sees it.
type call struct {
	fd      int // of the WebRTC side, as is what follows
	seal    func(dst, packet []byte, h *rtp.Header) ([]byte, error)
	open    func(dst, packet []byte, h *rtp.Header) ([]byte, error)
	consent func() error          // is refreshed now and then
	web     unix.RawSockaddrInet4 // where the WebRTC side sends
	trunk   unix.RawSockaddrInet4 // where the phone sends
	tick    uint64                // frames sent
}

// pump is the traffic of a farm.
type pump struct {
	farm  *farm
	calls []*call
	in    *receiver
	out   [room]byte
	h     rtp.Header
	slot  uint64
	next  time.Time // when the next slot is due

	from, to int64 // stamps that count
	tally    tally
	hear     func(call int, web bool, packet []byte) // nil: only counted
}

// tally is what a window has seen. Relayed packets are counted by the time they were sent, so those under way are no loss.
type tally struct {
	sent, received uint64
	delays         []int64 // ns, of relayed packets
}

func newPump(f *farm) (*pump, error) {
	return &pump{farm: f, in: newReceiver()}, stamped(f.phones.fd)
}

// add takes a connected client's traffic over.
func (p *pump) add(c *light.Client, target netip.AddrPort) error {
	w, err := c.Wire()
	if err != nil {
		return err
	}
	return p.play(&call{
		fd: w.FD, seal: w.Send.EncryptRTP, open: w.Recv.DecryptRTP, consent: c.Consent, web: sockaddr(w.Remote.Addr), trunk: sockaddr(target),
	})
}

// play takes a call on.
func (p *pump) play(c *call) error {
	p.calls = append(p.calls, c)
	return stamped(c.fd)
}

// run plays traffic for d. What is sent between from and to is counted, and what comes of it.
func (p *pump) run(d time.Duration) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	p.next = time.Now()
	turn := p.next.Add(turnEvery)
	for end := p.next.Add(d); p.next.Before(end); p.next = p.next.Add(slotTime) {
		p.await()
		if err := p.sendSlot(); err != nil {
			return err
		}
		p.drain()
		if p.next.After(turn) {
			turn = p.next.Add(turnEvery)
			yield()
		}
	}
	return nil
}

// await sleeps until the next slot is due. The scheduler of Go does not learn of it: a goroutine that is in system calls all the time has its
// monitor look every 20 us, which takes a tenth of a core, the pump's, and makes packets late.
func (p *pump) await() {
	wait := time.Until(p.next)
	if wait <= 0 {
		return
	}
	ts := unix.NsecToTimespec(wait.Nanoseconds())
	_, _, _ = unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&ts)), 0, 0) // cut short: the slot comes a little early
}

// yield passes through the scheduler before the monitor asks for it, 10 ms after the last time, by signals.
func yield() {
	runtime.UnlockOSThread()
	runtime.Gosched()
	runtime.LockOSThread()
}

// sendSlot sends the frames of every call whose turn it is.
func (p *pump) sendSlot() error {
	for i := int(p.slot % slots); i < len(p.calls); i += slots {
		c := p.calls[i]
		if err := errors.Join(p.sendWeb(i, c), p.sendTrunk(i, c)); err != nil {
			return err
		}
		c.tick++
		if c.tick%consentEvery == uint64(i)%consentEvery {
			if err := c.consent(); err != nil {
				return err
			}
		}
	}
	p.slot++
	return nil
}

// packet writes a whole packet into the pump's buffer.
func (p *pump) packet(pt uint8, ssrc uint32, tick uint64, step uint32, payload []byte) []byte {
	b := p.out[:12+len(payload)]
	b[0], b[1] = 2<<6, pt
	binary.BigEndian.PutUint16(b[2:], uint16(tick))
	binary.BigEndian.PutUint32(b[4:], uint32(tick)*step)
	binary.BigEndian.PutUint32(b[8:], ssrc)
	copy(b[12:], payload)
	return b
}

// stamp notes the time in a payload that will come out as it went in.
func (p *pump) stamp(b []byte) {
	now := time.Now().UnixNano()
	if p.farm.stamps {
		binary.BigEndian.PutUint64(b[12:], uint64(now))
	}
	if p.counts(now) {
		p.tally.sent++
	}
}

func (p *pump) counts(stamp int64) bool { return stamp >= p.from && stamp < p.to }

func (p *pump) sendWeb(i int, c *call) error {
	f := p.farm
	b := p.packet(f.webPT, uint32(1000+i), c.tick, f.step, f.sound[c.tick%uint64(len(f.sound))])
	p.stamp(b)
	protected, err := c.seal(p.out[:0], b, &p.h)
	if err != nil {
		return err
	}
	return post(c.fd, protected, &c.web)
}

func (p *pump) sendTrunk(i int, c *call) error {
	f := p.farm
	b := p.packet(light.PTPCMA, uint32(5000+i), c.tick, pcmaFrame, f.pcma[c.tick%uint64(len(f.pcma))])
	p.stamp(b)
	return post(f.phones.fd, b, &c.trunk)
}

// drain takes what has come: for the phones, and for the calls that sent half a frame ago. Nobody waits for these sockets, so whoever
// sends to them has nobody to wake.
func (p *pump) drain() {
	p.readSocket(-1)
	for i := int((p.slot + slots/2) % slots); i < len(p.calls); i += slots {
		p.readSocket(i)
	}
}

// drainAll takes what has come for any call.
func (p *pump) drainAll() {
	p.readSocket(-1)
	for i := range p.calls {
		p.readSocket(i)
	}
}

// readSocket empties a socket: the phones' when index is -1.
func (p *pump) readSocket(index int) {
	fd := p.farm.phones.fd
	if index >= 0 {
		fd = p.calls[index].fd
	}
	for {
		n := p.in.read(fd)
		for i := range n {
			p.take(index, p.in.datagram(i), p.in.at(i))
		}
		if n < batch {
			return
		}
	}
}

// take counts one datagram.
func (p *pump) take(index int, b []byte, at int64) {
	if len(b) < 12+stampSize || b[0]>>6 != 2 || b[1] >= 192 && b[1] <= 223 {
		return // STUN, RTCP
	}
	if index >= 0 {
		var err error
		if b, err = p.calls[index].open(b[:0], b, &p.h); err != nil {
			return
		}
	}
	if p.hear != nil {
		p.hear(index, index >= 0, b)
	}
	if !p.farm.stamps {
		if p.counts(at) {
			p.tally.received++
		}
		return
	}
	sent := int64(binary.BigEndian.Uint64(b[12:]))
	if p.counts(sent) {
		p.tally.received++
		p.tally.delays = append(p.tally.delays, at-sent)
	}
}
