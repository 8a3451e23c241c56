package wire

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestInputsThatKeepTheirMeaning holds what must survive from the inbound path to the outbound one. The names are the inputs that
// codecs in the field get wrong.
func TestInputsThatKeepTheirMeaning(t *testing.T) {
	for _, tc := range []struct {
		name  string
		edits []string
		want  []string // lines that leave, all there are under their name
	}{
		{"P1 blanks around separators of To", []string{"To: <sip:c@d> ; tag = xyz"}, []string{"To: <sip:c@d>;tag=xyz"}},
		{"P1 blanks around separators of Via", []string{"Via: SIP / 2.0 / UDP h : 5062 ; branch = z9hG4bK1"},
			[]string{"Via: SIP/2.0/UDP h:5062;branch=z9hG4bK1"}},
		{"P1 a folded line", []string{"Subject: one\r\n  two\r\n\t three"}, []string{"Subject: one two three"}},
		{"P1 blanks inside quotes stay", []string{`To: " a ; b = c "<sip:c@d>`}, []string{`To: " a ; b = c " <sip:c@d>`}},
		{"P2 parameter names in capitals", []string{"From: <sip:a@b>;TAG=AbC", "Via: SIP/2.0/UDP h;Branch=z9hG4bKX"},
			[]string{"From: <sip:a@b>;tag=AbC", "Via: SIP/2.0/UDP h;branch=z9hG4bKX"}},
		{"P3 several blanks in CSeq", []string{"CSeq: 5  INVITE "}, []string{"CSeq: 5 INVITE"}},
		{"P3 a tab in CSeq", []string{"CSeq:\t5\tINVITE\t"}, []string{"CSeq: 5 INVITE"}},
		{"P4 two Via values on a line", []string{"Via: SIP/2.0/UDP a, SIP/2.0/UDP b;branch=z9hG4bK1"},
			[]string{"Via: SIP/2.0/UDP a", "Via: SIP/2.0/UDP b;branch=z9hG4bK1"}},
		{"P4 a comma in quotes and in brackets parts nothing", []string{`Contact: "a, b" <sip:c,d@e>, <sip:f@g>`},
			[]string{`Contact: "a, b" <sip:c,d@e>`, "Contact: <sip:f@g>"}},
		{"P5 a quoted comma in a Via parameter", []string{`Via: SIP/2.0/UDP h;branch=z9hG4bK1;comment="x, y"`},
			[]string{`Via: SIP/2.0/UDP h;branch=z9hG4bK1;comment="x, y"`}},
		{"P7 header parameters of Route", []string{"Route: <sip:p;lr>;foo=bar"}, []string{"Route: <sip:p;lr>;foo=bar"}},
		{"P7 display name and parameters of Refer-To", []string{`Refer-To: "Bob" <sip:b@c>;method=X`},
			[]string{`Refer-To: "Bob"<sip:b@c>;method=X`}},
		{"P7 a quoted URI parameter of Record-Route", []string{`Record-Route: <sip:p;lr;ftag="a b;c">`},
			[]string{`Record-Route: <sip:p;lr;ftag="a b;c">`}},
		{"P7 display name and two identities of P-Asserted-Identity", []string{`P-Asserted-Identity: "A" <sip:a@b>, <tel:+1>`},
			[]string{`P-Asserted-Identity: "A"<sip:a@b>`, "P-Asserted-Identity: <tel:+1>"}},
		{"P10 a blank before the colon", []string{"Subject : hello", "Call-ID\t: x@y"}, []string{"Subject: hello", "Call-ID: x@y"}},
		{"P12 the version in any case", []string{"=INVITE sip:bob@example.com sip/2.0", "Via: sip/2.0/udp h;branch=z9hG4bK1"},
			[]string{"Via: SIP/2.0/UDP h;branch=z9hG4bK1"}},
		{"P13 a quoted parameter gains no quotes", []string{`From: "A \"B\" \\" <sip:a@b>;tag=1;x="a \"b\""`},
			[]string{`From: "A \"B\" \\" <sip:a@b>;tag=1;x="a \"b\""`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := read(t, invite(tc.edits...))
			for range 3 { // the second pass and the third must not move anything
				var got []string
				for _, name := range namesOf(tc.want) {
					got = append(got, linesOf(m, name)...)
				}
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Error(diff)
				}
				m = read(t, m.Bytes())
			}
		})
	}
}

func namesOf(lines []string) []string {
	var names []string
	for _, l := range lines {
		if name := nameIn(l); len(names) == 0 || names[len(names)-1] != name {
			names = append(names, name)
		}
	}
	return names
}

