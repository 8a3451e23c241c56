package caller

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/logging"
	"github.com/pion/webrtc/v4"
	pionmedia "github.com/pion/webrtc/v4/pkg/media"

	"drawbridge/transcode"
	"drawbridge/transcode/tone"
)

// media is the WebRTC side of the call: Opus both ways, a tone out, an ear in.
type media struct {
	pc    *webrtc.PeerConnection
	track *webrtc.TrackLocalStaticSample
	ear   *ear

	ice    chan time.Time // a pair works
	dtls   chan time.Time // keys agreed
	rtp    chan time.Time // first packet
	remote chan *webrtc.TrackRemote

	stop    chan struct{} // ends the tone
	stopped sync.Once
	work    sync.WaitGroup // the tone and the ear
}

// opusCodec is what browsers offer.
var opusCodec = webrtc.RTPCodecCapability{
	MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1",
}

// newMedia makes the peer connection. loopback adds 127.0.0.1 to its candidates, for a gateway on this machine. failed is called when
// ICE or DTLS has given up.
func newMedia(cfg Config, loopback bool, failed func()) (*media, error) {
	m := &media{
		ice: make(chan time.Time, 1), dtls: make(chan time.Time, 1), rtp: make(chan time.Time, 1),
		remote: make(chan *webrtc.TrackRemote, 1), stop: make(chan struct{}),
	}
	var err error
	if m.ear, err = newEar(cfg.ExpectHz); err != nil {
		return nil, err
	}
	if m.pc, err = newPeer(loopback); err != nil {
		return nil, err
	}
	m.watch(failed)
	if m.track, err = webrtc.NewTrackLocalStaticSample(opusCodec, "tone", "caller"); err != nil {
		return nil, errors.Join(err, m.pc.Close())
	}
	if _, err = m.pc.AddTrack(m.track); err != nil {
		return nil, errors.Join(err, m.pc.Close())
	}
	sound, err := newSound(cfg.SendHz)
	if err != nil {
		return nil, errors.Join(err, m.pc.Close())
	}
	m.work.Go(func() { m.speak(sound) })
	m.work.Go(m.listen)
	return m, nil
}

func newPeer(loopback bool) (*webrtc.PeerConnection, error) {
	engine := &webrtc.MediaEngine{}
	for _, c := range []webrtc.RTPCodecParameters{
		{RTPCodecCapability: opusCodec, PayloadType: 111},
		{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: "audio/telephone-event", ClockRate: 48000, SDPFmtpLine: "0-15"}, PayloadType: 110},
	} {
		if err := engine.RegisterCodec(c, webrtc.RTPCodecTypeAudio); err != nil {
			return nil, err
		}
	}
	reports := &interceptor.Registry{}
	if err := webrtc.ConfigureRTCPReports(reports); err != nil {
		return nil, err
	}
	var settings webrtc.SettingEngine
	settings.LoggerFactory = silent()
	settings.SetHandleUndeclaredSSRCWithoutAnswer(true) // a gateway's answer names no SSRC
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	settings.SetIncludeLoopbackCandidate(loopback)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6})
	api := webrtc.NewAPI(webrtc.WithMediaEngine(engine), webrtc.WithInterceptorRegistry(reports), webrtc.WithSettingEngine(settings))
	return api.NewPeerConnection(webrtc.Configuration{})
}

// silent keeps pion's log off the one line that is our output.
func silent() logging.LoggerFactory {
	f := logging.NewDefaultLoggerFactory()
	f.DefaultLogLevel = logging.LogLevelDisabled
	return f
}

// watch notes when the peer connection passes its states.
func (m *media) watch(failed func()) {
	m.pc.OnICEConnectionStateChange(func(s webrtc.ICEConnectionState) {
		if s == webrtc.ICEConnectionStateConnected || s == webrtc.ICEConnectionStateCompleted {
			note(m.ice)
		}
	})
	m.pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		switch s {
		case webrtc.PeerConnectionStateConnected:
			note(m.dtls)
		case webrtc.PeerConnectionStateFailed:
			failed()
		default: // on the way there, a gap that ICE may mend, or our own close
		}
	})
	m.pc.OnTrack(func(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { // called when its first packet is here
		note(m.rtp)
		select {
		case m.remote <- t:
		default: // one stream is expected; others are not listened to
		}
	})
}

