package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"time"

	"github.com/pion/rtp"
	"golang.org/x/sys/unix"

	"drawbridge/tests/gateway"
	"drawbridge/tests/light"
)

// What relaying takes at least on this machine: a program that makes the system calls of a relay and looks at nothing (nobody.go) gets the
// same packets. No relay that works in this way takes less, so beside it the ratio tells what is the kernel's share, which differs much from
// machine to machine.

const (
	floorRounds = 3
	tagSize     = 10
)

// floor is the program under measurement.
type floor struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	webs   []int
	places floorPlaces
}

// floorTask is what the program is told, and floorPlaces its answer.
type (
	floorTask struct {
		Phones netip.AddrPort
		Webs   []netip.AddrPort // the WebRTC sides of the calls
	}
	floorPlaces struct {
		Door   netip.AddrPort
		Trunks []netip.AddrPort // by call
	}
)

// ground measures the floor, and says what of the other relay it is.
func (b *bench) ground(res results, per func(sample) float64) error {
	f, err := openFloor(b.phones)
	if err != nil {
		return err
	}
	windows, err := f.windows(b.phones, b.window)
	if err := errors.Join(err, f.close()); err != nil {
		return err
	}
	least := results{windows}
	fmt.Printf("  the system calls alone %.2f µs/packet; %d of %d packets lost", least.median(0, per), least.lost(0), least.sent(0))
	if len(res) == 2 {
		fmt.Printf("; ratio %.3f", least.median(0, per)/res.median(1, per))
	}
	fmt.Println()
	return nil
}

// openFloor starts the program on the core of the relays, with as many calls as they have.
func openFloor(phones *phones) (f *floor, err error) {
	f = &floor{}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.close())
		}
	}()
	task := floorTask{Phones: phones.at}
	for range relayCalls {
		fd, at, err := socketAt(gateway.AccessAddr)
		if err != nil {
			return f, err
		}
		f.webs, task.Webs = append(f.webs, fd), append(task.Webs, at)
	}
	f.cmd = exec.Command("/proc/self/exe", "-nobody")
	f.cmd.Stderr = os.Stderr
	if f.stdin, err = f.cmd.StdinPipe(); err != nil {
		return f, err
	}
	out, err := f.cmd.StdoutPipe()
	if err != nil {
		return f, err
	}
	if err := on(relayCores(), f.cmd.Start); err != nil {
		return f, err
	}
	return f, errors.Join(json.NewEncoder(f.stdin).Encode(task), json.NewDecoder(out).Decode(&f.places))
}

// windows are measured with the traffic of relaying.
func (f *floor) windows(phones *phones, d time.Duration) (out []sample, err error) {
	pcma, err := tone("PCMA", phoneRate)
	if err != nil {
		return nil, err
	}
	traffic := &farm{cpu: f.cpu, phones: phones, stamps: true, webPT: light.PTPCMA, sound: pcma, pcma: pcma, step: pcmaFrame}
	if traffic.pump, err = newPump(traffic); err != nil {
		return nil, err
	}
	for i, fd := range f.webs {
		c := &call{fd: fd, seal: tag, open: untag, consent: func() error { return nil }, web: sockaddr(f.places.Door), trunk: sockaddr(f.places.Trunks[i])}
		if err := traffic.pump.play(c); err != nil {
			return nil, err
		}
	}
	traffic.pump.drainAll() // what is left of calls before
	for range floorRounds {
		s, err := traffic.measure(d)
		if err != nil {
			return nil, err
		}
		s.delays = slices.Clone(s.delays)
		out = append(out, s)
	}
	return out, nil
}

func (f *floor) cpu() (time.Duration, error) { return gateway.CPU(f.cmd.Process.Pid) }

// close ends the program, which ends when nobody can tell it anything more.
func (f *floor) close() (err error) {
	if f.stdin != nil {
		err = f.stdin.Close()
	}
	if f.cmd != nil && f.cmd.Process != nil {
		err = errors.Join(err, f.cmd.Wait())
	}
	for _, fd := range f.webs {
		err = errors.Join(err, unix.Close(fd))
	}
	return err
}

// socketAt opens a socket with room for what may wait.
func socketAt(at netip.Addr) (int, netip.AddrPort, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, netip.AddrPort{}, err
	}
	addr, err := bound(fd, at)
	if err = errors.Join(err, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, readRoom)); err != nil {
		return -1, addr, errors.Join(err, unix.Close(fd))
	}
	return fd, addr, nil
}

// tag and untag are what stands for SRTP.
func tag(dst, packet []byte, _ *rtp.Header) ([]byte, error) {
	var none [tagSize]byte
	return append(append(dst, packet...), none[:]...), nil
}

func untag(_, packet []byte, _ *rtp.Header) ([]byte, error) { return packet[:len(packet)-tagSize], nil }
