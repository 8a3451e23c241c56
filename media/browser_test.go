package media_test

import (
	"bytes"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"drawbridge/media"
	"drawbridge/media/mediatest"
	"drawbridge/media/offer"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/stun/v4"
	"github.com/pion/webrtc/v4"
)

// browser is a full WebRTC peer on one loopback socket that the test can listen to and write on.
type browser struct {
	t     testing.TB
	pc    *webrtc.PeerConnection
	wire  *tap
	track *rawTrack
	heard chan *rtp.Packet // what it would play
	rtcp  chan []rtcp.Packet
	state chan webrtc.PeerConnectionState
	seq   uint16
	ts    uint32

	stream *offer.Stream  // as it was bound
	sdp    *offer.Machine // the gateway's
}

var (
	opus   = offer.Codec{Name: "opus", PT: 111, Clock: 48000, Channels: 2}
	tev48k = offer.Codec{Name: "telephone-event", PT: 110, Clock: 48000, Channels: 1}
)

func newBrowser(t testing.TB) *browser {
	t.Helper()
	return newBrowserAt(t, loopback)
}

func newBrowserAt(t testing.TB, at netip.Addr) *browser {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, 0)))
	if err != nil {
		t.Fatal(err)
	}
	br := &browser{
		t: t, wire: &tap{UDPConn: conn}, track: &rawTrack{bound: make(chan struct{})}, heard: make(chan *rtp.Packet, 4096),
		rtcp: make(chan []rtcp.Packet, 64), state: make(chan webrtc.PeerConnectionState, 16), seq: 1, ts: 1000,
	}
	mux := webrtc.NewICEUDPMux(nil, br.wire)
	var se webrtc.SettingEngine
	se.SetICEUDPMux(mux)
	se.SetIncludeLoopbackCandidate(true)
	se.SetHandleUndeclaredSSRCWithoutAnswer(true) // our answers carry no a=ssrc
	se.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	se.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6})
	api := webrtc.NewAPI(webrtc.WithMediaEngine(codecs(t)), webrtc.WithSettingEngine(se), webrtc.WithInterceptorRegistry(&interceptor.Registry{}))
	if br.pc, err = api.NewPeerConnection(webrtc.Configuration{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = br.pc.GracefulClose()
		_ = mux.Close()
		_ = conn.Close()
	})
	sender, err := br.pc.AddTrack(br.track)
	if err != nil {
		t.Fatal(err)
	}
	go br.readReports(sender)
	br.pc.OnTrack(br.play)
	br.pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) { br.state <- s })
	return br
}

func codecs(t testing.TB) *webrtc.MediaEngine {
	t.Helper()
	m := &webrtc.MediaEngine{}
	for _, c := range []offer.Codec{opus, tev48k} {
		p := webrtc.RTPCodecParameters{PayloadType: webrtc.PayloadType(c.PT)}
		p.MimeType, p.ClockRate, p.Channels = "audio/"+c.Name, uint32(c.Clock), uint16(c.Channels)
		if c.Name == "telephone-event" {
			p.Channels = 0
		}
		if err := m.RegisterCodec(p, webrtc.RTPCodecTypeAudio); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// play reads what arrives, as a browser's audio would.
func (br *browser) play(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
	for {
		p, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		br.heard <- p
	}
}

func (br *browser) readReports(s *webrtc.RTPSender) {
	for {
		ps, _, err := s.ReadRTCP()
		if err != nil {
			return
		}
		select {
		case br.rtcp <- ps:
		default:
		}
	}
}

// offerSDP gathers and offers.
func (br *browser) offerSDP() []byte { return br.offerWith(nil) }

func (br *browser) offerWith(o *webrtc.OfferOptions) []byte {
	br.t.Helper()
	sdp, err := br.pc.CreateOffer(o)
	if err != nil {
		br.t.Fatal(err)
	}
	done := webrtc.GatheringCompletePromise(br.pc)
	if err := br.pc.SetLocalDescription(sdp); err != nil {
		br.t.Fatal(err)
	}
	<-done
	return []byte(br.pc.LocalDescription().SDP)
}

// join offers, and answers with what the gateway allocates for leg; change may spoil the stream before it is bound.
func (br *browser) join(c *call, leg media.LegID, change func(*offer.Stream)) {
	br.t.Helper()
	local, err := c.Add(leg, media.Side{Realm: "access", Profile: offer.WebRTC})
	if err != nil {
		br.t.Fatal(err)
	}
	m := offer.New(offer.Config{Profile: offer.WebRTC, Codecs: []offer.Codec{opus}, SessionID: 1, AllowLoopback: true, PtimeMS: 20})
	m.SetLocal(local)
	answer, st, err := m.Offered(br.offerSDP(), offer.SendRecv)
	if err != nil {
		br.t.Fatal(err)
	}
	own := *st // nobody writes to the machine's
	if change != nil {
		change(&own)
	}
	br.stream, br.sdp = &own, m
	c.Bind(leg, own)
	if err := br.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: string(answer)}); err != nil {
		br.t.Fatalf("answer: %v\n%s", err, answer)
	}
}

