package wire

import (
	"strings"
	"testing"
)

// TestInputsThatAreRefused holds the other half of the table of inputs: what no later layer may see.
func TestInputsThatAreRefused(t *testing.T) {
	for _, tc := range []struct {
		name   string
		raw    []byte
		status int
	}{
		{"P6 a port that is no number in Via", invite("Via: SIP/2.0/UDP b.com:abc;branch=z9hG4bK1"), 400},
		{"P6 the same in a response", answered("Via: SIP/2.0/UDP b.com:abc;branch=z9hG4bK1"), Drop},
		{"P8 two @", invite("=INVITE sip:a@b@c SIP/2.0"), 400},
		{"P8 no host", invite("=INVITE sip: SIP/2.0"), 400},
		{"P8 neither user nor host", invite("=INVITE sip:@ SIP/2.0"), 400},
		{"P8 a blank in a Request-URI", invite("=INVITE sip:x y@z SIP/2.0"), 400},
		{"P8 a blank in an address", invite("To: <sip:x y@z>"), 400},
		{"P8 port 99999", invite("To: <sip:x@z:99999>"), 400},
		{"P8 port -5", invite("To: <sip:x@z:-5>"), 400},
		{"P8 port 0", invite("To: <sip:x@z:0>"), 400},
		{"P8 a port without digits", invite("To: <sip:x@z:>"), 400},
		{"P8 a header line without a name", invite("+: novalue"), 400},
		{"P8 a header line without a colon", invite("+novalue"), 400},
		{"P8 Max-Forwards 300", invite("Max-Forwards: 300"), 400},
		{"P9 CSeq of another method", invite("CSeq: 1 BYE"), 400},
		{"P9 SIP/7.0", invite("=INVITE sip:a@b SIP/7.0"), 505},
		{"P9 SIP/2.00", invite("=INVITE sip:a@b SIP/2.00"), 505},
		{"P9 two Call-ID", invite("+Call-ID: x"), 400},
		{"P9 two From", invite("+From: <sip:x@y>;tag=1"), 400},
		{"P9 two To", invite("+To: <sip:x@y>"), 400},
		{"P9 two CSeq", invite("+CSeq: 1 INVITE"), 400},
		{"P9 two Content-Length that agree", invite("+Content-Length: 0"), 400},
		{"P9 two of a header without typed place", invite("Session-Expires: 90", "+x: 90"), 400},
		{"P9 two tags", invite("From: <sip:a@b>;tag=1;tag=2"), 400},
		{"P9 two values in From", invite("From: <sip:a@b>;tag=1, <sip:c@d>;tag=2"), 400},
		{"P12 a line break in the start line", []byte(" sip:00 SIP\n0\r\n\r\n"), Drop},
		{"P12 a blank before the method", invite("= INVITE sip:a@b SIP/2.0"), Drop},
		{"P12 a tab in the start line", invite("=INVITE\tsip:a@b\tSIP/2.0"), Drop},
		{"P12 no version", invite("=INVITE sip:a@b"), 400},
		{"P12 a blank at the end", invite("=INVITE sip:a@b SIP/2.0 "), 400},
		{"P12 the protocol of another world", invite("=INVITE sip:a@b HTTP/1.1"), 400},
		{"P12 a status of two digits", answered("=SIP/2.0 20 OK"), Drop},
		{"P12 a status that overflows", answered("=SIP/2.0 4294967301 OK"), Drop},
		{"P12 a status line without its second blank", answered("=SIP/2.0 200"), Drop},
		{"P14 a scheme nobody knows", invite("=INVITE nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0"), 416},
		{"P14 a scheme that is somebody else's", invite("=INVITE soap.beep://192.0.2.103:3002 SIP/2.0"), 416},
		{"P16 a request without Via", invite("-Via", "To: <<"), Drop},
		{"P16 a request without Call-ID", invite("-Call-ID", "Contact: <<"), Drop},
		{"P16 a response that does not parse", answered("Contact: <<"), Drop},
		{"P16 an ACK that does not parse", invite("=ACK sip:a@b SIP/2.0", "CSeq: 1 ACK", "Contact: <<"), Drop},
		{"P16 nothing", nil, Drop},
		{"P16 a keepalive", []byte("\r\n\r\n"), Drop},
		{"P16 not SIP at all", []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), Drop},
		{"P16 no end of the header section", []byte("INVITE sip:a@b SIP/2.0\r\nSubject: x\r\n"), Drop},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, v := Read(tc.raw, CanonOptions{})
			if v.Status != tc.status {
				t.Fatalf("status %d %q, want %d", v.Status, v.Reason, tc.status)
			}
			if v.Status > 0 && v.Salvaged == nil {
				t.Error("a status is owed and nothing to answer")
			}
		})
	}
}

