package echo

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/pion/rtp"

	"drawbridge/media/offer"
	"drawbridge/transcode"
	"drawbridge/transcode/tone"
)

const (
	frame   = 20 * time.Millisecond
	samples = 160 // of a frame at 8 kHz
	mtu     = 1500
)

// stream is the RTP of one call. Its player sends a tone as soon as the stream may send; then the reader returns every packet.
type stream struct {
	rtp, rtcp *net.UDPConn // RTCP is bound, so that reports reach a socket, and never read
	silent    bool         // set before run
	ssrc      uint32
	done      chan struct{}
	closing   sync.Once

	mu      sync.Mutex // guards what follows
	agreed  offer.Stream
	bound   chan struct{} // closed when there is a first agreement
	echoing bool          // the tone is over
	seq     uint16
	ts      uint32 // of the next packet of ours
	from    uint32 // the SSRC that shift belongs to
	shift   uint32 // our timestamp minus the peer's
	shifted bool
}

func openStream(at netip.Addr) (*stream, error) {
	rtp, rtcp, err := openPair(at)
	if err != nil {
		return nil, err
	}
	return &stream{
		rtp: rtp, rtcp: rtcp,
		ssrc: rand.Uint32(), seq: uint16(rand.Uint32()), ts: rand.Uint32(),
		done: make(chan struct{}), bound: make(chan struct{}),
	}, nil
}

// local is what the SDP announces.
func (s *stream) local() offer.Local {
	return offer.Local{RTP: addrOf(s.rtp), RTCP: addrOf(s.rtcp)}
}

// run starts the player and the reader; both end with close.
func (s *stream) run(wg *sync.WaitGroup) {
	wg.Go(s.play)
	wg.Go(s.echo)
}

func (s *stream) close() {
	s.closing.Do(func() {
		close(s.done)
		_ = s.rtp.Close() // ends echo
		_ = s.rtcp.Close()
	})
}

// bind gives the stream what was negotiated, at first or after a hold or resume.
func (s *stream) bind(agreed offer.Stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.agreed = agreed
	select {
	case <-s.bound:
	default:
		close(s.bound)
	}
}

// play sends the tone, a frame each 20 ms, and then lets the reader echo.
func (s *stream) play() {
	select {
	case <-s.bound:
	case <-s.done:
		return
	}
	tick := time.NewTicker(frame)
	defer tick.Stop()
	source := tone.Source{Freq: toneFrequency, Rate: 8000, Amplitude: toneAmplitude}
	pcm, payload := make([]int16, samples), make([]byte, samples)
	for range toneFor / frame {
		source.Fill(pcm)
		s.sendTone(pcm, payload)
		select {
		case <-tick.C:
		case <-s.done:
			return
		}
	}
	s.mu.Lock()
	s.echoing = true
	s.mu.Unlock()
}

func (s *stream) sendTone(pcm []int16, payload []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	compress := transcode.ALawEncode
	if strings.EqualFold(s.agreed.Send.Name, "PCMU") {
		compress = transcode.ULawEncode
	}
	for i, x := range pcm {
		payload[i] = compress(x)
	}
	s.send(rtp.Header{PayloadType: s.agreed.Send.PT, Timestamp: s.ts}, payload)
	s.ts += samples
}

// echo returns what the peer sends, telephone-events included, until the socket is closed.
func (s *stream) echo() {
	buf := make([]byte, mtu)
	for {
		n, source, err := s.rtp.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		var p rtp.Packet
		if p.Unmarshal(buf[:n]) == nil {
			s.reflect(&p, source)
		}
	}
}

// reflect sends a packet back with our numbers; the distances between the peer's timestamps are kept.
func (s *stream) reflect(p *rtp.Packet, source netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.echoing || netip.AddrPortFrom(source.Addr().Unmap(), source.Port()) != s.agreed.Remote {
		return
	}
	pt, ok := s.returned(p.PayloadType)
	if !ok {
		return
	}
	if !s.shifted || s.from != p.SSRC {
		s.from, s.shift, s.shifted = p.SSRC, s.ts-p.Timestamp, true
	}
	ts := p.Timestamp + s.shift
	s.send(rtp.Header{PayloadType: pt, Timestamp: ts, Marker: p.Marker}, p.Payload)
	s.ts = ts + samples
}

// returned is the peer's payload type for one of ours.
func (s *stream) returned(pt uint8) (uint8, bool) {
	switch {
	case pt == s.agreed.Recv.PT && strings.EqualFold(s.agreed.Recv.Name, s.agreed.Send.Name):
		return s.agreed.Send.PT, true
	case pt == s.agreed.RecvEvent.PT && s.agreed.RecvEvent.Name != "" && s.agreed.SendEvent.Name != "":
		return s.agreed.SendEvent.PT, true
	}
	return 0, false
}

// send numbers a packet and sends it, unless the call is held or silent. The caller holds mu.
func (s *stream) send(h rtp.Header, payload []byte) {
	if s.silent || !s.agreed.MaySend || !s.agreed.Remote.IsValid() {
		return
	}
	h.Version, h.SSRC, h.SequenceNumber = 2, s.ssrc, s.seq
	s.seq++
	raw, err := (&rtp.Packet{Header: h, Payload: payload}).Marshal()
	if err == nil {
		_, _ = s.rtp.WriteToUDPAddrPort(raw, s.agreed.Remote) // a peer that is gone is told by BYE, not here
	}
}
