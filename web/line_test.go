package web

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"

	"drawbridge/b2bua"
)

func TestHello(t *testing.T) {
	const right = `{"type":"hello","v":1,"user":"alice","password":"secret"}`
	for name, tt := range map[string]struct {
		say    string
		status int
	}{
		"wrong password": {`{"type":"hello","v":1,"user":"alice","password":"no"}`, 401},
		"unknown user":   {`{"type":"hello","v":1,"user":"mallory","password":"no"}`, 401},
		"no user":        {`{"type":"hello","v":1}`, 401},
		"other version":  {`{"type":"hello","v":2,"user":"alice","password":"secret"}`, 505},
		"call first":     {`{"type":"call","call":"1","to":"100","sdp":"v=0"}`, 401},
		"not JSON":       {`INVITE sip:x SIP/2.0`, 400},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t, nil)
			c := h.client()
			c.say(tt.say)
			if m := c.hear(); m.Type != b2bua.SignalError || m.Status != tt.status {
				t.Fatalf("answer %+v, want an error %d", m, tt.status)
			}
			if e := within(t, "event", h.refused); e.Kind != "json-hello" || strings.Contains(e.Detail, "alice") {
				t.Errorf("event %+v", e)
			}
			if n := len(h.Lines("alice")); n != 0 {
				t.Errorf("%d lines before hello", n)
			}
			c.say(right) // the second try
			want := message{Type: typeHello, V: 1, User: "alice", Name: "Drawbridge", Numbers: []string{"100"}}
			if d := cmp.Diff(want, c.hear()); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestWrongPasswordAndUnknownUserLookAlike(t *testing.T) {
	h := open(t, nil)
	answer := func(user string) message {
		c := h.client()
		c.say(fmt.Sprintf(`{"type":"hello","v":1,"user":%q,"password":"no"}`, user))
		return c.hear()
	}
	if d := cmp.Diff(answer("alice"), answer("nobody")); d != "" {
		t.Error(d)
	}
}

func TestThreeFailedHellosEndTheConnection(t *testing.T) {
	h := open(t, nil)
	c := h.client()
	for range helloTries {
		c.say(`{"type":"hello","v":1,"user":"alice","password":"guess"}`)
		if m := c.hear(); m.Status != 401 {
			t.Fatalf("answer %+v", m)
		}
	}
	if code := c.closed(); code != websocket.ClosePolicyViolation {
		t.Errorf("closed with %d, want 1008", code)
	}
}

func TestGuessingFromOneSourceIsStopped(t *testing.T) {
	h := open(t, nil)
	for range failBurst {
		h.failed.add(sourceOf(h.client().conn.LocalAddr()), now())
	}
	c := h.client()
	c.say(`{"type":"hello","v":1,"user":"alice","password":"secret"}`)
	if m := c.hear(); m.Status != 429 {
		t.Errorf("answer %+v, want 429 even for the right password", m)
	}
	if code := c.closed(); code != websocket.ClosePolicyViolation {
		t.Errorf("closed with %d, want 1008", code)
	}
}

func TestNoHelloInTime(t *testing.T) {
	h := open(t, nil, func(s *Server) { s.helloWait = 30 * time.Millisecond })
	c := h.client()
	if code := c.closed(); code != websocket.ClosePolicyViolation {
		t.Errorf("closed with %d, want 1008", code)
	}
	if e := within(t, "event", h.refused); e.Kind != "json-hello" {
		t.Errorf("event %+v", e)
	}
}

func TestSignalsPassBothWays(t *testing.T) {
	h := open(t, nil)
	c := h.signedIn()
	c.say(`{"type":"call","call":"c1","to":"+49 30 123","sdp":"v=0\r\n"}`)
	got := within(t, "signal", h.calls.signals)
	if d := cmp.Diff(b2bua.Signal{Type: b2bua.SignalCall, Call: "c1", To: "+49 30 123", SDP: "v=0\r\n"}, got.sig); d != "" {
		t.Error(d)
	}
	if l := got.line; l.User() != "alice" || l.Realm() != "access" || l.ID() == 0 {
		t.Errorf("line %d of %s in %s", l.ID(), l.User(), l.Realm())
	}
	if ls := h.Lines("alice"); len(ls) != 1 || ls[0] != got.line {
		t.Errorf("Lines: %v", ls)
	}
	got.line.Send(b2bua.Signal{Type: b2bua.SignalHold, Call: "c1"})
	off := false
	if d := cmp.Diff(message{Type: b2bua.SignalHold, Call: "c1", On: &off}, c.hear()); d != "" {
		t.Error(d)
	}
	got.line.Send(b2bua.Signal{Type: b2bua.SignalBye, Call: "c1", Status: 486, Reason: "Busy Here"})
	if d := cmp.Diff(message{Type: b2bua.SignalBye, Call: "c1", Status: 486, Reason: "Busy Here"}, c.hear()); d != "" {
		t.Error(d)
	}
	_ = c.conn.Close()
	if l := within(t, "LineLost", h.calls.lost); l != got.line {
		t.Errorf("lost line %d", l.ID())
	}
	if n := len(h.Lines("alice")); n != 0 {
		t.Errorf("%d lines after the end", n)
	}
	got.line.Send(b2bua.Signal{Type: b2bua.SignalBye}) // late: neither blocks nor panics
}

func TestUnusableMessagesAreAnsweredAndTheLineStays(t *testing.T) {
	h := open(t, nil)
	c := h.signedIn()
	for _, tt := range []struct {
		say    string
		status int
		call   string
	}{
		{`{"type":"dance","call":"c1"}`, 501, "c1"},
		{`{"type":`, 400, ""},
		{`[1,2]`, 400, ""},
		{`{"type":"stage","call":"c1","stage":"rtp"}`, 405, "c1"},
		{`{"type":"hello","v":1,"user":"alice","password":"secret"}`, 400, ""},
		{`{"type":"call","call":"c 1","to":"100","sdp":"v=0"}`, 400, ""},
	} {
		c.say(tt.say)
		if m := c.hear(); m.Type != b2bua.SignalError || m.Status != tt.status || m.Call != tt.call {
			t.Errorf("%s: %+v", tt.say, m)
		}
		if e := within(t, "event", h.refused); e.Kind != "malformed" {
			t.Errorf("%s: event %+v", tt.say, e)
		}
	}
	if err := c.conn.WriteMessage(websocket.BinaryMessage, []byte{1}); err != nil {
		t.Fatal(err)
	}
	if m := c.hear(); m.Status != 415 {
		t.Errorf("binary: %+v", m)
	}
	c.say(`{"type":"bye","call":"c1"}`)
	if got := within(t, "signal", h.calls.signals); got.sig.Type != b2bua.SignalBye {
		t.Errorf("the line is dead: %+v", got)
	}
}

func TestTooManyUnusableMessagesEndTheLine(t *testing.T) {
	h := open(t, nil)
	c := h.signedIn()
	for range badLimit {
		c.say(`{}`)
	}
	if code := c.closed(); code != websocket.ClosePolicyViolation {
		t.Errorf("closed with %d, want 1008", code)
	}
	within(t, "LineLost", h.calls.lost)
}

func TestTooLargeMessageEndsTheLine(t *testing.T) {
	h := open(t, nil)
	c := h.signedIn()
	_ = c.conn.WriteMessage(websocket.TextMessage, make([]byte, maxFrame+1)) // may fail half way: the gateway closes early
	if code := c.closed(); code != websocket.CloseMessageTooBig && code != 0 {
		t.Errorf("closed with %d, want 1009", code)
	}
	within(t, "LineLost", h.calls.lost)
}

// A browser that stops reading loses its line; the sender never waits.
func TestSlowReaderIsCut(t *testing.T) {
	h := open(t, nil)
	c := h.signedIn()
	c.say(`{"type":"bye","call":"c1"}`)
	l := within(t, "signal", h.calls.signals).line
	big := encodeSignal(b2bua.Signal{Type: b2bua.SignalCall, Call: "c1", SDP: "v=0" + strings.Repeat("x", 60_000)})
	start := time.Now()
	for range 1000 {
		l.(*line).send(big)
	}
	if d := time.Since(start); d > frameTimeout/2 { // one that waited would wait for the write to time out
		t.Errorf("1000 sends took %v", d)
	}
	if got := within(t, "LineLost", h.calls.lost); got != l {
		t.Error("another line was lost")
	}
}

func TestLinesOfOneAccountAreLimited(t *testing.T) {
	h := open(t, nil)
	for range linesPerUser {
		h.signedIn()
	}
	c := h.client()
	c.say(`{"type":"hello","v":1,"user":"alice","password":"secret"}`)
	if m := c.hear(); m.Status != 429 {
		t.Errorf("one too many: %+v", m)
	}
	if n := len(h.Lines("alice")); n != linesPerUser {
		t.Errorf("%d lines", n)
	}
}

func TestControlCharactersDoNotPass(t *testing.T) {
	for _, raw := range []string{
		`{"type":"call","call":"c1","to":"100\r\nVia: x","sdp":"v=0"}`,
		`{"type":"call","call":"c1","to":"100@evil.com","sdp":"v=0"}`,
		`{"type":"call","call":"c1\u0000","to":"100","sdp":"v=0"}`,
		`{"type":"bye","call":"c1","reason":"a\r\nVia: x"}`,
		`{"type":"dtmf","call":"c1","digits":"1\r\n"}`,
		`{"type":"answer","call":"c1","sdp":"v=0\u0000"}`,
		"{\"type\":\"bye\",\"call\":\"c1\",\"reason\":\"\xff\"}",
	} {
		m, err := decodeMessage([]byte(raw))
		if err == nil {
			_, err = m.signal()
		}
		if err == nil {
			t.Errorf("%s was accepted", raw)
		}
	}
}
