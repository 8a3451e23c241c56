package tests

import (
	"strings"
	"testing"
	"time"

	"drawbridge/tests/gateway"
	"drawbridge/tests/phone"
	"drawbridge/tests/rough"
)

// pauses of the network, and what Chromium makes of them.
var pauses = []struct {
	length  time.Duration
	states  string // of its connection, after the call's former ones
	restart bool   // it does not come back by itself
}{
	{4 * time.Second, "", false},
	{9 * time.Second, "disconnected connected", false},
	{24 * time.Second, "disconnected failed", true},
}

// TestLongPauses takes the network from under a call for ever longer: the call goes on with the keys that it has.
func TestLongPauses(t *testing.T) {
	takesLong(t)
	if !rough.Inside() {
		rough.Again(t, "-long")
		return
	}
	s, line := overALine(t)
	media := phone.OpenMedia(t, "PCMA", tonePhone)
	run := s.answers(t, phone.Scenario{Name: "uas_answer", Media: media, Limit: 3 * time.Minute})
	s.caller.Do(nil, "call", dialled)
	s.bothHear(t, media)
	for _, p := range pauses {
		before := s.states()
		line.Set(1, 0)
		gateway.Within(p.length, run.Ended)
		line.Set(0, 0)
		if p.restart {
			s.caller.Do(nil, "renegotiate", renegotiation{Restart: true})
		}
		s.bothHear(t, media)
		if got := strings.TrimSpace(strings.TrimPrefix(s.states(), before)); !strings.HasPrefix(got, p.states) || p.states == "" && got != "" {
			t.Errorf("after a pause of %s the connection was %q, want %q", p.length, got, p.states)
		}
	}
	if done := handshakes(t, s.gw); done != 1 {
		t.Errorf("%v DTLS handshakes, want 1", done)
	}
	s.caller.Do(nil, "hangup")
	run.Wait(t)
}

// states are those of the browser's connection so far.
func (s *stage) states() (states string) {
	s.caller.Do(&states, "states")
	return states
}
