package web

import (
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"drawbridge/b2bua"
)

func TestClientMessages(t *testing.T) {
	for _, tt := range []struct {
		raw  string
		want b2bua.Signal
	}{
		{`{"type":"call","call":"a","to":"100","sdp":"v=0","from":"spoofed","status":7}`, b2bua.Signal{Type: b2bua.SignalCall, Call: "a", To: "100", SDP: "v=0"}},
		{`{"type":"ringing","call":"a"}`, b2bua.Signal{Type: b2bua.SignalRinging, Call: "a"}},
		{`{"type":"answer","call":"a","sdp":"v=0"}`, b2bua.Signal{Type: b2bua.SignalAnswer, Call: "a", SDP: "v=0"}},
		{`{"type":"dtmf","call":"a","digits":"1*#a"}`, b2bua.Signal{Type: b2bua.SignalDTMF, Call: "a", Digits: "1*#A"}},
		{`{"type":"hold","call":"a","on":true,"sdp":"v=0"}`, b2bua.Signal{Type: b2bua.SignalHold, Call: "a", On: true, SDP: "v=0"}},
		{`{"type":"bye","call":"a","status":603,"reason":"Decline"}`, b2bua.Signal{Type: b2bua.SignalBye, Call: "a", Status: 603, Reason: "Decline"}},
	} {
		m, err := decodeMessage([]byte(tt.raw))
		if err != nil {
			t.Errorf("%s: %v", tt.raw, err)
			continue
		}
		got, err := m.signal()
		if err != nil {
			t.Errorf("%s: %v", tt.raw, err)
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s: %s", tt.raw, d)
		}
	}
}

// Whatever is accepted survives a round trip unchanged and carries no control character outside its SDP.
func FuzzMessage(f *testing.F) {
	for _, seed := range []string{
		`{"type":"hello","v":1,"user":"alice","password":"secret"}`,
		`{"type":"call","call":"a","to":"+49 30 1","sdp":"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\n"}`,
		`{"type":"hold","call":"a","on":false,"sdp":"v=0\r\n"}`,
		`{"type":"dtmf","call":"a","digits":"12*#aD"}`,
		`{"type":"bye","call":"a","status":486,"reason":"b\u00fcsy"}`,
		`{"TYPE":"bye","call":"a","call":"b"}`,
		`{"type":"call","call":"x","to":"1\r\nVia: y","sdp":"v=0"}`,
		`[]`, `{`, `null`, "\xff",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := decodeMessage(raw)
		if err != nil {
			return
		}
		s, err := m.signal()
		if err != nil {
			return
		}
		for _, field := range []string{string(s.Type), s.Call, s.To, s.From, s.Digits, s.Reason, s.Stage} {
			for _, r := range field {
				if unicode.IsControl(r) {
					t.Fatalf("control character %q in %+v", r, s)
				}
			}
		}
		again, err := decodeMessage(encodeSignal(s))
		if err != nil {
			t.Fatalf("%+v does not come back: %v", s, err)
		}
		s2, err := again.signal()
		if err != nil {
			t.Fatalf("%+v does not come back: %v", s, err)
		}
		if d := cmp.Diff(s, s2); d != "" {
			t.Error(d)
		}
	})
}
