package wire

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFields(t *testing.T) {
	m := read(t, invite("Supported: timer , path", "+k: gruu", "+subject: a", "+x-own: 1", "+X-OWN: 2", "+N-A:"))
	want := []Field{{"Supported", "timer,path"}, {"Supported", "gruu"}, {"Subject", "a"}, {"X-Own", "1"}, {"X-Own", "2"}, {"N-A", ""}}
	if diff := cmp.Diff(want, m.Fields); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"1", "2"}, m.Values("x-own")); diff != "" || m.Get("X-OWN") != "1" || m.Values("none") != nil {
		t.Errorf("X-Own: %v, first %q", m.Values("x-own"), m.Get("X-OWN"))
	}
	if !m.Has("n-a") || m.Get("N-A") != "" || m.Has("none") || m.Get("none") != "" {
		t.Error("an empty header is not an absent one")
	}
	m.Set("x-OWN", "3")
	m.Del("s") // the compact name of Subject
	m.Add("p-asserted-identity", "<sip:a@b>")
	want = []Field{{"Supported", "timer,path"}, {"Supported", "gruu"}, {"N-A", ""}, {"X-Own", "3"}, {"P-Asserted-Identity", "<sip:a@b>"}}
	if diff := cmp.Diff(want, m.Fields); diff != "" {
		t.Error(diff)
	}
}

func TestHasOption(t *testing.T) {
	m := read(t, invite("Supported: timer , Path", "+Supported: gruu,outbound", "+Allow: INVITE, BYE"))
	for _, tc := range []struct {
		header, tag string
		want        bool
	}{
		{"Supported", "timer", true}, {"supported", "PATH", true}, {"Supported", "gruu", true}, {"Supported", "outbound", true},
		{"Supported", "time", false}, {"Supported", "INVITE", false}, {"Allow", "BYE", true}, {"Require", "timer", false}, {"Supported", "", false},
	} {
		if got := m.HasOption(tc.header, tc.tag); got != tc.want {
			t.Errorf("%s %q: %v", tc.header, tc.tag, got)
		}
	}
}

// TestTypedHeadersHaveOnePlace: a field that names one is not written beside the typed value, whatever its spelling.
func TestTypedHeadersHaveOnePlace(t *testing.T) {
	m := read(t, invite())
	before := string(m.Bytes())
	for _, name := range []string{"Via", "v", "FROM", "t", "call-id", "CSeq", "Contact", "m", "Route", "Record-Route", "Max-Forwards", "Expires",
		"Content-Type", "l"} {
		m.Fields = append(m.Fields, Field{name, "x"})
	}
	if diff := cmp.Diff(before, string(m.Bytes())); diff != "" {
		t.Error(diff)
	}
}

func TestMediaType(t *testing.T) {
	for in, want := range map[string]string{"Application / SDP ; charset=x": "application/sdp", "text/plain": "text/plain"} {
		if got := read(t, invite("Content-Type: "+in)).MediaType(); got != want {
			t.Errorf("%s: %q", in, got)
		}
	}
}

func TestLooseRouterAndBranch(t *testing.T) {
	for in, want := range map[string]bool{"sip:p;lr": true, "sip:p;LR=on": true, "sip:p;%6cr": true, "sip:p": false, "sip:lr@p": false} {
		u, err := ParseURI(in)
		if err != nil || u.LooseRouter() != want {
			t.Errorf("%s: %v, %v", in, u.LooseRouter(), err)
		}
	}
	if b := (&Message{}).Branch(); b != "" {
		t.Errorf("branch %q of no Via", b)
	}
}
