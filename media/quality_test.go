package media_test

import (
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"drawbridge/media"
	"drawbridge/media/mediatest"
)

// A running engine: the counters of a call in progress, and the end of one whose peer has gone.
func TestSilenceEndsARunningCall(t *testing.T) {
	t.Parallel()
	gw := startGateway(t, 2, media.Realm{Bind: loopback, AllowLoopback: true, Inactivity: 300 * time.Millisecond})
	c := gw.open(t)
	speaker, silent := mediatest.NewPhone(t), mediatest.NewPhone(t)
	to := c.trunk(media.A, speaker, pcmu)
	c.trunk(media.B, silent, pcmu)
	for range 60 {
		speaker.Send(t, to, 0, false, make([]byte, 160), 160)
		silent.Next(t, limit)
	}
	now := make(chan [2]media.LegStats, 1)
	c.Stats(func(st [2]media.LegStats) { now <- st })
	if st := <-now; st[media.A].PacketsIn != 60 || st[media.A].Quality == nil || st[media.A].AudioIn != media.VerdictNone {
		t.Errorf("before the answer: %+v", st[media.A])
	}
	c.Talking()
	if ev := c.wait(media.EventFailed); ev.Reason != "media-inactivity" {
		t.Errorf("%+v", ev)
	}
	c.Close()
	if ev := c.wait(media.EventClosed); ev.Stats[media.A].AudioIn != media.VerdictOK || ev.Stats[media.B].AudioIn != media.VerdictNever {
		t.Errorf("%+v", ev.Stats)
	}
	c.Stats(func(st [2]media.LegStats) { now <- st })
	if st := <-now; st != [2]media.LegStats{} {
		t.Errorf("after the end: %+v", st)
	}
}

// BYE, from the phone itself and from a stranger, ends nothing.
func TestRTCPByeEndsNothing(t *testing.T) {
	t.Parallel()
	gw := newGateway(t, 1)
	c := gw.open(t)
	phone, far, stranger := mediatest.NewPhone(t), mediatest.NewPhone(t), mediatest.NewPhone(t)
	to := c.trunk(media.A, phone, pcmu)
	c.trunk(media.B, far, pcmu)
	talk := func() {
		phone.Send(t, to, 0, false, make([]byte, 160), 160)
		far.Next(t, limit)
	}
	talk()
	bye := []byte{0x80, 201, 0, 1, 0, 0, 0x10, 0, 0x81, 203, 0, 1, 0, 0, 0x10, 0}
	phone.WriteRTCP(t, netip.AddrPortFrom(to.Addr(), to.Port()+1), bye)
	phone.Write(t, to, bye) // on the port of RTP, though muxing was not agreed
	stranger.WriteRTCP(t, netip.AddrPortFrom(to.Addr(), to.Port()+1), bye)
	for gw.Stats().RTCP["bye"] < 2 {
		talk()
	}
	for range 10 {
		talk()
	}
	c.never(media.EventFailed)
}

// Every word that the operator may read is explained.
func TestVerdictsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/quality.md")
	if err != nil {
		t.Fatal(err)
	}
	for v := media.VerdictOK; v <= media.VerdictUnreceived; v++ {
		if !strings.Contains(string(text), "`"+v.String()+"`") {
			t.Errorf("docs/quality.md does not know %q", v)
		}
	}
}
