package media_test

import (
	"bytes"
	"errors"
	"testing"

	"drawbridge/media"
	"drawbridge/media/mediatest"
	"drawbridge/media/offer"

	"github.com/pion/rtp"
)

func TestTrunkToTrunkRelayKeepsGapsAndMarkers(t *testing.T) {
	gw := newGateway(t, 2)
	c := gw.open(t)
	a, b := mediatest.NewPhone(t), mediatest.NewPhone(t)
	toA, _ := c.trunk(media.A, a, pcmu), c.trunk(media.B, b, pcmu)

	var got []*rtp.Packet
	for i := range 10 {
		if i == 4 {
			a.Seq++ // one packet is lost
			a.TS += 160
		}
		a.Send(t, toA, 0, i == 0 || i == 7, bytes.Repeat([]byte{byte(i)}, 160), 160)
		got = append(got, b.Next(t, limit))
	}
	first := got[0]
	if first.SSRC == a.SSRC {
		t.Error("the sender's SSRC crossed")
	}
	for i, p := range got {
		step := i
		if i >= 4 {
			step++
		}
		if p.SequenceNumber != first.SequenceNumber+uint16(step) || p.Timestamp != first.Timestamp+uint32(160*step) {
			t.Errorf("packet %d: seq +%d ts +%d, want +%d +%d", i, p.SequenceNumber-first.SequenceNumber, p.Timestamp-first.Timestamp, step, 160*step)
		}
		if p.Marker != (i == 0 || i == 7) || p.SSRC != first.SSRC || p.Payload[0] != byte(i) || len(p.Payload) != 160 {
			t.Errorf("packet %d: %+v", i, p.Header)
		}
	}
	c.Close()
	if st := c.wait(media.EventClosed).Stats; st[media.A].PacketsIn != 10 || st[media.A].Lost != 1 || st[media.B].PacketsOut != 10 || st[media.A].Codec != "PCMU" {
		t.Errorf("stats %+v", st)
	}
}

func TestExtensionCSRCAndPaddingStayBehind(t *testing.T) {
	gw := newGateway(t, 1)
	c := gw.open(t)
	a, b := mediatest.NewPhone(t), mediatest.NewPhone(t)
	toA, _ := c.trunk(media.A, a, pcmu), c.trunk(media.B, b, pcmu)
	h := rtp.Header{Version: 2, SequenceNumber: 1, SSRC: 7, CSRC: []uint32{1, 2}, Padding: true, PaddingSize: 4}
	if err := h.SetExtension(1, []byte("secret")); err != nil {
		t.Fatal(err)
	}
	a.Write(t, toA, mediatest.Marshal(t, h, []byte("voice")))
	p := b.Next(t, limit)
	if p.Extension || len(p.CSRC) != 0 || p.Padding || string(p.Payload) != "voice" {
		t.Errorf("crossed: %+v %q", p.Header, p.Payload)
	}
}

func TestLawConversion(t *testing.T) {
	gw := newGateway(t, 1)
	c := gw.open(t)
	a, b := mediatest.NewPhone(t), mediatest.NewPhone(t)
	toA, toB := c.trunk(media.A, a, pcmu), c.trunk(media.B, b, pcma)
	a.Send(t, toA, 0, false, []byte{0xff, 0x80, 0x00}, 160) // u-law: +0, and the extremes
	if p := b.Next(t, limit); p.PayloadType != 8 || !bytes.Equal(p.Payload, []byte{0xd5, 0xaa, 0x2a}) {
		t.Errorf("A-law: pt %d % x", p.PayloadType, p.Payload)
	}
	b.Send(t, toB, 8, false, []byte{0xd5, 0xaa, 0x2a}, 160)
	if p := a.Next(t, limit); p.PayloadType != 0 || len(p.Payload) != 3 || p.Payload[1] != 0x80 || p.Payload[2] != 0x00 {
		t.Errorf("u-law: pt %d % x", p.PayloadType, p.Payload)
	}
}

func TestReplaysAndStrayTypesStop(t *testing.T) {
	gw := newGateway(t, 1)
	c := gw.open(t)
	a, b := mediatest.NewPhone(t), mediatest.NewPhone(t)
	toA, _ := c.trunk(media.A, a, pcmu), c.trunk(media.B, b, pcmu)
	h := rtp.Header{Version: 2, SequenceNumber: 500, SSRC: 7}
	for range 3 {
		a.Write(t, toA, mediatest.Marshal(t, h, []byte("same")))
	}
	h.SequenceNumber, h.PayloadType = 501, 18
	a.Write(t, toA, mediatest.Marshal(t, h, []byte("noise")))
	a.Write(t, toA, []byte{0x80, 0})
	h.SequenceNumber, h.PayloadType = 502, 0
	a.Write(t, toA, mediatest.Marshal(t, h, []byte("next")))
	if p := b.Next(t, limit); string(p.Payload) != "same" {
		t.Errorf("first: %q", p.Payload)
	}
	if p := b.Next(t, limit); string(p.Payload) != "next" {
		t.Errorf("second: %q", p.Payload)
	}
	drops := gw.Stats().Drops
	if drops["srtp-replay"] != 2 || drops["rtp-pt"] != 1 || drops["rtp-malformed"] != 1 {
		t.Errorf("drops %v", drops)
	}
}

