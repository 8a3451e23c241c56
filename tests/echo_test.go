package tests

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"drawbridge/tests/browser"
	"drawbridge/tests/gateway"
	"drawbridge/tests/incumbent"
	"drawbridge/tests/phone"
)

// Targets for the way from a browser to a phone that echoes and back.
const (
	maxEcho        = 80 * time.Millisecond // transcoded
	maxEchoRatio   = 0.65                  // of the incumbent's, transcoded
	maxPassThrough = 5 * time.Millisecond  // more than the incumbent's
)

const (
	echoRounds = 4 // the lowest of each kind of call counts: what disturbs a call only adds
	chirps     = 8 // of a call; their median counts
)

// echoCodecs are the calls of a round, by turns through either gateway. The margin of those passed through is less than a browser moves a
// call by, so there are twice as many.
var echoCodecs = []string{"opus", "PCMU", "PCMU"}

// TestEchoRoundTrip measures the echo in a real Chromium, transcoded and passed through, by the gateway and by Kamailio with rtpengine.
func TestEchoRoundTrip(t *testing.T) {
	takesLong(t)
	phone.Need(t, "sipp")
	id := gateway.NewIdentity(t)
	site := browser.Serve(t)
	chromium := browser.Start(t, id)
	sipPort := gateway.FreeUDP(t, gateway.PhoneAddr)
	gw := newGateway(t, id, sipPort, site.Origin)
	s := &stage{gw: gw, account: accountOf("jssip"), sipPort: sipPort}
	ours := account(gw, "jssip", s.account.Password)
	theirs := ours
	why := incumbent.Missing()
	if why == "" {
		theirs.URL = incumbent.Start(t, netip.AddrPortFrom(gateway.PhoneAddr, uint16(sipPort)))
	}
	least := map[string]time.Duration{}
	for range echoRounds {
		for _, codec := range echoCodecs {
			note(least, "ours "+codec, s.echo(t, chromium, site, ours, codec))
			if why == "" {
				note(least, "theirs "+codec, s.echo(t, chromium, site, theirs, codec))
			}
		}
	}
	judgeEcho(t, least, why)
}

// note keeps the lowest figure of a kind of call.
func note(least map[string]time.Duration, kind string, d time.Duration) {
	fmt.Printf("%-11s %5.1f ms\n", kind, ms(d))
	if best, ok := least[kind]; !ok || d < best {
		least[kind] = d
	}
}

func judgeEcho(t *testing.T, least map[string]time.Duration, why string) {
	t.Helper()
	echo, passed := least["ours opus"], least["ours PCMU"]
	if echo > maxEcho {
		t.Errorf("an echo takes %s, at most %s", echo, maxEcho)
	}
	if why != "" {
		fmt.Printf("no comparison: %s\necho_ms=%.1f passthrough_ms=%.1f\n", why, ms(echo), ms(passed))
		t.Errorf("no comparison: %s", why)
		return
	}
	ratio := ms(echo) / ms(least["theirs opus"])
	fmt.Printf("their_echo_ms=%.1f echo_ms=%.1f ratio=%.2f passthrough_ms=%.1f theirs_ms=%.1f\n",
		ms(least["theirs opus"]), ms(echo), ratio, ms(passed), ms(least["theirs PCMU"]))
	if ratio > maxEchoRatio {
		t.Errorf("transcoded, an echo takes %.2f of theirs, at most %.2f", ratio, maxEchoRatio)
	}
	if more := passed - least["theirs PCMU"]; more > maxPassThrough {
		t.Errorf("passed through, an echo takes %s more than theirs, at most %s", more, maxPassThrough)
	}
}

func ms(d time.Duration) float64 { return d.Seconds() * 1e3 }

// echo makes one call in a tab of its own and returns the median of its chirps.
func (s *stage) echo(t *testing.T, chromium *browser.Browser, site browser.Site, a browser.Account, codec string) (median time.Duration) {
	t.Helper()
	ok := t.Run(codec, func(t *testing.T) {
		page := chromium.Page(t, site.Origin)
		page.Allow(codec, "telephone-event")
		page.Chirp()
		caller, result := page.Open("jssip", "jssip", a)
		if !result.OK {
			t.Fatalf("no sign-in at %s: %d %s", a.URL, result.Status, result.Error)
		}
		s.page, s.caller = page, caller
		media := phone.OpenMedia(t, "PCMU", 0)
		media.Echo()
		run := s.answers(t, phone.Scenario{Name: "uas_answer", Media: media, Limit: 2 * time.Minute})
		caller.Do(nil, "call", dialled)
		trips := caller.RoundTrips(chirps)
		caller.Do(nil, "hangup")
		run.Wait(t)
		if len(trips) < chirps/2 {
			t.Fatalf("%d of %d chirps came back, %d packets reached the phone", len(trips), chirps, media.Packets())
		}
		slices.Sort(trips)
		median = trips[len(trips)/2]
	})
	if !ok {
		t.FailNow()
	}
	return median
}
