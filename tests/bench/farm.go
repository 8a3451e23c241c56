package main

import (
	"context"
	"fmt"
	"math"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"

	"drawbridge/tests/gateway"
	"drawbridge/tests/light"
	"drawbridge/transcode"
)

const (
	frame     = 20 * time.Millisecond
	slots     = 20 // a frame's calls are spread over so many sends, as they would come from a network
	toneHz    = 1000
	connect   = 5 * time.Second
	readRoom  = 4 << 20
	settling  = 500 * time.Millisecond // before a window, so that buffers are in their stride
	frames    = 50                     // of tone, repeated
	opusRate  = 48000
	pcmaFrame = 160
)

// farmTarget is where the relay takes a trunk's packets of one call.
type farmTarget = netip.AddrPort

// phones is the trunk's side of every call: one socket. The relays tell calls apart by their own ports.
type phones struct {
	conn     *net.UDPConn
	received atomic.Uint64
	loop     sync.WaitGroup
}

func openPhones() (*phones, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(gateway.PhoneAddr, 0)))
	if err != nil {
		return nil, err
	}
	if err := conn.SetReadBuffer(readRoom); err != nil {
		return nil, err
	}
	p := &phones{conn: conn}
	p.loop.Go(func() {
		buf := make([]byte, 2048)
		for {
			if _, _, err := conn.ReadFromUDPAddrPort(buf); err != nil {
				return
			}
			p.received.Add(1)
		}
	})
	return p, nil
}

func (p *phones) addr() netip.AddrPort { return p.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

// sdp is what a phone offers or answers.
func (p *phones) sdp() string {
	return fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %[1]s\r\ns=-\r\nc=IN IP4 %[1]s\r\nt=0 0\r\nm=audio %[2]d RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=ptime:20\r\na=sendrecv\r\n",
		p.addr().Addr(), p.addr().Port())
}

func (p *phones) close() {
	p.conn.Close()
	p.loop.Wait()
}

// farm is the calls of one plan on one relay.
type farm struct {
	relay   relay
	phones  *phones
	clients []*light.Client
	targets []farmTarget
	tick    uint64     // frames sent
	web     rtp.Header // of the WebRTC side's packets
	trunk   rtp.Header
	step    uint32   // timestamp units of a frame on the WebRTC side
	sound   [][]byte // the WebRTC side's payloads
	pcma    [][]byte
}

func newFarm(ctx context.Context, r relay, p plan, phones *phones) (*farm, error) {
	f := &farm{relay: r, phones: phones}
	var err error
	if f.pcma, err = tone("PCMA", 8000); err != nil {
		return nil, err
	}
	f.trunk = rtp.Header{Version: 2, PayloadType: light.PTPCMA}
	f.web, f.sound, f.step = f.trunk, f.pcma, pcmaFrame
	if p.codec == "opus" {
		if f.sound, err = tone("opus", opusRate); err != nil {
			return nil, err
		}
		f.web.PayloadType, f.step = light.PTOpus, opusRate/50
	}
	for call := range p.calls {
		if err := f.add(ctx, call, p.codec); err != nil {
			f.close()
			return nil, fmt.Errorf("call %d: %w", call, err)
		}
	}
	return f, nil
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
	f.targets = append(f.targets, target)
	return c.Connect(ctx, answer)
}

// close ends the calls; a relay that is ending with them need not answer.
func (f *farm) close() {
	for call, c := range f.clients {
		_ = f.relay.leave(call)
		c.Close()
	}
}

// tone encodes a second of it.
func tone(codec string, rate int) ([][]byte, error) {
	enc, err := transcode.NewEncoder(codec, rate, transcode.Options{Bitrate: 32_000, Complexity: 5})
	if err != nil {
		return nil, err
	}
	var out [][]byte
	pcm := make([]int16, rate/50)
	for n := range frames {
		for i := range pcm {
			pcm[i] = int16(8000 * math.Sin(2*math.Pi*toneHz*float64(n*len(pcm)+i)/float64(rate)))
		}
		buf := make([]byte, 1500)
		size, err := enc.Encode(buf[:0:len(buf)], pcm)
		if err != nil {
			return nil, err
		}
		out = append(out, buf[:size])
	}
	return out, nil
}

// window sends both ways for d and measures.
func (f *farm) window(ctx context.Context, d time.Duration) (sample, error) {
	if _, err := f.send(ctx, settling); err != nil {
		return sample{}, err
	}
	before, err := gateway.CPU(f.relay.pid())
	if err != nil {
		return sample{}, err
	}
	heard, start := f.heard(), time.Now()
	sent, err := f.send(ctx, d)
	if err != nil {
		return sample{}, err
	}
	after, err := gateway.CPU(f.relay.pid())
	if err != nil {
		return sample{}, err
	}
	return sample{calls: len(f.clients), window: time.Since(start), sent: sent, received: f.heard() - heard, cpu: after - before}, nil
}

func (f *farm) heard() uint64 {
	n := f.phones.received.Load()
	for _, c := range f.clients {
		n += c.Received()
	}
	return n
}

// send plays traffic for d: each millisecond a twentieth of the calls sends its frame both ways.
func (f *farm) send(ctx context.Context, d time.Duration) (sent uint64, err error) {
	tick := time.NewTicker(frame / slots)
	defer tick.Stop()
	start := time.Now()
	for slot := 0; ; slot++ {
		// A late tick is made up for: the rate is the same whatever the scheduler does.
		for due := int(time.Since(start) / (frame / slots)); slot < due; slot++ {
			n, err := f.sendSlot(slot % slots)
			sent += n
			if err != nil {
				return sent, err
			}
			if slot%slots == slots-1 {
				f.tick++
			}
		}
		slot--
		if time.Since(start) >= d {
			return sent, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return sent, ctx.Err()
		}
	}
}

func (f *farm) sendSlot(slot int) (sent uint64, err error) {
	for call := slot; call < len(f.clients); call += slots {
		web, trunk := f.web, f.trunk
		web.SSRC, trunk.SSRC = uint32(1000+call), uint32(5000+call)
		web.SequenceNumber, trunk.SequenceNumber = uint16(f.tick), uint16(f.tick)
		web.Timestamp, trunk.Timestamp = uint32(f.tick)*f.step, uint32(f.tick)*pcmaFrame
		if err := f.clients[call].Send(&rtp.Packet{Header: web, Payload: f.sound[f.tick%frames]}); err != nil {
			return sent, err
		}
		raw, err := (&rtp.Packet{Header: trunk, Payload: f.pcma[f.tick%frames]}).Marshal()
		if err != nil {
			return sent, err
		}
		if _, err := f.phones.conn.WriteToUDPAddrPort(raw, f.targets[call]); err != nil {
			return sent, err
		}
		sent += 2
		if f.tick%100 == 0 { // consent, RFC 7675
			if err := f.clients[call].Consent(); err != nil {
				return sent, err
			}
		}
	}
	return sent, nil
}
