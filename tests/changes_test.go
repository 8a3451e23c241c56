package tests

import (
	"strings"
	"testing"
	"time"

	"drawbridge/tests/browser"
	"drawbridge/tests/gateway"
	"drawbridge/tests/phone"
)

// change is one thing that a browser does to its call.
type change struct {
	name string
	verb string
	arg  any
	want string // in the gateway's answer
	held bool   // nothing is to be heard after it
}

// renegotiation is the argument of the verb of this name.
type renegotiation struct {
	Codecs  []string `json:"codecs,omitempty"`
	Restart bool     `json:"restart,omitempty"`
}

var changes = []change{
	{name: "hold", verb: "hold", arg: true, want: "a=recvonly", held: true},
	{name: "resume", verb: "hold", arg: false, want: "a=sendrecv"},
	{name: "ICE restart", verb: "renegotiate", arg: renegotiation{Restart: true}, want: "a=sendrecv"},
	{name: "to PCMU", verb: "renegotiate", arg: renegotiation{Codecs: []string{"PCMU", "telephone-event"}}, want: "SAVPF 0 "},
	{name: "re-INVITE", verb: "renegotiate", arg: renegotiation{}, want: "SAVPF 0 "},
	{name: "ICE restart in PCMU", verb: "renegotiate", arg: renegotiation{Restart: true}, want: "SAVPF 0 "},
	{name: "back to Opus", verb: "renegotiate", arg: renegotiation{Codecs: []string{"opus", "telephone-event"}}, want: "SAVPF 111 "},
	{name: "re-INVITE in Opus", verb: "renegotiate", arg: renegotiation{}, want: "SAVPF 111 "},
}

// TestChanges holds, resumes, begins ICE anew and changes the codec in one call, three times, with audio after each.
func TestChanges(t *testing.T) { callWithChanges(t, 3) }

// TestLongChanges is the same, fifty times.
func TestLongChanges(t *testing.T) {
	takesLong(t)
	callWithChanges(t, 50)
}

func callWithChanges(t *testing.T, rounds int) {
	phone.Need(t, "sipp")
	id := gateway.NewIdentity(t)
	site := browser.Serve(t)
	chromium := browser.Start(t, id)
	sipPort := gateway.FreeUDP(t, gateway.PhoneAddr)
	s := &stage{gw: newGateway(t, id, sipPort, site.Origin), account: accountOf("jssip"), sipPort: sipPort}
	s.page, s.caller = signIn(t, s.gw, chromium, site, "jssip")
	media := phone.OpenMedia(t, "PCMA", tonePhone)
	run := s.answers(t, phone.Scenario{Name: "uas_answer", Media: media, Limit: time.Duration(rounds) * time.Minute})
	s.caller.Do(nil, "call", dialled)
	s.bothHear(t, media)
	for n := range rounds {
		for _, c := range changes {
			s.change(t, c, media)
			if t.Failed() {
				t.Fatalf("after %s, round %d", c.name, n+1)
			}
		}
	}
	s.caller.Do(nil, "hangup")
	run.Wait(t)
	if ssrcs, sources := media.Streams(); ssrcs != 1 || sources != 1 || media.Odd() != 0 {
		t.Errorf("the phone saw %d SSRCs from %d addresses and %d packets it did not agree to", ssrcs, sources, media.Odd())
	}
	if n := handshakes(t, s.gw); n != 1 {
		t.Errorf("%v DTLS handshakes, want 1", n)
	}
}

// change does it and looks for what is to be heard then.
func (s *stage) change(t *testing.T, c change, media *phone.Media) {
	t.Helper()
	_, before := s.caller.Descriptions()
	s.caller.Do(nil, c.verb, c.arg)
	_, remote := s.caller.Descriptions()
	if !strings.Contains(remote, c.want) {
		t.Errorf("%s is not answered with %q:\n%s", c.name, c.want, remote)
	}
	again, _ := c.arg.(renegotiation)
	if renewed := fragment(before) != fragment(remote); renewed != again.Restart {
		t.Errorf("%s: new ICE credentials of the gateway: %v\n%s", c.name, renewed, remote)
	}
	if c.held {
		s.caller.Quiet(eventSeen)
		return
	}
	s.bothHear(t, media)
}

// fragment is the ICE user fragment of an SDP.
func fragment(sdp string) string {
	_, rest, _ := strings.Cut(sdp, "a=ice-ufrag:")
	ufrag, _, _ := strings.Cut(rest, "\r\n")
	return ufrag
}
