package phone

import (
	"bytes"
	"math"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"

	"drawbridge/tests/gateway"
	"drawbridge/transcode"
	"drawbridge/transcode/tone"
)

// Payload types that the scenarios announce.
const (
	ptPCMU  = 0
	ptPCMA  = 8
	ptG722  = 9
	ptEvent = 101
)

const (
	frame   = 20 * time.Millisecond
	samples = rate / 50
	longest = 120      // ms in a packet
	window  = rate / 4 // what an ear looks at: 250 ms, 4 Hz of resolution
)

// Media is the microphone and ear of a phone. Its microphone begins when the first packet has come, towards where it came from: a real
// phone behind a NAT does the same.
type Media struct {
	rtp, rtcp *net.UDPConn
	codec     string
	pt        uint8
	dec       transcode.Decoder // belongs to take
	enc       transcode.Encoder // belongs to speak
	done      chan struct{}
	loops     sync.WaitGroup

	mu        sync.Mutex // guards what follows
	frequency float64    // of the microphone; 0 is silence
	echo      uint32     // SSRC of what it sends back; 0 means that it speaks
	remote    netip.AddrPort
	heard     []int16 // the newest samples, at most window
	last      time.Time
	packets   int // voice packets
	sources   map[netip.AddrPort]int
	ssrcs     map[uint32]int
	digits    []digit
	tones     *tone.DTMFDetector
	pressed   []byte // keys whose tones were in the voice
	odd       int    // packets that no phone expects: other payload types, header extensions, CSRCs
	raw       bytes.Buffer
}

// payloadTypes of the codecs that a phone can speak.
var payloadTypes = map[string]uint8{"PCMU": ptPCMU, "PCMA": ptPCMA, "G722": ptG722}

// OpenMedia opens the sockets of a phone that speaks codec ("PCMA", "PCMU" or "G722") and sends a tone.
func OpenMedia(t testing.TB, codec string, frequency float64) *Media {
	t.Helper()
	m := &Media{
		codec: codec, pt: payloadTypes[codec], frequency: frequency, done: make(chan struct{}), tones: tone.NewDTMFDetector(rate),
		sources: map[netip.AddrPort]int{}, ssrcs: map[uint32]int{},
	}
	var err error
	if m.dec, err = transcode.NewDecoder(codec, rate); err != nil {
		t.Fatal(err)
	}
	if m.enc, err = transcode.NewEncoder(codec, rate, transcode.Options{}); err != nil {
		t.Fatal(err)
	}
	m.rtp, m.rtcp = pair(t)
	m.loops.Go(m.listen)
	m.loops.Go(m.listenRTCP)
	m.loops.Go(m.speak)
	t.Cleanup(m.close)
	return m
}

// pair opens an even port and the odd one above it.
func pair(t testing.TB) (rtp, rtcp *net.UDPConn) {
	t.Helper()
	for range 64 {
		a, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(gateway.PhoneAddr, 0)))
		if err != nil {
			t.Fatal(err)
		}
		port := a.LocalAddr().(*net.UDPAddr).Port
		if port%2 == 0 {
			b, err := net.ListenUDP("udp", &net.UDPAddr{IP: gateway.PhoneAddr.AsSlice(), Port: port + 1})
			if err == nil {
				return a, b
			}
		}
		a.Close()
	}
	t.Fatal("no port pair for a phone")
	return nil, nil
}

func (m *Media) close() {
	close(m.done)
	m.rtp.Close()
	m.rtcp.Close()
	m.loops.Wait()
}

// Port is the RTP port that the SDP announces.
func (m *Media) Port() int { return m.rtp.LocalAddr().(*net.UDPAddr).Port }

// Addr is the RTP socket's address.
func (m *Media) Addr() netip.AddrPort { return m.rtp.LocalAddr().(*net.UDPAddr).AddrPort() }

// Remote is where the gateway's packets come from; invalid before the first one.
func (m *Media) Remote() netip.AddrPort {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.remote
}

func (m *Media) listen() {
	buf := make([]byte, 2048)
	for {
		n, from, err := m.rtp.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		m.take(buf[:n], from)
	}
}

func (m *Media) listenRTCP() {
	buf := make([]byte, 2048)
	for {
		n, _, err := m.rtcp.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		m.mu.Lock()
		m.raw.Write(buf[:n])
		m.mu.Unlock()
	}
}

