package tests

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"drawbridge/tests/browser"
	"drawbridge/tests/gateway"
	"drawbridge/tests/phone"
)

// browserCalls are the calls that every client makes, each from a fresh page.
var browserCalls = []struct {
	name string
	run  func(*stage, *testing.T)
}{
	{"calls a phone, dials, holds, hangs up", (*stage).callAPhone},
	{"is called by a phone, is held, hangs up", (*stage).beCalled},
	{"calls a phone that hangs up", (*stage).phoneHangsUp},
	{"is called by a phone that hangs up", (*stage).callerHangsUp},
	{"cancels a ringing call", (*stage).cancel},
	{"is called by a phone that gives up", (*stage).callerGivesUp},
	{"is told 486", refusedWith(486, 17, "Busy Here")},
	{"is told 404", refusedWith(404, 1, "Not Found")},
	{"is told 480", refusedWith(480, 18, "Temporarily Unavailable")},
	{"refuses a phone with 486", (*stage).refuse},
}

// TestBrowsers runs every call with each client.
func TestBrowsers(t *testing.T) {
	phone.Need(t, "sipp")
	id := gateway.NewIdentity(t)
	site := browser.Serve(t)
	chromium := browser.Start(t, id)
	sipPort := gateway.FreeUDP(t, gateway.PhoneAddr)
	gw := newGateway(t, id, sipPort, site.Origin)
	for _, kind := range kinds {
		for _, c := range browserCalls {
			t.Run(kind+" "+c.name, func(t *testing.T) {
				s := &stage{gw: gw, account: accountOf(kind), sipPort: sipPort}
				s.page, s.caller = signIn(t, gw, chromium, site, kind)
				c.run(s, t)
			})
		}
		if kind == "jssip" { // the one that lets its SDP be changed
			t.Run(kind+" is cut off with a broken fingerprint", func(t *testing.T) {
				s := &stage{gw: gw, account: accountOf(kind), sipPort: sipPort}
				s.page, s.caller = signIn(t, gw, chromium, site, kind)
				s.cutOff(t)
			})
		}
		t.Run(kind+" is turned away with a wrong password", func(t *testing.T) { turnedAway(t, gw, chromium, site, kind) })
	}
}

// cutOff calls with an SDP that names another certificate than the browser shows: nothing passes, and the gateway ends the call.
func (s *stage) cutOff(t *testing.T) {
	refusals := func() float64 { return s.gw.Metrics(t).Sum("drawbridge_refused_total", `kind="dtls-fingerprint"`) }
	n, before := s.records(t), refusals()
	media := phone.OpenMedia(t, "PCMA", tonePhone)
	run := s.answers(t, phone.Scenario{Name: "uas_answer", Media: media})
	s.caller.BreakFingerprint()
	s.caller.Do(nil, "call", dialled)
	s.endedByFar(t)
	run.Wait(t)
	if media.Packets() > 0 {
		t.Errorf("%d packets reached the phone", media.Packets())
	}
	if c := s.gw.NextCDR(t, n); c.Cause.By != "gateway" || !strings.Contains(c.Cause.Text, "fingerprint") {
		t.Errorf("call record says %+v", c.Cause)
	}
	gateway.Eventually(t, eventSeen, "the refusal is counted", func() bool { return refusals() > before })
}

// turnedAway signs in with a wrong password: refused and counted.
func turnedAway(t *testing.T, gw *gateway.Gateway, chromium *browser.Browser, site browser.Site, kind string) {
	refusals := func() float64 {
		m := gw.Metrics(t)
		return m.Sum("drawbridge_rejected_total", `status="40`) + m.Sum("drawbridge_refused_total", `kind="json-hello"`)
	}
	before := refusals()
	_, result := chromium.Page(t, site.Origin).Open(kind, kind, account(gw, kind, "guess"))
	if result.OK || result.Status != 401 && result.Status != 403 {
		t.Errorf("signing in with a wrong password: %+v, want 401 or 403", result)
	}
	gateway.Eventually(t, eventSeen, "the refusal is counted", func() bool { return refusals() > before })
}

