package media_test

import (
	"strings"
	"testing"
	"time"

	"drawbridge/media"
	"drawbridge/media/mediatest"
	"drawbridge/media/offer"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// passThrough is a browser and a phone that both speak Opus.
func passThrough(t *testing.T, loops int) (*gateway, *call, *browser, *mediatest.Phone) {
	t.Helper()
	gw := newGateway(t, loops)
	c := gw.open(t)
	br, ph := newBrowser(t), mediatest.NewPhone(t)
	c.trunkWith(media.B, ph, opus, tev48k)
	br.join(c, media.A, nil)
	c.wait(media.EventICE)
	c.wait(media.EventDTLS)
	br.connected()
	return gw, c, br, ph
}

func TestBrowserToPhonePassThrough(t *testing.T) {
	for _, loops := range []int{1, 2} {
		_, c, br, ph := passThrough(t, loops)
		br.send([]byte("hello phone"))
		if p := ph.Next(t, limit); string(p.Payload) != "hello phone" || p.PayloadType != opus.PT {
			t.Errorf("phone got %q pt %d", p.Payload, p.PayloadType)
		}
		c.wait(media.EventRTP)
		for i := range 5 {
			ph.Send(t, c.trunkB, opus.PT, i == 0, []byte("hello browser"), 960)
		}
		if p := br.next(); string(p.Payload) != "hello browser" {
			t.Errorf("browser got %q", p.Payload)
		}
	}
}

func TestWrongFingerprintIsRefused(t *testing.T) {
	gw := newGateway(t, 2)
	c := gw.open(t)
	br, ph := newBrowser(t), mediatest.NewPhone(t)
	c.trunkWith(media.B, ph, opus, tev48k)
	br.join(c, media.A, func(st *offer.Stream) {
		st.Fingerprint = "sha-256 " + strings.Repeat("AB:", 31) + "AB"
	})
	if ev := c.wait(media.EventFailed); ev.Reason != "fingerprint" || ev.Leg != media.A {
		t.Errorf("event %+v", ev)
	}
	gw.waitRefused(t, "dtls-fingerprint", 1)
	c.never(media.EventDTLS)
}

// Each leg has reports of its own: the phone hears SR of what we send, the browser hears how its own stream arrives.
func TestReportsOnBothLegs(t *testing.T) {
	t.Parallel()
	_, c, br, ph := passThrough(t, 2)
	br.send([]byte("one"))
	out := ph.Next(t, limit)
	ph.Send(t, c.trunkB, opus.PT, false, []byte("two"), 960)

	ps, err := rtcp.Unmarshal(ph.NextRTCP(t, limit))
	if err != nil {
		t.Fatal(err)
	}
	sr, ok := ps[0].(*rtcp.SenderReport)
	if !ok || sr.SSRC != out.SSRC || sr.PacketCount != 1 || len(sr.Reports) != 1 || sr.Reports[0].SSRC != ph.SSRC {
		t.Errorf("to the phone: %+v", ps[0])
	}
	if sdes, ok := ps[1].(*rtcp.SourceDescription); !ok || len(sdes.Chunks) != 1 || len(sdes.Chunks[0].Items[0].Text) != 16 {
		t.Errorf("to the phone: %+v", ps[1])
	}
	for giveUp := time.After(limit); ; {
		select {
		case ps := <-br.rtcp:
			for _, p := range ps {
				if sr, ok := p.(*rtcp.SenderReport); ok && len(sr.Reports) == 1 && sr.Reports[0].SSRC == br.track.ssrc {
					return
				}
				if rr, ok := p.(*rtcp.ReceiverReport); ok && len(rr.Reports) == 1 && rr.Reports[0].SSRC == br.track.ssrc {
					return
				}
			}
		case <-giveUp:
			t.Fatal("the browser hears no report on its stream")
		}
	}
}

// A full WebRTC peer that begins ICE anew is connected by the new credentials, with the keys, the stream and the sequence of before.
func TestBrowserBeginsICEAnew(t *testing.T) {
	t.Parallel()
	_, c, br, ph := passThrough(t, 2)
	say := func() *rtp.Packet {
		br.send([]byte("hello phone"))
		ph.Send(t, c.trunkB, opus.PT, false, []byte("hello browser"), 960)
		if p := br.next(); string(p.Payload) != "hello browser" {
			t.Errorf("browser got %q", p.Payload)
		}
		return ph.Next(t, limit)
	}
	before := say()
	for range 3 {
		br.beginAnew(c, media.A)
		after := say()
		if after.SSRC != before.SSRC || after.SequenceNumber != before.SequenceNumber+1 || after.Timestamp != before.Timestamp+960 || string(after.Payload) != "hello phone" {
			t.Errorf("before %v, after %v", before.Header, after.Header)
		}
		before = after
	}
	c.never(media.EventDTLS)
	c.never(media.EventFailed)
}

// A hold on the browser's leg stops both directions; keys and paths survive it.
func TestHoldAndResumeOfABrowser(t *testing.T) {
	t.Parallel()
	gw, c, br, ph := passThrough(t, 1)
	hears(t, br, ph)
	st := *br.stream
	st.MayRecv, st.MaySend = false, false
	c.Bind(media.A, st)
	br.send([]byte("held"))
	waitDrop(t, gw, "rtp-held", 1)
	c.Bind(media.A, *br.stream)
	hears(t, br, ph)
	c.never(media.EventFailed)
}