// take hears one packet.
func (m *Media) take(raw []byte, from netip.AddrPort) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var p rtp.Packet
	if p.Unmarshal(raw) != nil || p.Extension || len(p.CSRC) > 0 {
		m.raw.Write(raw)
		m.odd++
		return
	}
	m.sources[from]++
	m.ssrcs[p.SSRC]++
	m.remote = from
	switch p.PayloadType {
	case m.pt:
		m.raw.Write(raw[:len(raw)-len(p.Payload)])
		m.hear(p.Payload)
		m.reflect(&p)
	case ptEvent:
		m.raw.Write(raw)
		m.event(p.Timestamp, p.Marker, p.Payload)
	default:
		m.raw.Write(raw)
		m.odd++
	}
}

// Echo makes the phone send back at once what it hears, and say nothing else.
func (m *Media) Echo() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.echo = rand.Uint32() | 1
}

func (m *Media) reflect(p *rtp.Packet) {
	if m.echo == 0 {
		return
	}
	p.SSRC = m.echo
	if raw, err := p.Marshal(); err == nil {
		_, _ = m.rtp.WriteToUDPAddrPort(raw, m.remote) // a call that is over refuses it
	}
}

func (m *Media) hear(payload []byte) {
	m.packets++
	m.last = time.Now()
	var room [8 * longest]int16
	n, err := m.dec.Decode(room[:], payload)
	if err != nil {
		return
	}
	m.heard = append(m.heard, room[:n]...)
	m.tones.Write(room[:n], func(key byte, _ time.Duration) { m.pressed = append(m.pressed, key) })
	if len(m.heard) > window {
		m.heard = m.heard[len(m.heard)-window:]
	}
}

// speak sends a frame each 20 ms.
func (m *Media) speak() {
	tick := time.NewTicker(frame)
	defer tick.Stop()
	h := rtp.Header{
		Version: 2, PayloadType: m.pt, SSRC: rand.Uint32(), SequenceNumber: uint16(rand.Uint32()), Timestamp: rand.Uint32(), Marker: true,
	}
	payload := make([]byte, samples)
	for n := 0; ; n += samples {
		select {
		case <-tick.C:
		case <-m.done:
			return
		}
		m.mu.Lock()
		remote, frequency, echoes := m.remote, m.frequency, m.echo != 0
		m.mu.Unlock()
		if !remote.IsValid() || echoes {
			continue
		}
		m.fill(payload, frequency, n)
		raw, err := (&rtp.Packet{Header: h, Payload: payload}).Marshal()
		if err == nil {
			_, _ = m.rtp.WriteToUDPAddrPort(raw, remote) // a call that is over refuses it
		}
		h.SequenceNumber++
		h.Timestamp += samples
		h.Marker = false
	}
}

func (m *Media) fill(payload []byte, frequency float64, at int) {
	var pcm [samples]int16
	for i := range pcm {
		pcm[i] = int16(8000 * math.Sin(2*math.Pi*frequency*float64(at+i)/rate))
	}
	_, _ = m.enc.Encode(payload, pcm[:]) // a frame of 20 ms is one that every codec takes
}

// Say changes the microphone's tone; 0 is silence.
func (m *Media) Say(frequency float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.frequency = frequency
}

// Hears waits until a clean tone fills the ear.
func (m *Media) Hears(t testing.TB, frequency float64, limit time.Duration) {
	t.Helper()
	m.forget()
	var tone, rms float64
	ok := gateway.Within(limit, func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		if len(m.heard) < window {
			return false
		}
		tone, rms = Share(m.heard, frequency)
		return tone > 0.8 && rms > 300
	})
	if !ok {
		t.Errorf("the phone does not hear %.0f Hz: share %.2f of rms %.0f, %d voice packets", frequency, tone, rms, m.Packets())
	}
}

// Ear is the share of a tone in the last 250 ms, and the rms of everything.
func (m *Media) Ear(frequency float64) (tone, rms float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return Share(m.heard, frequency)
}

// Quiet waits until nothing has been heard for 300 ms: no packet, or silence only.
func (m *Media) Quiet(t testing.TB, limit time.Duration) {
	t.Helper()
	ok := gateway.Within(limit, func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		if time.Since(m.last) > 300*time.Millisecond {
			return true
		}
		_, rms := Share(m.heard, 1000)
		return len(m.heard) == window && rms < 50
	})
	if !ok {
		t.Error("the phone still hears something")
	}
}

func (m *Media) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.heard = m.heard[:0]
}

// Packets is the number of voice packets so far.
func (m *Media) Packets() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.packets
}

// Odd is the number of packets that are not what was negotiated.
func (m *Media) Odd() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.odd
}

// Streams is the number of SSRCs and of source addresses heard.
func (m *Media) Streams() (ssrcs, sources int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.ssrcs), len(m.sources)
}

// Bytes is every byte of RTP and RTCP that reached the phone, but for the sound itself.
func (m *Media) Bytes() []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return bytes.Clone(m.raw.Bytes())
}
