package tests

import (
	"net/netip"
	"testing"

	"drawbridge/tests/browser"
	"drawbridge/tests/gateway"
	"drawbridge/tests/phone"
)

// TestDigitsAsTones: a phone behind a trunk that takes tones hears in its audio what a browser sends as telephone-event.
func TestDigitsAsTones(t *testing.T) {
	phone.Need(t, "sipp")
	const digits = "123456789*0#ABCD"
	id := gateway.NewIdentity(t)
	site := browser.Serve(t)
	chromium := browser.Start(t, id)
	port := gateway.FreeUDP(t, gateway.PhoneAddr)
	gw := gateway.Start(t, gateway.Config{
		Key: id, Users: []gateway.User{accountOf("jssip")}, Origins: []string{site.Origin},
		Trunks: []gateway.Trunk{{Name: "acme", Target: netip.AddrPortFrom(gateway.PhoneAddr, uint16(port)), More: "dtmf: inband"}},
		Routes: []gateway.Route{{To: dialled, Via: "acme"}},
	})
	s := &stage{gw: gw, account: accountOf("jssip"), sipPort: port}
	s.page, s.caller = signIn(t, gw, chromium, site, "jssip")
	media := phone.OpenMedia(t, "PCMA", tonePhone)
	run := s.answers(t, phone.Scenario{Name: "uas_answer", Media: media})
	s.caller.Do(nil, "call", dialled)
	s.bothHear(t, media)
	s.caller.Do(nil, "dtmf", digits)
	gateway.Within(eventSeen, func() bool { return len(media.Tones()) >= len(digits) })
	if got := media.Tones(); got != digits {
		t.Errorf("the phone hears %q, want %q", got, digits)
	}
	if events := media.Digits(); events != "" {
		t.Errorf("the phone gets telephone-event, too: %q", events)
	}
	s.bothHear(t, media)
	s.caller.Do(nil, "hangup")
	run.Wait(t)
}
