package topology

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"drawbridge/sip/wire"
)

// The near side's values; none of them may be found on the far side.
var secrets = []string{
	"10.1.2.3", "near.example.com", "z9hG4bKnear", "near-call-id", "near-tag", "NearPhone/1.0", "near-route", "near-contact", "near-asserted",
	"near-cname", "near-diversion", "near-custom", "near-warning", "near-agent-name", "fingerprint",
}

const nearInvite = "INVITE sip:+4930200@near.example.com SIP/2.0\r\n" +
	"Via: SIP/2.0/UDP 10.1.2.3:5060;branch=z9hG4bKnear\r\n" +
	"Record-Route: <sip:near-route.example.com;lr>\r\n" +
	"From: \"Ann\" <sip:ann@near.example.com>;tag=near-tag\r\n" +
	"To: <sip:+4930200@near.example.com>\r\n" +
	"Call-ID: near-call-id@10.1.2.3\r\n" +
	"CSeq: 4711 INVITE\r\n" +
	"Contact: <sip:near-contact@10.1.2.3>\r\n" +
	"Max-Forwards: 9\r\n" +
	"User-Agent: NearPhone/1.0\r\n" +
	"P-Asserted-Identity: <sip:near-asserted@near.example.com>\r\n" +
	"Diversion: <sip:near-diversion@near.example.com>\r\n" +
	"X-Custom: near-custom\r\n" +
	"Warning: 399 near-warning \"x\"\r\n" +
	"Call-Info: <http://10.1.2.3/near-agent-name>\r\n" +
	"Content-Type: application/sdp\r\n" +
	"\r\n" +
	"v=0\r\no=near-cname 1 1 IN IP4 10.1.2.3\r\na=fingerprint:sha-256 AA\r\n"

func near(t *testing.T, extra ...string) *wire.Message {
	t.Helper()
	head, body, _ := strings.Cut(nearInvite, "\r\n\r\n")
	for _, line := range extra {
		head += "\r\n" + line
	}
	m, v := wire.Read([]byte(head+"\r\n\r\n"+body), wire.CanonOptions{})
	if v.Status != 0 {
		t.Fatalf("test message: %d %s", v.Status, v.Reason)
	}
	return m
}

func far() Far {
	return Far{Target: wire.URI{Scheme: "sip", User: "+4930200", Host: "192.0.2.9"}, Host: "far.example.com", Caller: "+4930100", Callee: "+4930200"}
}

func TestNothingOfTheNearSideCrosses(t *testing.T) {
	in := near(t)
	for _, s := range secrets {
		if !strings.Contains(string(in.Bytes()), s) {
			t.Fatalf("the scan would not see %q: it is not in the near side's message", s)
		}
	}
	out := string(Invite(in, far()).Bytes())
	for _, s := range secrets {
		if strings.Contains(out, s) {
			t.Errorf("the far side sees %q:\n%s", s, out)
		}
	}
	want := "INVITE sip:+4930200@192.0.2.9 SIP/2.0\r\n" +
		"From: \"Ann\" <sip:+4930100@far.example.com>\r\nTo: <sip:+4930200@far.example.com>\r\n"
	for line := range strings.SplitSeq(want, "\r\n") {
		if !strings.Contains(out, line) {
			t.Errorf("no %q in\n%s", line, out)
		}
	}
	if m := Invite(in, far()); m.MaxForwards != 8 {
		t.Errorf("Max-Forwards %d, want 8", m.MaxForwards)
	}
}

func TestPrivacyIsKept(t *testing.T) {
	for _, tt := range []struct {
		privacy string
		hidden  bool
	}{{"id", true}, {"user;id", true}, {"header", true}, {"ID", true}, {"none", false}, {"session", false}} {
		m := Invite(near(t, "Privacy: "+tt.privacy), far())
		if got := m.From.URI.Host == "anonymous.invalid" && !strings.Contains(string(m.Bytes()), "4930100"); got != tt.hidden {
			t.Errorf("Privacy %s: hidden %v, want %v", tt.privacy, got, tt.hidden)
		}
	}
}