// TestCompactNames is P10: rules about duplicates and removal see one spelling.
func TestCompactNames(t *testing.T) {
	for short, long := range compact {
		want := known[long].name
		if want == "" {
			t.Errorf("%c: %s is not in the header table", short, long)
		}
		for _, name := range []string{string(short), strings.ToUpper(string(short)), long, strings.ToUpper(long)} {
			if got := CanonicalName(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
	}
	m := read(t, invite("k: timer, path", "-Via", "v: SIP/2.0/UDP h;branch=z9hG4bK1", "-Call-ID", "I : x", "-From", "f: <sip:a@b>;tag=1"))
	if !m.HasOption("Supported", "path") || m.CallID != "x" || m.FromTag() != "1" || m.Branch() != "z9hG4bK1" {
		t.Errorf("read as %+v", m)
	}
	if _, v := Read(invite("+i: another"), CanonOptions{}); v.Status != 400 {
		t.Errorf("Call-ID and i together: %d, want 400", v.Status)
	}
}

// TestLineEnds is P11: a line end that two peers may read differently is refused, unless the peer is known for it.
func TestLineEnds(t *testing.T) {
	crlf := string(invite("+P-Asserted-Identity: <sip:a@b>"))
	for _, tc := range []struct {
		name, raw string
		status    int
	}{
		{"bare LF everywhere", strings.ReplaceAll(crlf, "\r\n", "\n"), 400},
		{"one bare LF before a forged header", strings.Replace(crlf, "\r\nP-Asserted", "\nP-Asserted", 1), 400},
		{"one bare CR before a forged header", strings.Replace(crlf, "\r\nP-Asserted", "\rP-Asserted", 1), 400},
		{"two CR", strings.Replace(crlf, "\r\nP-Asserted", "\r\r\nP-Asserted", 1), 400},
		{"NUL in a Call-ID, which leaves nothing to answer with", strings.Replace(crlf, "a84b", "a\x00b", 1), Drop},
		{"a control in a header", strings.Replace(crlf, "\r\nContact", "\r\nSubject: a\x0bb\r\nContact", 1), 400},
		{"DEL in a display name", strings.Replace(crlf, "Contact: ", "Contact: \"a\x7f\" ", 1), 400},
		{"a control in a start line", strings.Replace(crlf, "bob", "b\x01b", 1), 400},
		{"NUL in a header name", strings.Replace(crlf, "Contact:", "Con\x00tact:", 1), 400},
	} {
		if _, v := Read([]byte(tc.raw), CanonOptions{}); v.Status != tc.status {
			t.Errorf("%s: %d, want %d", tc.name, v.Status, tc.status)
		}
	}
	bare := strings.Replace(strings.ReplaceAll(crlf, "\r\n", "\n"), "Length: 0", "Length: 9", 1) + "v=0\no=-\r\n"
	m, v := Read([]byte(bare), CanonOptions{LFOnly: true})
	if v.Status != 0 || !m.Has("P-Asserted-Identity") || string(m.Body) != "v=0\no=-\r\n" {
		t.Errorf("repaired: %+v, body %q", v, m.Body)
	}
}

// TestDestinationOfIPv6 is P15: host and port are apart, whatever the spelling, and netip takes them.
func TestDestinationOfIPv6(t *testing.T) {
	m := read(t, invite("Via: SIP/2.0/UDP [2001:DB8::1]:5070;received=2001:db8::9;branch=z9hG4bK1", "=INVITE sip:[2001:db8::2] SIP/2.0"))
	if host, port := m.URI.HostPort(); host != "2001:db8::2" || port != 5060 {
		t.Errorf("Request-URI: %s %d", host, port)
	}
	if a, err := netip.ParseAddr(m.Via[0].Host); err != nil || m.Via[0].Port != 5070 || !a.Is6() {
		t.Errorf("sent-by %q port %d: %v", m.Via[0].Host, m.Via[0].Port, err)
	}
	if _, err := ParseVia("SIP/2.0/UDP 2001:db8::1;branch=z9hG4bK1"); err == nil {
		t.Error("a sent-by without brackets has no one reading, but was accepted")
	}
}

// TestReceivedAndRport is the codec's part of P17: what the transport notes in the top Via goes into the answer, the request stays.
func TestReceivedAndRport(t *testing.T) {
	req := read(t, invite("Via: SIP/2.0/UDP h;rport;branch=z9hG4bK1"))
	resp := NewResponse(req, 200, "", "t")
	top := resp.Via[0]
	top.Params.Set("received", "192.0.2.9")
	top.Params.Set("rport", "40000")
	resp.Via = []Via{top}
	want := []string{"Via: SIP/2.0/UDP h;rport=40000;branch=z9hG4bK1;received=192.0.2.9"}
	if diff := cmp.Diff(want, linesOf(resp, "Via")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"Via: SIP/2.0/UDP h;rport;branch=z9hG4bK1"}, linesOf(req, "Via")); diff != "" {
		t.Error("the request changed", diff)
	}
}