func TestHoldAndResumeLooksLikeNoLoss(t *testing.T) {
	gw := newGateway(t, 1)
	c := gw.open(t)
	a, b := mediatest.NewPhone(t), mediatest.NewPhone(t)
	toA, _ := c.trunk(media.A, a, pcmu), c.trunk(media.B, b, pcmu)
	a.Send(t, toA, 0, false, []byte("before"), 160)
	before := b.Next(t, limit)

	held := trunkStream(b, pcmu)
	held.MaySend = false
	refused := offer.Stream{Refused: true} // port 0
	for i, form := range []offer.Stream{held, refused} {
		c.Bind(media.B, form)
		for range 20 {
			a.Send(t, toA, 0, false, []byte("held"), 160)
		}
		waitDrop(t, gw, "rtp-held", uint64(20*(i+1)))
		c.Bind(media.B, trunkStream(b, pcmu))
		a.Send(t, toA, 0, false, []byte("after"), 160)
		after := b.Next(t, limit)
		if string(after.Payload) != "after" || after.SequenceNumber != before.SequenceNumber+uint16(i+1) || after.SSRC != before.SSRC {
			t.Errorf("after hold %d: %q seq +%d", i, after.Payload, after.SequenceNumber-before.SequenceNumber)
		}
	}
	for len(c.events) > 0 {
		if e := <-c.events; e.Kind == media.EventFailed {
			t.Errorf("%+v", e)
		}
	}
}

// The RTCP port is a leg's from the start, and opened with the first packet: until then there is nothing to report.
func TestRTCPOpensWithMedia(t *testing.T) {
	gw := startGateway(t, 1, media.Realm{Bind: loopback, PortMin: 21050, PortMax: 21053, AllowLoopback: true})
	c := gw.open(t)
	a, b := mediatest.NewPhone(t), mediatest.NewPhone(t)
	toA := c.trunk(media.A, a, pcmu)
	c.trunk(media.B, b, pcmu)
	if st := gw.Stats(); st.Sockets != 2 || st.Ports["core"] != 2 {
		t.Errorf("before media: %d sockets, %d pairs", st.Sockets, st.Ports["core"])
	}
	a.Send(t, toA, 0, false, []byte("hello"), 160)
	b.Next(t, limit)
	if st := gw.Stats(); st.Sockets != 3 { // B has sent nothing yet
		t.Errorf("with media: %d sockets", st.Sockets)
	}
	c.Close()
	c.wait(media.EventClosed)
	if st := gw.Stats(); st.Sockets != 0 {
		t.Errorf("%d sockets are left", st.Sockets)
	}
}

func TestPortsComeBackAndFailoverReleases(t *testing.T) {
	core := media.Realm{Bind: loopback, PortMin: 21040, PortMax: 21043, AllowLoopback: true}
	gw := startGateway(t, 1, core)
	c := gw.open(t)
	p := mediatest.NewPhone(t)
	first := c.trunk(media.A, p, pcmu)
	if first.Port()%2 != 0 || first.Port() < 21040 || first.Port() > 21042 {
		t.Errorf("port %d", first.Port())
	}
	if second := c.trunk(media.A, p, pcmu); second == first { // failover: the former pair rests
		t.Errorf("pair %s was not left to rest", second)
	}
	if _, err := c.Add(media.B, media.Side{Realm: "core", Profile: offer.RTP}); err == nil {
		t.Error("a third pair out of two")
	}
	if _, err := c.Add(media.B, media.Side{Realm: "nowhere"}); !errors.Is(err, media.ErrNoRealm) {
		t.Errorf("unknown realm: %v", err)
	}
	c.Close()
	c.Close()
	c.wait(media.EventClosed)
	if st := gw.Stats(); st.Sessions != 0 || st.Sockets != 0 || st.Ports["core"] != 0 {
		t.Errorf("left over: %+v", st)
	}
	if _, err := c.Add(media.A, media.Side{Realm: "core"}); !errors.Is(err, media.ErrClosed) {
		t.Errorf("Add after Close: %v", err)
	}
}
