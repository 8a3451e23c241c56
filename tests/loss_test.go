package tests

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"drawbridge/tests/browser"
	"drawbridge/tests/gateway"
	"drawbridge/tests/phone"
	"drawbridge/tests/rough"
)

const (
	lineJitter = 30 * time.Millisecond
	lineTime   = 8 * time.Second // of each loss
	lineLook   = 250 * time.Millisecond
)

// TestLongLoss calls over a line between browser and gateway that loses 1, 3, 5 and 10 % and shakes the rest: the browser and the phone hear
// the tone all the same, and both hear it without holes.
func TestLongLoss(t *testing.T) {
	takesLong(t)
	if !rough.Inside() {
		rough.Again(t, "-long")
		return
	}
	s, line := overALine(t)
	s.page.Allow("opus", "telephone-event") // what is passed through is not decoded here: its holes are the phone's to fill
	media := phone.OpenMedia(t, "PCMA", tonePhone)
	run := s.answers(t, phone.Scenario{Name: "uas_answer", Media: media, Limit: 3 * time.Minute})
	s.caller.Do(nil, "call", dialled)
	s.bothHear(t, media)
	for _, loss := range []float64{0, 0.01, 0.03, 0.05, 0.1} {
		s.lossy(t, line, loss, media)
	}
	line.Set(0, 0)
	s.bothHear(t, media)
	s.caller.Do(nil, "hangup")
	run.Wait(t)
}

// overALine is a stage with a line between browser and gateway. It is for tests in a namespace of their own.
func overALine(t *testing.T) (*stage, *rough.Line) {
	t.Helper()
	phone.Need(t, "sipp")
	line := rough.Open(t)
	id := gateway.NewIdentity(t)
	site := browser.Serve(t)
	chromium := browser.Start(t, id)
	sipPort := gateway.FreeUDP(t, gateway.PhoneAddr)
	gw := gateway.Start(t, gateway.Config{
		Key: id, Users: []gateway.User{accountOf("jssip")}, Origins: []string{site.Origin}, Media: rough.Far, Behind: rough.FarToNear,
		Trunks: []gateway.Trunk{{Name: "acme", Target: netip.AddrPortFrom(gateway.PhoneAddr, uint16(sipPort))}},
		Routes: []gateway.Route{{From: "access", To: "*", Via: "acme"}},
	})
	s := &stage{gw: gw, account: accountOf("jssip"), sipPort: sipPort}
	s.page, s.caller = signIn(t, gw, chromium, site, "jssip")
	return s, line
}

// lossy talks over the line for a while and judges what is heard.
func (s *stage) lossy(t *testing.T, line *rough.Line, loss float64, media *phone.Media) {
	t.Helper()
	line.Set(loss, lineJitter)
	gateway.Within(2*time.Second, func() bool { return false }) // buffers find their depth
	var before, after browser.Received
	s.caller.Do(&before, "received")
	packets, start := media.Packets(), time.Now()
	var shares []float64
	for time.Since(start) < lineTime {
		gateway.Within(lineLook, func() bool { return false })
		share, _ := media.Ear(browser.Microphone)
		shares = append(shares, share)
	}
	s.caller.Do(&after, "received")
	frames := float64(media.Packets()-packets) / time.Since(start).Seconds()
	concealed := (after.Concealed - before.Concealed) / (after.Samples - before.Samples)
	slices.Sort(shares)
	fmt.Printf("loss=%.3f jitter_ms=%.0f browser_concealed=%.3f browser_silent=%.3f phone_packets_per_s=%.1f phone_tone=%.2f (lowest %.2f)\n",
		line.Lost(), ms(lineJitter), concealed, (after.Silent-before.Silent)/(after.Samples-before.Samples), frames, shares[len(shares)/2], shares[0])
	if loss > 0 && (concealed < loss/4 || concealed > 4*loss+0.05) {
		t.Errorf("with %.0f %% lost the browser conceals %.1f %%", 100*loss, 100*concealed)
	}
	if frames < 49 || frames > 51 {
		t.Errorf("with %.0f %% lost the phone hears %.1f packets a second, want 50", 100*loss, frames)
	}
	s.bothHear(t, media)
}
