package tests

import (
	"net/netip"
	"testing"

	"drawbridge/tests/browser"
	"drawbridge/tests/gateway"
	"drawbridge/tests/phone"
)

// TestTransfer: a browser calls a phone, which sends it on to another phone behind another trunk. The browser notices nothing but another
// voice; the phone hears how it goes, and is let go.
func TestTransfer(t *testing.T) {
	phone.Need(t, "sipp")
	const target = "+4970777"
	id := gateway.NewIdentity(t)
	site := browser.Serve(t)
	chromium := browser.Start(t, id)
	first, second := gateway.FreeUDP(t, gateway.PhoneAddr), gateway.FreeUDP(t, gateway.PhoneAddr)
	at := func(port int) netip.AddrPort { return netip.AddrPortFrom(gateway.PhoneAddr, uint16(port)) }
	gw := gateway.Start(t, gateway.Config{
		Key: id, Users: []gateway.User{accountOf("jssip")}, Origins: []string{site.Origin},
		Trunks: []gateway.Trunk{{Name: "acme", Target: at(first)}, {Name: "other", Target: at(second)}},
		Routes: []gateway.Route{{To: dialled, Via: "acme"}, {To: target, Via: "other"}},
	})
	s := &stage{gw: gw, account: accountOf("jssip"), sipPort: first}
	s.page, s.caller = signIn(t, gw, chromium, site, "jssip")

	ear := phone.OpenMedia(t, "PCMU", tonePhone+300)
	answers := phone.Start(t, phone.Scenario{Name: "uas_answer", Port: second, Media: ear})
	media := phone.OpenMedia(t, "PCMA", tonePhone)
	refers := s.answers(t, phone.Scenario{Name: "uas_refer", Media: media, Talk: talk, Keys: map[string]string{"target": target}})
	s.caller.Do(nil, "call", dialled)
	refers.Wait(t)
	ear.Hears(t, browser.Microphone, toneSeen)
	s.caller.Hears(tonePhone+300, toneSeen)
	s.dial(t, ear)
	s.caller.Do(nil, "hangup")
	answers.Wait(t)
	gateway.Eventually(t, eventSeen, "both calls are recorded", func() bool { return len(gw.CDRs(t)) == 2 })
	for _, c := range gw.CDRs(t) {
		if want := map[string]string{dialled: "acme", target: "other"}[c.To]; c.B.Peer != want || c.Cause.By != "a" || c.Cause.SIP != 0 {
			t.Errorf("call record %+v", c)
		}
	}
}