func (s *stage) callAPhone(t *testing.T) {
	n := s.records(t)
	media := phone.OpenMedia(t, "PCMA", tonePhone)
	run := s.answers(t, phone.Scenario{Name: "uas_answer", Media: media})
	s.caller.Do(nil, "call", dialled)
	answered := time.Now()
	s.bothHear(t, media)
	s.dial(t, media)
	s.hold(t)
	s.bothHear(t, media)
	s.caller.Do(nil, "hangup")
	talked := time.Since(answered)
	run.Wait(t)
	c := s.ended(t, n, gateway.Cause{Q850: 16, By: "a"}, talked)
	if c.A.PacketsIn == 0 || c.A.PacketsOut == 0 || c.B.PacketsIn == 0 || c.B.PacketsOut == 0 {
		t.Errorf("call record counts no packets: %+v %+v", c.A, c.B)
	}
	if c.A.Codec != "PCMA" || c.B.Codec != "PCMA" { // both speak it: nothing is transcoded
		t.Errorf("call record has the codecs %q and %q, want PCMA twice", c.A.Codec, c.B.Codec)
	}
	if from := "From: <sip:" + s.account.Number + "@"; !strings.Contains(run.Received(), from) {
		t.Errorf("the phone is not called by %s", s.account.Number)
	}
	if ssrcs, sources := media.Streams(); ssrcs != 1 || sources != 1 || media.Odd() != 0 {
		t.Errorf("the phone saw %d SSRCs from %d addresses and %d packets it did not agree to", ssrcs, sources, media.Odd())
	}
	s.sealed(t, run, media)
}

// bothHear finds each side's tone at the other.
func (s *stage) bothHear(t *testing.T, media *phone.Media) {
	t.Helper()
	media.Hears(t, browser.Microphone, toneSeen)
	s.caller.Hears(tonePhone, toneSeen)
}

// dial plays every digit and reads them at the phone.
func (s *stage) dial(t *testing.T, media *phone.Media) {
	t.Helper()
	const digits = "123456789*0#ABCD"
	s.caller.Do(nil, "dtmf", digits)
	gateway.Within(eventSeen, func() bool { return len(media.Digits()) >= len(digits) && media.Malformed(100) == "" })
	if got := media.Digits(); got != digits {
		t.Errorf("the phone got the digits %q, want %q", got, digits)
	}
	if wrong := media.Malformed(100); wrong != "" {
		t.Error(wrong)
	}
	if tones := media.Tones(); tones != "" {
		t.Errorf("the phone hears tones, too: %q", tones)
	}
}

// hold holds and resumes from the browser.
func (s *stage) hold(t *testing.T) {
	t.Helper()
	s.caller.Do(nil, "hold", true)
	if _, remote := s.caller.Descriptions(); !strings.Contains(remote, "a=recvonly") {
		t.Errorf("hold is not answered recvonly:\n%s", remote)
	}
	s.caller.Quiet(eventSeen)
	s.caller.Do(nil, "hold", false)
	if _, remote := s.caller.Descriptions(); !strings.Contains(remote, "a=sendrecv") {
		t.Errorf("resume is not answered sendrecv:\n%s", remote)
	}
}

func (s *stage) beCalled(t *testing.T) {
	n := s.records(t)
	media := phone.OpenMedia(t, "PCMU", tonePhone)
	run := s.calls(t, phone.Scenario{Name: "uac_hold", Media: media, Talk: 2 * time.Second})
	s.ring(t)
	s.caller.Do(nil, "answer")
	answered := time.Now()
	s.bothHear(t, media)
	awaitCSeq(t, run, 2)
	media.Quiet(t, 1500*time.Millisecond)
	awaitCSeq(t, run, 3)
	s.bothHear(t, media)
	s.caller.Do(nil, "hangup")
	talked := time.Since(answered)
	run.Wait(t)
	s.ended(t, n, gateway.Cause{Q850: 16, By: "b"}, talked)
	s.sealed(t, run, media)
}

// ring waits for the incoming call and checks who calls.
func (s *stage) ring(t *testing.T) {
	t.Helper()
	var call struct{ From string }
	s.caller.Do(&call, "ringing")
	if call.From != "+4989222" {
		t.Errorf("the browser is called by %q, want +4989222", call.From)
	}
}

// awaitCSeq waits for the 2xx to a re-INVITE of the phone.
func awaitCSeq(t *testing.T, run *phone.Run, seq int) {
	t.Helper()
	want := "\r\nCSeq: " + strconv.Itoa(seq) + " INVITE\r\n"
	run.Await(t, "SIP/2.0 200", want, eventSeen)
}