func TestDisplayNames(t *testing.T) {
	for in, want := range map[string]string{
		"Ann Example": "Ann Example", "Jörg": "Jörg", "ann@10.1.2.3": "", "at 10.1.2.3 now": "", "sip:x": "", "a\x1b[2J": "", "\xff": "",
		strings.Repeat("x", 65): "", "Dr. A. B. C.": "Dr. A. B. C.",
	} {
		if got := display(in); got != want {
			t.Errorf("%q is shown as %q, want %q", in, got, want)
		}
	}
}

func TestToCaller(t *testing.T) {
	for _, tt := range []struct {
		status int
		trunk  bool
		want   int
	}{
		{486, true, 486}, {404, false, 404}, {480, false, 480}, {603, true, 603}, {487, true, 487}, {408, true, 408}, {600, false, 600},
		{503, true, 500}, {503, false, 503}, {407, false, 500}, {401, true, 500}, {488, false, 500}, {415, false, 500}, {302, false, 480}, {420, true, 500},
	} {
		if got := ToCaller(tt.status, Q850(tt.status), tt.trunk); got != tt.want {
			t.Errorf("%d (trunk %v) becomes %d, want %d", tt.status, tt.trunk, got, tt.want)
		}
	}
}

func TestCauseIsBelieved(t *testing.T) {
	for _, tt := range []struct {
		status, cause int
		trunk         bool
		want          int
	}{
		{503, 17, true, 486}, {500, 1, false, 404}, {502, 28, true, 484}, {503, 34, true, 500}, {503, 16, false, 503}, {486, 1, true, 486}, {480, 17, true, 480},
	} {
		if got := ToCaller(tt.status, tt.cause, tt.trunk); got != tt.want {
			t.Errorf("%d with cause %d (trunk %v) becomes %d, want %d", tt.status, tt.cause, tt.trunk, got, tt.want)
		}
	}
}

// TestCausesComeBack: what a status says in Q.850 says the same in SIP again, for those that speak of the callee.
func TestCausesComeBack(t *testing.T) {
	for _, status := range []int{404, 410, 484, 486, 502, 504} {
		if got := StatusOf(Q850(status)); got != status && !(status == 502 && got == 503) {
			t.Errorf("%d comes back as %d", status, got)
		}
	}
	if StatusOf(99) != 500 {
		t.Error("an unknown cause")
	}
}

func TestElsewhere(t *testing.T) {
	for in, want := range map[string]bool{
		`SIP;cause=200;text="Call completed elsewhere"`: true, "Q.850;cause=26": true, "SIP;cause=487, Q.850;cause=26": true,
		"SIP;cause=487": false, "Q.850;cause=200": false, "": false,
	} {
		if got := Elsewhere([]string{in}); got != want {
			t.Errorf("%q: %v", in, got)
		}
	}
}

func TestReason(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{Reason(486, 17, "Busy Here"), `SIP;cause=486;text="Busy Here", Q.850;cause=17`},
		{Reason(0, 16, "normal"), `Q.850;cause=16;text="normal"`},
		{Reason(0, 16, "a\r\nVia: x\"y"), `Q.850;cause=16;text="aVia: xy"`},
	} {
		if d := cmp.Diff(tt.want, tt.got); d != "" {
			t.Error(d)
		}
	}
	for in, want := range map[string]int{
		`Q.850;cause=17;text="10.1.2.3"`: 17, `SIP;cause=480, q.850 ;CAUSE=31`: 31, "Q.850;cause=128": 0, "Q.850;cause=-1": 0, "SIP;cause=200": 0, "": 0,
	} {
		if got, ok := CauseOf([]string{in}); got != want || ok != (want != 0) {
			t.Errorf("%q: %d %v, want %d", in, got, ok, want)
		}
	}
	if Q850(486) != 17 || Q850(200) != 16 || Q850(499) != 127 {
		t.Error("Q850 is off")
	}
}
