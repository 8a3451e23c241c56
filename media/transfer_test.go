package media_test

import (
	"bytes"
	"testing"

	"drawbridge/media"
	"drawbridge/media/mediatest"
	"drawbridge/media/offer"
)

// insideStream is what the two ends of a link agree on.
func insideStream(to offer.Local, codec offer.Codec) offer.Stream {
	return offer.Stream{
		Remote: to.RTP, RemoteRTCP: to.RTCP, Send: codec, Recv: codec, SendEvent: tev8k, RecvEvent: tev8k, MaySend: true, MayRecv: true, PtimeMS: 20,
	}
}

// TestTransferredCallsMeetInside: alice's call loses its callee and another call loses its caller; a link on loopback takes both their
// places while alice and the new callee keep their sockets, and media goes from one end to the other.
func TestTransferredCallsMeetInside(t *testing.T) {
	gw := newGateway(t, 2)
	first, second := gw.open(t), gw.open(t)
	alice, referrer, target := mediatest.NewPhone(t), mediatest.NewPhone(t), mediatest.NewPhone(t)
	toAlice, toReferrer := first.trunk(media.A, alice, pcmu), first.trunk(media.B, referrer, pcmu)
	alice.Send(t, toAlice, 0, true, []byte("to the referrer"), 160)
	referrer.Next(t, limit)

	toTarget := second.trunk(media.B, target, pcmu)
	inside := media.Side{Realm: media.Inside, Profile: offer.RTP}
	near, err := first.Add(media.B, inside)
	if err != nil {
		t.Fatal(err)
	}
	far, err := second.Add(media.A, inside)
	if err != nil {
		t.Fatal(err)
	}
	if !near.RTP.Addr().IsLoopback() || !far.RTP.Addr().IsLoopback() {
		t.Errorf("a link shows itself outside: %s, %s", near.RTP, far.RTP)
	}
	first.Bind(media.B, insideStream(far, pcmu))
	second.Bind(media.A, insideStream(near, pcmu))

	alice.Send(t, toAlice, 0, false, bytes.Repeat([]byte{1}, 160), 160)
	if p := target.Next(t, limit); p.Payload[0] != 1 || p.SSRC == alice.SSRC {
		t.Errorf("the target hears %+v", p)
	}
	target.Send(t, toTarget, 0, false, bytes.Repeat([]byte{2}, 160), 160)
	if p := alice.Next(t, limit); p.Payload[0] != 2 {
		t.Errorf("alice hears %+v", p)
	}
	referrer.Send(t, toReferrer, 0, false, bytes.Repeat([]byte{3}, 160), 160) // its port is closed
	alice.Send(t, toAlice, 0, false, bytes.Repeat([]byte{4}, 160), 160)
	if p := target.Next(t, limit); p.Payload[0] != 4 {
		t.Errorf("the target hears %+v", p)
	}
}
