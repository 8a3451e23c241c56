package tests

import (
	"testing"
	"time"

	"drawbridge/tests/browser"
	"drawbridge/tests/gateway"
	"drawbridge/tests/phone"
)

// Of the phone's session: the shortest that there is (RFC 4028 section 5), and when it is refreshed.
const (
	sessionExpires = 90 * time.Second
	refreshed      = 60 * time.Second
)

// TestLongRefresh: a phone refreshes its session by re-INVITE and then by UPDATE. The browser's call outlives both sessions.
func TestLongRefresh(t *testing.T) {
	takesLong(t)
	phone.Need(t, "sipp")
	id := gateway.NewIdentity(t)
	site := browser.Serve(t)
	chromium := browser.Start(t, id)
	sipPort := gateway.FreeUDP(t, gateway.PhoneAddr)
	s := &stage{gw: newGateway(t, id, sipPort, site.Origin), account: accountOf("sipjs"), sipPort: sipPort}
	s.page, s.caller = signIn(t, s.gw, chromium, site, "sipjs")
	n := s.records(t)
	media := phone.OpenMedia(t, "PCMA", tonePhone)
	run := s.answers(t, phone.Scenario{Name: "uas_refresh", Media: media, Talk: refreshed, Limit: 5 * time.Minute})
	s.caller.Do(nil, "call", dialled)
	answered := time.Now()
	const looks = 5 // the last is 5 s after the session would be over without its second refresh
	for n := range looks + 1 {
		at := answered.Add(time.Duration(n) * (refreshed + sessionExpires + 5*time.Second) / looks)
		gateway.Within(time.Until(at), run.Ended)
		s.bothHear(t, media)
		if t.Failed() {
			t.Fatalf("%s after the answer", time.Since(answered))
		}
	}
	s.caller.Do(nil, "hangup")
	talked := time.Since(answered)
	run.Wait(t)
	s.ended(t, n, gateway.Cause{Q850: 16, By: "a"}, talked)
	if done := handshakes(t, s.gw); done != 1 {
		t.Errorf("%v DTLS handshakes, want 1", done)
	}
}