// TestSalvagedRequestIsAnswered is P16: the answer to a request that did not parse finds its way and its transaction, and carries none
// of the malformed text.
func TestSalvagedRequestIsAnswered(t *testing.T) {
	const bad = "EVIL"
	for _, tc := range []struct {
		name  string
		edits []string
		via   []string // Via lines of the answer
	}{
		{"a bad Contact", []string{"Contact: <<" + bad}, []string{"Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK776"}},
		{"a bad To that has a tag", []string{`To: "` + bad + ` <sip:a@b>;tag=7`},
			[]string{"Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK776"}},
		{"a bad port in Via", []string{"Via: SIP/2.0/UDP h:" + bad + ";branch=z9hG4bK1"}, []string{"Via: SIP/2.0/UDP h;branch=z9hG4bK1"}},
		{"blanks and a fold in Via", []string{"Via: SIP / 2.0 / UDP\r\n h ; branch = z9hG4bK1", "Contact: <<" + bad},
			[]string{"Via: SIP/2.0/UDP h;branch=z9hG4bK1"}},
		{"a quoted comma in Via", []string{`Via: SIP/2.0/UDP h;c="x, y";branch=z9hG4bK1, SIP/2.0/TCP i`, "Contact: <<" + bad},
			[]string{`Via: SIP/2.0/UDP h;c="x, y";branch=z9hG4bK1`, "Via: SIP/2.0/TCP i"}},
		{"an unreadable Via ends the list", []string{"+Via: " + bad, "+Via: SIP/2.0/UDP c"},
			[]string{"Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK776"}},
		{"a tab in CSeq", []string{"CSeq: 7\tINVITE", "Contact: <<" + bad}, []string{"Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK776"}},
		{"a number too large in CSeq", []string{"CSeq: 36893488147419103232 INVITE"},
			[]string{"Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK776"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, v := Read(invite(tc.edits...), CanonOptions{})
			if v.Status != 400 {
				t.Fatalf("verdict %d %q", v.Status, v.Reason)
			}
			out := NewResponse(v.Salvaged, v.Status, v.Reason, "own").Bytes()
			if strings.Contains(string(out), bad) {
				t.Errorf("the answer carries malformed text:\n%s", out)
			}
			m := read(t, out)
			if got := linesOf(m, "Via"); strings.Join(got, "\n") != strings.Join(tc.via, "\n") {
				t.Errorf("Via %q, want %q", got, tc.via)
			}
			if m.CallID != "a84b4c76e66710" || m.FromTag() != "1928" || m.ToTag() == "" || m.CSeq.Method != INVITE {
				t.Errorf("the answer matches no transaction:\n%s", out)
			}
		})
	}
	t.Run("an unreadable top Via leaves no way back", func(t *testing.T) {
		if _, v := Read(invite("Via: EVIL", "+Via: SIP/2.0/UDP other.example"), CanonOptions{}); v.Status != Drop {
			t.Errorf("answered %d along %v", v.Status, v.Salvaged.Via)
		}
	})
}
