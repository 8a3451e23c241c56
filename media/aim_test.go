package media_test

import (
	"net/netip"
	"testing"
	"time"

	"drawbridge/media"
	"drawbridge/media/mediatest"
	"drawbridge/media/offer"
)

// TestNothingLeavesForAnUnheardPrivateAddress: a peer behind NAT names any host of our networks it likes. That host is sent nothing, not
// even when its own packets come (they may be forged); the peer is, once it has spoken from where it signals. A trunk whose prefixes hold
// the host is as known as one without NAT.
func TestNothingLeavesForAnUnheardPrivateAddress(t *testing.T) {
	t.Parallel()
	signals := netip.MustParseAddr("127.0.0.2")
	for name, row := range map[string]struct {
		nat      netip.Addr
		prefixes []netip.Prefix
		at       bool // the announced host is sent to at once
	}{
		"behind NAT":            {nat: signals},
		"in the trunk's prefix": {nat: signals, prefixes: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, at: true},
		"no NAT":                {at: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gw := newGateway(t, 1)
			c := gw.open(t)
			named, own, b := mediatest.NewPhone(t), mediatest.NewPhoneAt(t, signals), mediatest.NewPhone(t)
			local, err := c.Add(media.A, media.Side{Realm: "core", Profile: offer.RTP, Prefixes: row.prefixes})
			if err != nil {
				t.Fatal(err)
			}
			st := trunkStream(named, pcmu)
			st.NAT = row.nat
			c.Bind(media.A, st)
			toB := c.trunk(media.B, b, pcmu)
			b.Send(t, toB, 0, false, []byte("first"), 160)
			if row.at {
				if p := named.Next(t, limit); string(p.Payload) != "first" {
					t.Errorf("the announced host got %q", p.Payload)
				}
				return
			}
			speak(t, named, local.RTP, b, "forged")
			b.Send(t, toB, 0, false, []byte("second"), 160)
			speak(t, own, local.RTP, b, "here")
			b.Send(t, toB, 0, false, []byte("back"), 160)
			if p := own.Next(t, limit); string(p.Payload) != "back" {
				t.Errorf("the peer got %q", p.Payload)
			}
			if p, ok := named.Poll(t, time.Millisecond); ok { // what was sent before has arrived on loopback by now
				t.Errorf("the announced host got %q", p.Payload)
			}
		})
	}
}
