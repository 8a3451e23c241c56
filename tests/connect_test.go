package tests

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"drawbridge/tests/browser"
	"drawbridge/tests/gateway"
	"drawbridge/tests/phone"
)

const (
	connectLimit = 20 * time.Millisecond // from the 200 to the end of ICE and DTLS
	connectCalls = 24
)

// TestConnectsWithinMilliseconds measures how long after the 200 a Chromium has ICE and DTLS behind it.
func TestConnectsWithinMilliseconds(t *testing.T) {
	takesLong(t)
	phone.Need(t, "sipp")
	id := gateway.NewIdentity(t)
	site := browser.Serve(t)
	chromium := browser.Start(t, id)
	sipPort := gateway.FreeUDP(t, gateway.PhoneAddr)
	s := &stage{gw: newGateway(t, id, sipPort, site.Origin), account: accountOf("jssip"), sipPort: sipPort}
	s.page, s.caller = signIn(t, s.gw, chromium, site, "jssip")
	media := phone.OpenMedia(t, "PCMA", tonePhone)
	run := s.answers(t, phone.Scenario{Name: "uas_answer", Media: media, Calls: connectCalls, Limit: 2 * time.Minute})
	var all []time.Duration
	for range connectCalls {
		s.caller.Do(nil, "fresh")
		s.caller.Do(nil, "call", dialled)
		all = append(all, s.page.Connected())
		s.caller.Do(nil, "hangup")
	}
	run.Wait(t)
	slices.Sort(all)
	median := all[len(all)/2]
	fmt.Printf("connect_ms=%.1f min_ms=%.1f max_ms=%.1f calls=%d\n", ms(median), ms(all[0]), ms(all[len(all)-1]), len(all))
	if median > connectLimit {
		t.Errorf("connected %s after the 200, at most %s", median, connectLimit)
	}
}
