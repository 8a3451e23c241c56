package tests

import (
	"testing"

	"drawbridge/tests/browser"
	"drawbridge/tests/gateway"
	"drawbridge/tests/phone"
)

// TestAnotherPageTakesTheCallOver with Replaces (RFC 3891), a connection and keys of its own: the phone notices nothing but a gap, and the
// first page's call ends.
func TestAnotherPageTakesTheCallOver(t *testing.T) {
	phone.Need(t, "sipp")
	id := gateway.NewIdentity(t)
	site := browser.Serve(t)
	chromium := browser.Start(t, id)
	sipPort := gateway.FreeUDP(t, gateway.PhoneAddr)
	s := &stage{gw: newGateway(t, id, sipPort, site.Origin), account: accountOf("jssip"), sipPort: sipPort}
	s.page, s.caller = signIn(t, s.gw, chromium, site, "jssip")
	media := phone.OpenMedia(t, "PCMA", tonePhone)
	run := s.answers(t, phone.Scenario{Name: "uas_answer", Media: media})
	s.caller.Do(nil, "call", dialled)
	s.bothHear(t, media)
	var dialog string
	s.caller.Do(&dialog, "dialog")
	_, other := signIn(t, s.gw, chromium, site, "jssip")
	other.Do(nil, "call", dialled, dialog)
	s.endedByFar(t)
	s.caller = other
	s.bothHear(t, media)
	s.caller.Do(nil, "hangup")
	run.Wait(t)
	if ssrcs, sources := media.Streams(); ssrcs != 1 || sources != 1 {
		t.Errorf("the phone saw %d SSRCs from %d addresses", ssrcs, sources)
	}
}
