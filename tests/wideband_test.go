package tests

import (
	"context"
	"errors"
	"math"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"

	"drawbridge/tests/gateway"
	"drawbridge/tests/light"
	"drawbridge/tests/phone"
	"drawbridge/transcode"
)

// talker is a light client that says a tone in one codec and hears what comes back.
type talker struct {
	client *light.Client
	line   *light.Line
	codec  string
	enc    transcode.Encoder

	stop  chan struct{}
	loops sync.WaitGroup
	mu    sync.Mutex
	dec   transcode.Decoder
	heard []int16 // the newest 250 ms
}

const (
	voiceRate  = 8000 // Hz, of the PCM on both ends
	voiceFrame = voiceRate / 50
	voiceEar   = voiceRate / 4
)

// newTalker signs an account in and opens the client's socket.
func newTalker(ctx context.Context, t *testing.T, gw *gateway.Gateway, u gateway.User, codec string) *talker {
	t.Helper()
	v := &talker{codec: codec, stop: make(chan struct{}), client: clientOf(t)}
	var err error
	if v.line, err = light.SignIn(ctx, gw.Web, gw.Config.Key.Pool, u.Name, u.Password); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.line.Close() })
	if v.enc, err = transcode.NewEncoder(codec, voiceRate, transcode.Options{}); errors.Is(err, transcode.ErrNoOpus) {
		t.Skip(err) // a build without Opus
	} else if err != nil {
		t.Fatal(err)
	}
	if v.dec, err = transcode.NewDecoder(codec, voiceRate); err != nil {
		t.Fatal(err)
	}
	v.client.OnRTP(v.hear)
	return v
}

// talk connects the client with what the gateway has described, and says the tone from then on.
func (v *talker) talk(ctx context.Context, t *testing.T, sdp string, frequency float64) {
	t.Helper()
	if err := v.client.Connect(ctx, sdp); err != nil {
		t.Fatal(err)
	}
	v.loops.Go(func() { v.speak(frequency) })
	t.Cleanup(func() {
		close(v.stop)
		v.loops.Wait()
	})
}

func (v *talker) speak(frequency float64) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	pt, step := map[string]uint8{"opus": light.PTOpus, "PCMA": light.PTPCMA, "G722": light.PTG722}[v.codec], uint32(voiceFrame)
	if v.codec == "opus" {
		step = 960
	}
	p, room, pcm := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: pt, SSRC: 77}}, make([]byte, 1500), make([]int16, voiceFrame)
	for n := 0; ; n++ {
		select {
		case <-v.stop:
			return
		case <-tick.C:
		}
		for i := range pcm {
			pcm[i] = int16(8000 * math.Sin(2*math.Pi*frequency*float64(voiceFrame*n+i)/voiceRate))
		}
		k, err := v.enc.Encode(room, pcm)
		p.Payload = room[:k]
		if err != nil || v.client.Send(&p) != nil || n%100 == 0 && v.client.Consent() != nil {
			return // the socket is closed: the test is over
		}
		p.SequenceNumber++
		p.Timestamp += step
	}
}

func (v *talker) hear(p *rtp.Packet) {
	v.mu.Lock()
	defer v.mu.Unlock()
	var room [voiceRate * 120 / 1000]int16
	n, err := v.dec.Decode(room[:], p.Payload)
	if err != nil {
		return
	}
	v.heard = append(v.heard, room[:n]...)
	if extra := len(v.heard) - voiceEar; extra > 0 {
		v.heard = v.heard[extra:]
	}
}

// hears finds a clean tone in what is heard from now on.
func (v *talker) hears(t *testing.T, frequency float64) {
	t.Helper()
	v.mu.Lock()
	v.heard = v.heard[:0]
	v.mu.Unlock()
	var tone float64
	if !gateway.Within(toneSeen, func() bool {
		v.mu.Lock()
		defer v.mu.Unlock()
		tone, _ = phone.Share(v.heard, frequency)
		return len(v.heard) == voiceEar && tone > 0.8
	}) {
		t.Errorf("the client does not hear %.0f Hz: share %.2f", frequency, tone)
	}
}