// beginAnew restarts ICE and returns when the browser is connected again, by the new credentials alone.
func (br *browser) beginAnew(c *call, leg media.LegID) {
	br.t.Helper()
	sdp := br.offerWith(&webrtc.OfferOptions{ICERestart: true})
	if !br.sdp.Restarts(sdp) {
		br.t.Fatalf("no restart:\n%s", sdp)
	}
	answer, st, err := br.sdp.Renewed(sdp, offer.SendRecv, offer.ICE{Ufrag: "fresh" + br.stream.Local.Ufrag, Pwd: "fresh" + br.stream.Local.Pwd})
	if err != nil {
		br.t.Fatal(err)
	}
	up := make(chan struct{})
	var once sync.Once
	br.pc.OnICEConnectionStateChange(func(s webrtc.ICEConnectionState) {
		if s == webrtc.ICEConnectionStateConnected {
			once.Do(func() { close(up) })
		}
	})
	br.stream = st
	c.Bind(leg, *st)
	const refused = "m=audio 0 UDP/TLS/RTP/SAVPF 111\r\n" // of what pion heard without a=ssrc it makes a line of its own, and looks for a format in our refusal
	answer = bytes.ReplaceAll(answer, []byte(refused), []byte(refused+"a=rtpmap:111 opus/48000/2\r\n"))
	if err := br.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: string(answer)}); err != nil {
		br.t.Fatalf("answer: %v\n%s", err, answer)
	}
	select {
	case <-up:
	case <-time.After(2 * limit):
		br.t.Fatal("not connected again")
	}
}

// connected waits until ICE and DTLS are up on the browser's side and its track can send.
func (br *browser) connected() {
	br.t.Helper()
	br.reaches(webrtc.PeerConnectionStateConnected)
	select {
	case <-br.track.bound:
	case <-time.After(limit):
		br.t.Fatal("track was not negotiated")
	}
}

func (br *browser) reaches(want webrtc.PeerConnectionState) {
	br.t.Helper()
	deadline := time.After(2 * limit)
	for {
		select {
		case s := <-br.state:
			if s == want {
				return
			}
		case <-deadline:
			br.t.Fatalf("browser is %s, not %s", br.pc.ConnectionState(), want)
		}
	}
}

// send sends one 20 ms Opus packet.
func (br *browser) send(payload []byte) {
	br.t.Helper()
	br.write(rtp.Header{Version: 2, PayloadType: opus.PT, SequenceNumber: br.seq, Timestamp: br.ts}, payload)
	br.seq++
	br.ts += 960
}

func (br *browser) write(h rtp.Header, payload []byte) {
	br.t.Helper()
	h.SSRC = br.track.ssrc
	if _, err := br.track.out.WriteRTP(&h, payload); err != nil {
		br.t.Fatalf("browser send: %v", err)
	}
}

func (br *browser) next() *rtp.Packet {
	br.t.Helper()
	select {
	case p := <-br.heard:
		return p
	case <-time.After(limit):
		br.t.Fatal("the browser hears nothing")
		return nil
	}
}

// rawTrack lets the test write any payload type.
type rawTrack struct {
	bound chan struct{}
	out   webrtc.TrackLocalWriter
	ssrc  uint32
}

func (r *rawTrack) Bind(ctx webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	r.out, r.ssrc = ctx.WriteStream(), uint32(ctx.SSRC())
	close(r.bound)
	return ctx.CodecParameters()[0], nil
}
func (r *rawTrack) Unbind(webrtc.TrackLocalContext) error { return nil }
func (r *rawTrack) ID() string                            { return "audio" }
func (r *rawTrack) RID() string                           { return "" }
func (r *rawTrack) StreamID() string                      { return "stream" }
func (r *rawTrack) Kind() webrtc.RTPCodecType             { return webrtc.RTPCodecTypeAudio }

// tap is the browser's socket. It keeps the last SRTP packet and the last nomination that were sent, and may lose datagrams.
type tap struct {
	*net.UDPConn
	mu     sync.Mutex
	srtp   []byte
	gw     net.Addr
	check  []byte              // the last that nominates
	loseIn func(b []byte) bool // asked for datagrams that come in
}

func (w *tap) WriteTo(b []byte, to net.Addr) (int, error) {
	w.mu.Lock()
	if len(b) > 0 && b[0] >= 128 && b[0] <= 191 && (b[1]&0x7f < 64 || b[1]&0x7f > 95) {
		w.srtp = append(w.srtp[:0], b...)
	}
	if m := (stun.Message{Raw: b}); stun.IsMessage(b) && m.Decode() == nil && m.Contains(stun.AttrUseCandidate) {
		w.check = append(w.check[:0], b...)
	}
	w.gw = to
	w.mu.Unlock()
	return w.UDPConn.WriteTo(b, to)
}

func (w *tap) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := w.UDPConn.ReadFrom(b)
		w.mu.Lock()
		lost := err == nil && w.loseIn != nil && w.loseIn(b[:n])
		w.mu.Unlock()
		if !lost {
			return n, from, err
		}
	}
}

// last returns a copy of the last SRTP packet and where it went.
func (w *tap) last() ([]byte, net.Addr) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]byte(nil), w.srtp...), w.gw
}

// nomination returns a copy of the last check that nominates, nil before there is one.
func (w *tap) nomination() []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	return bytes.Clone(w.check)
}

// phoneStream is trunkStream with other formats.
func phoneStream(p *mediatest.Phone, codec, event offer.Codec) offer.Stream {
	st := trunkStream(p, codec)
	st.SendEvent, st.RecvEvent = event, event
	return st
}

// trunkWith adds and binds a leg for a phone with the given formats.
func (c *call) trunkWith(leg media.LegID, p *mediatest.Phone, codec, event offer.Codec) netip.AddrPort {
	c.t.Helper()
	local, err := c.Add(leg, media.Side{Realm: "core", Profile: offer.RTP})
	if err != nil {
		c.t.Fatal(err)
	}
	c.Bind(leg, phoneStream(p, codec, event))
	if leg == media.B {
		c.trunkB = local.RTP
	}
	return local.RTP
}
