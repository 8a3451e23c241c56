package main

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// flood offers INVITEs and acknowledges what comes back, as a caller that has too many calls. One thread on SIPp's core does it all, with
// system calls that do not wait: 150 000 INVITEs a second and as many ACKs are what it can do.
type flood struct {
	fd       int
	sent     int
	request  []byte
	response []byte
}

// Chosen here.
const (
	floodPort   = 5070
	floodBuffer = 4 << 20 // bytes of the socket's: less will do
	floodBurst  = 32      // datagrams in one direction before a look at the other
	floodRest   = 100 * time.Microsecond
)

func openFlood() (*flood, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, floodBuffer)
	to := netip.MustParseAddrPort(gatewayWest)
	err = errors.Join(
		unix.Bind(fd, &unix.SockaddrInet4{Addr: netip.MustParseAddr(callerHost).As4(), Port: floodPort}),
		unix.Connect(fd, &unix.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())}),
	)
	if err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return &flood{fd: fd, response: make([]byte, 4096)}, nil
}

func (f *flood) close() error { return unix.Close(f.fd) }

// offer sends INVITEs at a rate, or as fast as it can when that is less.
func (f *flood) offer(ctx context.Context, rate float64, length time.Duration) error {
	return onPhonesCore(func() error {
		first, start := f.sent, time.Now()
		for now := start; now.Sub(start) < length && ctx.Err() == nil; now = time.Now() {
			late := f.send(first + int(now.Sub(start).Seconds()*rate))
			if more := f.acknowledge(); !late && !more {
				pause(ctx, floodRest)
			}
		}
		return ctx.Err()
	})
}

// send goes on to INVITE number due, and says whether it has not got there.
func (f *flood) send(due int) (late bool) {
	for range floodBurst {
		if f.sent >= due {
			return false
		}
		f.write("INVITE", strconv.AppendInt(nil, int64(f.sent), 10), nil)
		f.sent++
	}
	return true
}

// acknowledge sends the ACK that every final response is owed, and says whether more of them may be there.
func (f *flood) acknowledge() (more bool) {
	for range floodBurst {
		n, err := unix.Read(f.fd, f.response)
		if err != nil {
			return false
		}
		r := f.response[:n]
		if !bytes.HasPrefix(r, []byte("SIP/2.0 ")) || r[8] < '3' {
			continue
		}
		_, to, _ := bytes.Cut(r, []byte("\r\nTo:"))
		f.write("ACK", between(r, "branch=z9hG4bK", ";\r"), between(to, ";tag=", ";\r"))
	}
	return true
}

// between is what stands behind a word, up to one of the ends.
func between(b []byte, word, ends string) []byte {
	_, rest, _ := bytes.Cut(b, []byte(word))
	if i := bytes.IndexAny(rest, ends); i >= 0 {
		rest = rest[:i]
	}
	return rest
}

// What SIPp sends (files/uac.xml), but for the hops: there are none left.
const (
	floodOffer = "v=0\r\no=phone 1 1 IN IP4 " + callerHost + "\r\ns=-\r\nc=IN IP4 " + callerHost + "\r\nt=0 0\r\nm=audio 6000 RTP/AVP 8 101\r\n" +
		"a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n"
	floodHead   = " sip:+4930222@" + gatewayWest + " SIP/2.0\r\nVia: SIP/2.0/UDP " + callerHost + ":5070;branch=z9hG4bK"
	floodFrom   = "\r\nFrom: <sip:+4930111@carrier.test>;tag=f"
	floodTo     = "\r\nTo: <sip:+4930222@" + gatewayWest + ">"
	floodFields = "\r\nContact: <sip:phone@" + callerHost + ":5070>\r\nMax-Forwards: 0\r\n"
)

// write sends a request; what there is no room for is lost like any datagram.
func (f *flood) write(method string, id, toTag []byte) {
	b := append(append(f.request[:0], method...), floodHead...)
	b = append(append(append(b, id...), floodFrom...), id...)
	b = append(b, floodTo...)
	if len(toTag) > 0 {
		b = append(append(b, ";tag="...), toTag...)
	}
	b = append(append(b, "\r\nCall-ID: c"...), id...)
	b = append(append(append(b, "\r\nCSeq: 1 "...), method...), floodFields...)
	if method == "INVITE" {
		b = strconv.AppendInt(append(b, "Content-Type: application/sdp\r\nContent-Length: "...), int64(len(floodOffer)), 10)
		b = append(append(b, "\r\n\r\n"...), floodOffer...)
	} else {
		b = append(b, "Content-Length: 0\r\n\r\n"...)
	}
	f.request = b
	_, _ = unix.Write(f.fd, b)
}

// onPhonesCore keeps what off the gateway's core.
func onPhonesCore(what func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	core, err := strconv.Atoi(coreOfPhones)
	if err != nil {
		return err
	}
	var all, own unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return err
	}
	own.Set(core)
	if err := unix.SchedSetaffinity(0, &own); err != nil {
		return err
	}
	return errors.Join(what(), unix.SchedSetaffinity(0, &all))
}