// note keeps the first time something happened.
func note(ch chan time.Time) {
	select {
	case ch <- time.Now():
	default:
	}
}

// offer returns our SDP with all candidates: SIP has no trickle.
func (m *media) offer(ctx context.Context) ([]byte, error) {
	gathered := webrtc.GatheringCompletePromise(m.pc)
	sdp, err := m.pc.CreateOffer(nil)
	if err != nil {
		return nil, err
	}
	if err := m.pc.SetLocalDescription(sdp); err != nil {
		return nil, err
	}
	select {
	case <-gathered:
		return []byte(m.pc.LocalDescription().SDP), nil
	case <-ctx.Done():
		return nil, fmt.Errorf("gathering candidates: %w", ctx.Err())
	}
}

// accept takes the gateway's answer.
func (m *media) accept(sdp []byte) error {
	return m.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: string(sdp)})
}

// sound makes the payloads of the tone.
type sound struct {
	source  tone.Source
	encoder transcode.Encoder
	pcm     []int16
	payload []byte
}

func newSound(hz float64) (*sound, error) {
	enc, err := transcode.NewEncoder("opus", pcmRate, transcode.Options{})
	if err != nil {
		return nil, err
	}
	return &sound{
		source:  tone.Source{Freq: hz, Rate: pcmRate, Amplitude: sendAmplitude},
		encoder: enc, pcm: make([]int16, int(frame*pcmRate/time.Second)), payload: make([]byte, 1500),
	}, nil
}

// next returns the payload of the next 20 ms; it is good until the next call.
func (s *sound) next() ([]byte, error) {
	s.source.Fill(s.pcm)
	n, err := s.encoder.Encode(s.payload, s.pcm)
	return s.payload[:max(n, 0)], err
}

// speak sends the tone until the call ends. Before the keys are there, the track drops what it is given.
func (m *media) speak(s *sound) {
	tick := time.NewTicker(frame)
	defer tick.Stop()
	for {
		select {
		case <-m.stop:
			return
		case <-tick.C:
		}
		payload, err := s.next()
		if err != nil {
			return // the far side will miss its echo, and the stage will say so
		}
		if m.track.WriteSample(pionmedia.Sample{Data: payload, Duration: frame}) != nil {
			return // closed
		}
	}
}

// listen gives the far side's packets to the ear.
func (m *media) listen() {
	var t *webrtc.TrackRemote
	select {
	case t = <-m.remote:
	case <-m.stop:
		return
	}
	for {
		p, _, err := t.ReadRTP()
		if err != nil {
			return // closed
		}
		if p.PayloadType == uint8(t.PayloadType()) {
			m.ear.hear(p.Payload)
		}
	}
}

// quiet ends the tone.
func (m *media) quiet() { m.stopped.Do(func() { close(m.stop) }) }

func (m *media) close() {
	m.quiet()
	_ = m.pc.GracefulClose() // its sockets are closed in any case
	m.work.Wait()
}

func (c *call) iceConnected(ctx context.Context) (time.Time, error) {
	return await(ctx, c, c.media.ice, "candidate pair")
}

func (c *call) dtlsConnected(ctx context.Context) (time.Time, error) {
	return await(ctx, c, c.media.dtls, "DTLS handshake")
}

func (c *call) heardRTP(ctx context.Context) (time.Time, error) {
	return await(ctx, c, c.media.rtp, "audio packet")
}

func (c *call) heardTones(ctx context.Context) (time.Time, error) {
	at, err := await(ctx, c, c.media.ear.done, "tone")
	if err != nil {
		return at, fmt.Errorf("%w (%s)", err, c.media.ear.report())
	}
	return at, nil
}
