package tests

import (
	"testing"
	"time"

	"drawbridge/tests/browser"
	"drawbridge/tests/gateway"
)

// toneOther is what the second browser says, in Hz.
const toneOther = 1400

// TestBrowserCallsBrowser through one gateway: each hears the other, not itself, over an encrypted leg of its own.
func TestBrowserCallsBrowser(t *testing.T) {
	id := gateway.NewIdentity(t)
	site := browser.Serve(t)
	one, two := browser.Start(t, id), browser.StartWith(t, id, toneOther)
	sipPort := gateway.FreeUDP(t, gateway.PhoneAddr)
	gw := newGateway(t, id, sipPort, site.Origin)
	for _, pair := range [][2]string{{"jssip", "sipjs"}, {"sipjs", "json"}, {"json", "jssip"}} {
		t.Run(pair[0]+" calls "+pair[1], func(t *testing.T) {
			n, before := len(gw.CDRs(t)), handshakes(t, gw)
			_, caller := signIn(t, gw, one, site, pair[0])
			_, callee := signIn(t, gw, two, site, pair[1])
			finish := caller.Begin("call", accountOf(pair[1]).Number)
			callee.Do(nil, "ringing")
			callee.Do(nil, "answer")
			if r := finish(); !r.OK {
				t.Fatalf("the call is not answered: %d %s", r.Status, r.Error)
			}
			started := time.Now()
			caller.Hears(toneOther, toneSeen)
			callee.Hears(browser.Microphone, toneSeen)
			talked := time.Since(started)
			if done := handshakes(t, gw) - before; done != 2 {
				t.Errorf("%v DTLS handshakes, want 2", done)
			}
			caller.Do(nil, "hangup")
			callee.Ended()
			s := &stage{gw: gw}
			s.ended(t, n, gateway.Cause{Q850: 16, By: "a"}, talked)
		})
	}
}

func handshakes(t *testing.T, gw *gateway.Gateway) float64 {
	t.Helper()
	return gw.Metrics(t).Sum("drawbridge_media_up_total", `stage="dtls"`)
}
