package tests

import (
	"context"
	"net/netip"
	"testing"

	"drawbridge/tests/gateway"
	"drawbridge/tests/phone"
)

// TestRestart: a page over JSON signalling that begins ICE anew with each offer, as one in a new network does, is given new credentials,
// checks with them, and is heard and hears as before, by the keys of the one handshake. It is held and resumed so.
func TestRestart(t *testing.T) {
	sipPort := gateway.FreeUDP(t, gateway.PhoneAddr)
	gw := gateway.Start(t, gateway.Config{
		Key: gateway.NewIdentity(t), Users: []gateway.User{accountOf("json")},
		Trunks: []gateway.Trunk{{Name: "acme", Target: netip.AddrPortFrom(gateway.PhoneAddr, uint16(sipPort))}},
		Routes: []gateway.Route{{From: "access", To: "*", Via: "acme"}},
	})
	ctx, cancel := context.WithTimeout(t.Context(), 3*signInLimit)
	defer cancel()
	media := phone.OpenMedia(t, "PCMA", tonePhone)
	run := phone.Start(t, phone.Scenario{Name: "uas_answer", Port: sipPort, Media: media})
	v := newTalker(ctx, t, gw, accountOf("json"), "PCMA")
	answer, err := v.line.Call("restarts", dialled, v.client.Offer("PCMA"))
	if err != nil {
		t.Fatal(err)
	}
	v.talk(ctx, t, answer, toneLight)
	bothHear := func() {
		t.Helper()
		media.Hears(t, toneLight, toneSeen)
		v.hears(t, tonePhone)
	}
	bothHear()
	for _, hold := range []bool{false, true, false} { // the first changes nothing but ICE
		v.restart(ctx, t, "restarts", hold)
		if !hold {
			bothHear()
		}
	}
	if n := handshakes(t, gw); n != 1 {
		t.Errorf("%v DTLS handshakes, want 1", n)
	}
	if err := v.line.Hangup("restarts"); err != nil {
		t.Fatal(err)
	}
	run.Wait(t)
}

// restart begins ICE anew by holding the call or resuming it.
func (v *talker) restart(ctx context.Context, t *testing.T, call string, hold bool) {
	t.Helper()
	before := v.client.Remote()
	v.client.Restart()
	describe := v.client.Offer
	if hold {
		describe = v.client.Hold
	}
	answer, err := v.line.Hold(call, hold, describe(v.codec))
	if err != nil {
		t.Fatal(err)
	}
	if err := v.client.Answer(answer); err != nil {
		t.Fatal(err)
	}
	if now := v.client.Remote(); now.Ufrag == before.Ufrag || now.Pwd == before.Pwd || now.Addr != before.Addr || now.Fingerprint != before.Fingerprint {
		t.Errorf("answered with %+v, before %+v", now, before)
	}
	if err := v.client.Check(ctx); err != nil {
		t.Errorf("hold %v: %v", hold, err)
	}
}
