package b2bua

import (
	"testing"

	"drawbridge/sip/wire"
)

// TestUnreadable is RFC 3261 sections 8.2.3 and 20.1: what an INVITE may carry, and what its sender must be ready to take.
func TestUnreadable(t *testing.T) {
	type fields = []wire.Field
	for _, tc := range []struct {
		name   string
		kind   string
		fields fields
		want   int
	}{
		{"no body, no Accept", "", nil, 0},
		{"SDP", "application/sdp", nil, 0},
		{"SDP with a parameter", "Application/SDP;charset=utf-8", nil, 0},
		{"something else", "application/unknownformat", nil, 415},
		{"something else that must be read", "text/plain", fields{{Name: "Content-Disposition", Value: "render;handling=required"}}, 415},
		{"something else that may be ignored", "text/plain", fields{{Name: "Content-Disposition", Value: `render; Handling="optional"`}}, 0},
		{"a body without a type", "none", nil, 415},
		{"compressed", "application/sdp", fields{{Name: "Content-Encoding", Value: "gzip"}}, 415},
		{"not compressed, and said so", "application/sdp", fields{{Name: "Content-Encoding", Value: "Identity"}}, 0},
		{"compressed nothing", "", fields{{Name: "Content-Encoding", Value: "gzip"}}, 0},
		{"takes SDP among others", "", fields{{Name: "Accept", Value: "text/plain, Application/SDP;level=1"}}, 0},
		{"takes SDP in a second line", "", fields{{Name: "Accept", Value: "text/plain"}, {Name: "Accept", Value: "application/sdp"}}, 0},
		{"takes any application", "", fields{{Name: "Accept", Value: "application/*"}}, 0},
		{"takes anything", "", fields{{Name: "Accept", Value: "*/*;q=0.1"}}, 0},
		{"takes another type only", "", fields{{Name: "Accept", Value: "text/nobodyKnowsThis"}}, 406},
		{"refuses SDP", "", fields{{Name: "Accept", Value: "application/sdp;q=0.0"}}, 406},
		{"takes nothing", "", fields{{Name: "Accept", Value: ""}}, 406},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := wire.NewRequest(wire.INVITE, wire.URI{Scheme: "sip", Host: "example.com"})
			if m.Fields = tc.fields; tc.kind != "" {
				m.Body, m.ContentType = []byte("x"), tc.kind
			}
			if m.ContentType == "none" {
				m.ContentType = ""
			}
			got := 0
			if d := unreadable(m); d != nil {
				got = d.Status
			}
			if got != tc.want {
				t.Errorf("%d, want %d", got, tc.want)
			}
		})
	}
}

// FuzzContent: whatever its headers say, an INVITE gets one of the three verdicts, and one that has no body is never refused for it.
func FuzzContent(f *testing.F) {
	f.Add("application/sdp;q=0, */*;q=", `render;handling="optional`, "gzip", "text/plain", []byte("x"))
	f.Add("", ";handling", ",", ";", []byte(nil))
	f.Fuzz(func(t *testing.T, accepts, disposition, encoding, kind string, body []byte) {
		m := wire.NewRequest(wire.INVITE, wire.URI{Scheme: "sip", Host: "example.com"})
		m.Add("Accept", accepts)
		m.Add("Content-Disposition", disposition)
		m.Add("Content-Encoding", encoding)
		m.ContentType, m.Body = kind, body
		d := unreadable(m)
		if d != nil && d.Status != 406 && (d.Status != 415 || len(body) == 0) {
			t.Errorf("%d", d.Status)
		}
	})
}
