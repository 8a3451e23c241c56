package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"drawbridge/tests/gateway"
)

// nobody is the relay that looks at nothing: it takes packets off its sockets and sends them on, as rarely as packets may wait. It has no
// keys: what would be the tag of an SRTP packet is taken off and put on.
type nobody struct {
	phone  unix.RawSockaddrInet4
	door   int                     // the one socket that all WebRTC sides send to
	trunks []int                   // by call, as are
	webs   []unix.RawSockaddrInet4 // where their packets go
	calls  [1 << 16]int32          // by the port of a WebRTC side
	epoll  int
	in     *mail
	out    *mail // to the WebRTC sides
}

const (
	nobodyGather = 950 * time.Microsecond // what packets wait for each other, as in the gateway
	nobodyWaits  = 8                      // ms, for the first of them
	atDoor       = -1                     // what epoll says of the door, where it else says which call
)

// beNobody is the program that openFloor starts; it ends with its standard input.
func beNobody() error {
	debug.SetGCPercent(-1) // there is nothing to collect
	var task floorTask
	tasks := json.NewDecoder(os.Stdin)
	if err := tasks.Decode(&task); err != nil {
		return err
	}
	n, places, err := newNobody(task)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(places); err != nil {
		return err
	}
	var ending atomic.Bool
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // however it ends
		ending.Store(true)
	}()
	n.run(&ending)
	return nil
}

func newNobody(task floorTask) (n *nobody, places floorPlaces, err error) {
	n = &nobody{phone: sockaddr(task.Phones), in: newMail(), out: newMail()}
	if n.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, places, err
	}
	if n.door, places.Door, err = socketAt(gateway.AccessAddr); err != nil {
		return nil, places, err
	}
	err = n.watch(n.door, atDoor)
	for i, web := range task.Webs {
		fd, at, err1 := socketAt(gateway.PhoneAddr)
		if err = errors.Join(err, err1, n.watch(fd, i)); err != nil {
			return nil, places, err
		}
		n.trunks, n.webs, places.Trunks = append(n.trunks, fd), append(n.webs, sockaddr(web)), append(places.Trunks, at)
		n.calls[web.Port()] = int32(i)
	}
	return n, places, err
}

func (n *nobody) watch(fd, call int) error {
	return unix.EpollCtl(n.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(call)})
}

// run relays until it is to end.
func (n *nobody) run(ending *atomic.Bool) {
	turn := time.Now().Add(turnEvery)
	for !ending.Load() {
		begin := time.Now()
		n.round()
		n.out.send(n.door)
		if rest := nobodyGather - time.Since(begin); rest > 0 {
			ts := unix.NsecToTimespec(rest.Nanoseconds())
			_, _, _ = unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&ts)), 0, 0) // cut short: a round comes early
		}
		if begin.After(turn) {
			turn = begin.Add(turnEvery)
			yield()
		}
	}
}

// round takes what has come.
func (n *nobody) round() {
	var events [batch]unix.EpollEvent
	k, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(n.epoll), uintptr(unsafe.Pointer(&events)), batch, nobodyWaits, 0, 0)
	if errno != 0 {
		return
	}
	for _, ev := range events[:k] {
		if ev.Fd == atDoor {
			n.fromWebs()
		} else if n.out.take(n.trunks[ev.Fd], tagSize, &n.webs[ev.Fd]); n.out.n == batch {
			n.out.send(n.door)
		}
	}
}

// fromWebs empties the door towards the phones.
func (n *nobody) fromWebs() {
	for {
		k := n.in.receive(n.door)
		for i := range k {
			b, port := n.in.datagram(i)
			_ = post(n.trunks[n.calls[port]], b[:len(b)-tagSize], &n.phone) // what is lost is missed where it should arrive
		}
		if k < batch {
			return
		}
	}
}