const toneLight = 1000 // Hz, what light clients say

// TestWideband: a telephone that speaks G.722 alone hears a browser and is heard, transcoded from Opus and passed through.
func TestWideband(t *testing.T) {
	sipPort := gateway.FreeUDP(t, gateway.PhoneAddr)
	gw := gateway.Start(t, gateway.Config{
		Key: gateway.NewIdentity(t), Users: []gateway.User{accountOf("json")}, Codecs: "[opus, G722, PCMU, PCMA]",
		Trunks: []gateway.Trunk{{Name: "acme", Target: netip.AddrPortFrom(gateway.PhoneAddr, uint16(sipPort)), Codecs: "[G722]"}},
		Routes: []gateway.Route{{From: "access", To: "*", Via: "acme"}},
	})
	for _, codec := range []string{"opus", "G722"} {
		t.Run(codec, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), signInLimit)
			defer cancel()
			n, media := len(gw.CDRs(t)), phone.OpenMedia(t, "G722", tonePhone)
			run := phone.Start(t, phone.Scenario{Name: "uas_answer", Port: sipPort, Media: media})
			v := newTalker(ctx, t, gw, accountOf("json"), codec)
			answer, err := v.line.Call("wide", dialled, v.client.Offer(codec))
			if err != nil {
				t.Fatal(err)
			}
			v.talk(ctx, t, answer, toneLight)
			media.Hears(t, toneLight, toneSeen)
			v.hears(t, tonePhone)
			if media.Odd() > 0 {
				t.Errorf("%d packets that no phone expects", media.Odd())
			}
			if err := v.line.Hangup("wide"); err != nil {
				t.Fatal(err)
			}
			run.Wait(t)
			if c := gw.NextCDR(t, n); c.A.Codec != codec || c.B.Codec != "G722" {
				t.Errorf("call record has the codecs %q and %q", c.A.Codec, c.B.Codec)
			}
		})
	}
}

// TestLightCallsLight: two browsers of one gateway hear each other, with one codec and with two.
func TestLightCallsLight(t *testing.T) {
	one, two := accountOf("json"), accountOf("sipjs")
	gw := gateway.Start(t, gateway.Config{Key: gateway.NewIdentity(t), Users: []gateway.User{one, two}, Codecs: "[opus, G722, PCMU, PCMA]"})
	for _, codecs := range [][2]string{{"opus", "opus"}, {"opus", "G722"}, {"G722", "PCMA"}} {
		t.Run(codecs[0]+" to "+codecs[1], func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), signInLimit)
			defer cancel()
			n := len(gw.CDRs(t))
			caller, callee := newTalker(ctx, t, gw, one, codecs[0]), newTalker(ctx, t, gw, two, codecs[1])
			if err := caller.line.Send(light.Message{Type: "call", Call: "pair", To: two.Number, SDP: caller.client.Offer(codecs[0])}); err != nil {
				t.Fatal(err)
			}
			in := callee.next(t, "call")
			if err := callee.line.Send(light.Message{Type: "answer", Call: in.Call, SDP: callee.client.Reply(codecs[1])}); err != nil {
				t.Fatal(err)
			}
			caller.talk(ctx, t, caller.next(t, "answer").SDP, toneLight)
			callee.talk(ctx, t, in.SDP, toneOther)
			caller.hears(t, toneOther)
			callee.hears(t, toneLight)
			if err := callee.line.Hangup(in.Call); err != nil {
				t.Fatal(err)
			}
			caller.next(t, "bye")
			if c := gw.NextCDR(t, n); c.A.Codec != codecs[0] || c.B.Codec != codecs[1] || c.Cause.By != "b" {
				t.Errorf("call record has the codecs %q and %q, ended by %q", c.A.Codec, c.B.Codec, c.Cause.By)
			}
		})
	}
}

// next waits for a message of a type.
func (v *talker) next(t *testing.T, kind string) light.Message {
	t.Helper()
	for {
		m, err := v.line.Next()
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		if m.Type == kind {
			return m
		}
	}
}
