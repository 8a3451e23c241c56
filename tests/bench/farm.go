package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"runtime"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"

	"drawbridge/tests/gateway"
	"drawbridge/tests/light"
	"drawbridge/transcode"
)

const (
	frame        = 20 * time.Millisecond
	slots        = 80 // a frame's calls are spread over so many sends, as they would come from a network
	slotTime     = frame / slots
	consentEvery = 100 // frames, RFC 7675
	toneHz       = 1000
	connect      = 5 * time.Second
	callRate     = 100 // calls set up in a second, at most
	readRoom     = 4 << 20
	settling     = 500 * time.Millisecond // before a window, so that buffers are in their stride
	tail         = 200 * time.Millisecond // behind a window: what is not there by then is lost
	frames       = 50                     // of tone, repeated
	opusRate     = 48000
	pcmaFrame    = 160
)

// farmTarget is where the relay takes a trunk's packets of one call.
type farmTarget = netip.AddrPort

// phones is the trunk's side of every call: one socket. The relays tell calls apart by their own ports.
type phones struct {
	at   netip.AddrPort
	fd   int          // not in the runtime's poller, which every packet would wake
	rtcp *net.UDPConn // nobody reads it: it is there so that reports reach a port that is open
}

func openPhones() (*phones, error) {
	for {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return nil, err
		}
		at, err := bound(fd, gateway.PhoneAddr)
		if err != nil {
			return nil, errors.Join(err, unix.Close(fd))
		}
		if at.Port()%2 == 0 {
			rtcp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at.Addr(), at.Port()+1)))
			if err == nil {
				return &phones{at: at, fd: fd, rtcp: rtcp}, nil
			}
		}
		if err := unix.Close(fd); err != nil {
			return nil, err
		}
	}
}

// bound gives a socket a port of an address that is free.
func bound(fd int, at netip.Addr) (netip.AddrPort, error) {
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: at.As4()}); err != nil {
		return netip.AddrPort{}, err
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return netip.AddrPort{}, err
	}
	return netip.AddrPortFrom(at, uint16(sa.(*unix.SockaddrInet4).Port)), nil
}

// sdp is what a phone offers or answers.
func (p *phones) sdp() string {
	return fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %[1]s\r\ns=-\r\nc=IN IP4 %[1]s\r\nt=0 0\r\nm=audio %[2]d RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=ptime:20\r\na=sendrecv\r\n",
		p.at.Addr(), p.at.Port())
}

func (p *phones) close() {
	_ = unix.Close(p.fd) // nothing is buffered
	p.rtcp.Close()
}

// sound is what the calls of a farm say.
type sound struct {
	web, trunk [][]byte // payloads, repeated
}

// farm is the calls of one plan on one relay.
type farm struct {
	relay   relay
	cpu     func() (time.Duration, error) // that the relay has used
	phones  *phones
	clients []*light.Client
	marks   []time.Duration // CPU time of the relay whenever another batch of calls was begun
	pump    *pump
	stamps  bool // payloads come out as they went in
	webPT   uint8
	step    uint32 // timestamp units of a frame on the WebRTC side
	sound   [][]byte
	pcma    [][]byte
}

func newFarm(ctx context.Context, r relay, calls int, codec string, s sound, phones *phones) (*farm, error) {
	f := &farm{relay: r, cpu: r.cpu, phones: phones, stamps: true, webPT: light.PTPCMA, sound: s.web, pcma: s.trunk, step: pcmaFrame}
	if codec == "opus" {
		f.webPT, f.step, f.stamps = light.PTOpus, opusRate/50, false
	}
	var err error
	if f.pump, err = newPump(f); err != nil {
		return nil, err
	}
	begin := time.Now()
	for call := range calls {
		if call%batchCalls == 0 {
			if err := f.mark(); err != nil {
				return nil, errors.Join(err, f.close())
			}
		}
		due := begin.Add(time.Duration(call) * time.Second / callRate)
		if err := errors.Join(rest(ctx, time.Until(due)), f.add(ctx, call, codec)); err != nil {
			return nil, errors.Join(fmt.Errorf("call %d: %w", call, err), f.close())
		}
	}
	return f, nil
}

// mark notes the relay's CPU time.
func (f *farm) mark() error {
	cpu, err := f.cpu()
	f.marks = append(f.marks, cpu)
	return err
}

func (f *farm) add(ctx context.Context, call int, codec string) error {
	ctx, cancel := context.WithTimeout(ctx, connect)
	defer cancel()
	c, err := light.New(gateway.AccessAddr)
	if err != nil {
		return err
	}
	f.clients = append(f.clients, c)
	answer, target, err := f.relay.join(ctx, call, c.Offer(codec))
	if err != nil {
		return err
	}
	if err := c.Connect(ctx, answer); err != nil {
		return err
	}
	return f.pump.add(c, target)
}

// close ends the calls; a relay that is ending with them need not answer.
func (f *farm) close() error {
	for call, c := range f.clients {
		_ = f.relay.leave(call)
		c.Close()
	}
	return f.relay.idle()
}

// tone encodes a second of it.
func tone(codec string, rate int) ([][]byte, error) {
	pcm := make([]int16, frames*rate/50)
	for i := range pcm {
		pcm[i] = int16(8000 * math.Sin(2*math.Pi*toneHz*float64(i)/float64(rate)))
	}
	return encode(codec, rate, pcm)
}

// encode makes packets of 20 ms.
func encode(codec string, rate int, pcm []int16) (out [][]byte, err error) {
	enc, err := transcode.NewEncoder(codec, rate, transcode.Options{Bitrate: 32_000, Complexity: 5})
	if err != nil {
		return nil, err
	}
	for size := rate / 50; len(pcm) >= size; pcm = pcm[size:] {
		buf := make([]byte, room)
		n, err := enc.Encode(buf[:0:len(buf)], pcm[:size])
		if err != nil {
			return nil, err
		}
		out = append(out, buf[:n])
	}
	return out, nil
}

// sample is one measured window.
type sample struct {
	tally
	calls  int
	window time.Duration
	cpu    time.Duration
}

// measure sends both ways and measures for d. The benchmark collects its own garbage before: the pump has a core to itself, and what it
// could not send meanwhile would reach the relay in one burst.
func (f *farm) measure(d time.Duration) (sample, error) {
	runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	p := f.pump
	p.tally = tally{delays: p.tally.delays[:0]}
	p.from, p.to = math.MaxInt64, math.MaxInt64
	if err := p.run(settling); err != nil {
		return sample{}, err
	}
	before, err := f.cpu()
	if err != nil {
		return sample{}, err
	}
	start := time.Now()
	p.from, p.to = start.UnixNano(), start.Add(d).UnixNano()
	if err := p.run(d); err != nil {
		return sample{}, err
	}
	after, err := f.cpu()
	if err != nil {
		return sample{}, err
	}
	s := sample{calls: len(p.calls), window: time.Since(start), cpu: after - before}
	p.to = time.Now().UnixNano()
	err = p.run(tail)
	s.tally = p.tally
	return s, err
}