func (s *stage) phoneHangsUp(t *testing.T) {
	n := s.records(t)
	media := phone.OpenMedia(t, "PCMA", tonePhone)
	run := s.answers(t, phone.Scenario{Name: "uas_bye", Media: media, Talk: talk})
	s.caller.Do(nil, "call", dialled)
	s.endedByFar(t)
	run.Wait(t)
	s.ended(t, n, gateway.Cause{Q850: 16, By: "b"}, talk)
}

func (s *stage) callerHangsUp(t *testing.T) {
	n := s.records(t)
	media := phone.OpenMedia(t, "PCMA", tonePhone)
	run := s.calls(t, phone.Scenario{Name: "uac_bye", Media: media, Talk: talk})
	s.ring(t)
	s.caller.Do(nil, "answer")
	s.endedByFar(t)
	run.Wait(t)
	s.ended(t, n, gateway.Cause{Q850: 16, By: "a"}, talk)
}

func (s *stage) endedByFar(t *testing.T) {
	t.Helper()
	if e := s.caller.Ended(); e.By != "remote" {
		t.Errorf("the browser's call ended by %+v, want the far side", e)
	}
}

func (s *stage) cancel(t *testing.T) {
	n := s.records(t)
	run := s.answers(t, phone.Scenario{Name: "uas_ring"})
	finish := s.caller.Begin("call", dialled)
	s.caller.Do(nil, "progress")
	s.caller.Do(nil, "hangup")
	if r := finish(); r.OK {
		t.Error("a cancelled call was answered")
	}
	run.Wait(t)
	s.ended(t, n, gateway.Cause{SIP: 487, Q850: 16, By: "a"}, 0)
}

func (s *stage) callerGivesUp(t *testing.T) {
	n := s.records(t)
	run := s.calls(t, phone.Scenario{Name: "uac_cancel", Talk: 300 * time.Millisecond})
	s.ring(t)
	s.endedByFar(t)
	run.Wait(t)
	s.ended(t, n, gateway.Cause{SIP: 487, Q850: 16, By: "a"}, 0)
}

// refusedWith calls a phone that refuses, and finds the status at the browser and in the record.
func refusedWith(status, q850 int, reason string) func(*stage, *testing.T) {
	return func(s *stage, t *testing.T) {
		n := s.records(t)
		run := s.answers(t, phone.Scenario{Name: "uas_refuse", Keys: map[string]string{"status": strconv.Itoa(status), "reason": reason}})
		r := s.caller.Try("call", dialled)
		if r.OK || r.Status != status {
			t.Errorf("the browser is told %d %s, want %d", r.Status, r.Error, status)
		}
		run.Wait(t)
		s.ended(t, n, gateway.Cause{SIP: status, Q850: q850, By: "b"}, 0)
	}
}

func (s *stage) refuse(t *testing.T) {
	n := s.records(t)
	run := s.calls(t, phone.Scenario{Name: "uac_refused"})
	s.ring(t)
	s.caller.Do(nil, "hangup", 486)
	run.Wait(t)
	expectStatus(t, run, 486)
	s.ended(t, n, gateway.Cause{SIP: 486, Q850: 17, By: "b"}, 0)
}

// TestNumbersNobodyAnswers calls from the trunk where no browser is.
func TestNumbersNobodyAnswers(t *testing.T) {
	phone.Need(t, "sipp")
	sipPort := gateway.FreeUDP(t, gateway.PhoneAddr)
	s := &stage{gw: newGateway(t, gateway.Identity{}, sipPort), sipPort: sipPort}
	for _, c := range []struct {
		name, number string
		status, q850 int
	}{{"404 for a number that is nobody's", "+4930000", 404, 1}, {"480 for somebody who is not signed in", absent.Number, 480, 18}} {
		t.Run(c.name, func(t *testing.T) {
			n := s.records(t)
			run := phone.Start(t, phone.Scenario{Name: "uac_refused", Number: c.number, Port: sipPort, Target: s.gw.SIP})
			run.Wait(t)
			expectStatus(t, run, c.status)
			s.ended(t, n, gateway.Cause{SIP: c.status, Q850: c.q850, By: "gateway"}, 0)
		})
	}
}

func expectStatus(t *testing.T, run *phone.Run, status int) {
	t.Helper()
	if want := "SIP/2.0 " + strconv.Itoa(status) + " "; !strings.Contains(run.Received(), want) {
		t.Errorf("the phone was not told %d:\n%s", status, run.Received())
	}
}
