package tests

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"drawbridge/tests/browser"
	"drawbridge/tests/gateway"
	"drawbridge/tests/phone"
)

// TestThePhonePage calls as a person does: signs in, types a number, presses call, and hangs up.
func TestThePhonePage(t *testing.T) {
	phone.Need(t, "sipp")
	id := gateway.NewIdentity(t)
	site := browser.Serve(t)
	chromium := browser.Start(t, id)
	sipPort := gateway.FreeUDP(t, gateway.PhoneAddr)
	s := &stage{gw: newGateway(t, id, sipPort), account: accountOf("json"), sipPort: sipPort}
	media := phone.OpenMedia(t, "PCMA", tonePhone)
	run := phone.Start(t, phone.Scenario{Name: "uas_answer", Port: sipPort, Media: media})

	page := chromium.Page(t, "https://"+s.gw.Web.String()+"/phone?processing=off")
	page.Inject(site)
	page.Step("user", chromedp.SendKeys("#user", s.account.Name))
	page.Step("password", chromedp.SendKeys("#password", s.account.Password))
	page.Step("sign in", chromedp.Click("#signin-button"))
	page.Until(`document.body.dataset.view === 'ready'`)
	page.Step("number", chromedp.SendKeys("#dial", dialled))
	page.Step("call", chromedp.Click("#call"))
	page.Until(`document.getElementById('far').srcObject !== null`)
	start := time.Now()
	page.Plays("#far", tonePhone, toneSeen)
	media.Hears(t, browser.Microphone, toneSeen)
	page.Step("hang up", chromedp.Click("#hangup"))
	page.Until(`document.body.dataset.view === 'ready'`)
	talked := time.Since(start)
	run.Wait(t)
	s.ended(t, 0, gateway.Cause{Q850: 16, By: "a"}, talked)
}
