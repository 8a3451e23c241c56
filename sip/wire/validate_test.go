package wire

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// as is order as a request of another method.
func as(method Method, edits ...string) []byte {
	start := "=" + string(method) + " sip:bob@example.com SIP/2.0"
	return invite(append([]string{start, "CSeq: 1 " + string(method)}, edits...)...)
}

// TestStatusOwed goes through what a request is owed before anybody looks at who sent it. What depends on a dialog, a user, a body or a
// loop (406, 415, 481, 482, 483, 489) is for the layers above.
func TestStatusOwed(t *testing.T) {
	allow := []Field{{"Allow", AllowedMethods}}
	unsupported := func(tags string) []Field { return []Field{{"Unsupported", tags}} }
	for _, tc := range []struct {
		name   string
		raw    []byte
		status int
		reason string
		fields []Field
	}{
		{"in order", invite(), 0, "", nil},
		{"no Via", invite("-Via"), Drop, "", nil}, // there is no way back
		{"no From", invite("-From"), 400, "Bad From", nil},
		{"no To", invite("-To"), 400, "Bad To", nil},
		{"no Call-ID", invite("-Call-ID"), 400, "Bad Call-ID", nil},
		{"no CSeq", invite("-CSeq"), 400, "Bad CSeq", nil},
		{"an empty From", invite("From:"), 400, "Bad From", nil},
		{"a malformed URI in Route", invite("Route: <sip:>"), 400, "Bad Route", nil},
		{"a malformed URI in Record-Route", invite("Record-Route: sip"), 400, "Bad Record-Route", nil},
		{"a malformed Contact", invite("Contact: <sip:a@b"), 400, "Bad Contact", nil},
		{"an unbalanced quote", invite(`Contact: "a <sip:a@b>`), 400, "Bad Contact", nil},
		{"an unbalanced quote in a header without typed place", invite(`Reason: Q.850;text="a`), 400, "Bad Reason", nil},
		{"blanks in Call-ID", invite("Call-ID: a b"), 400, "Bad Call-ID", nil},
		{"a method that is no token in CSeq", invite("CSeq: 1 IN/VITE"), 400, "Bad CSeq", nil},
		{"two methods in CSeq", invite("CSeq: 1 INVITE BYE"), 400, "Bad CSeq", nil},
		{"a sign in CSeq", invite("CSeq: +1 INVITE"), Drop, "", nil}, // no number to answer with
		{"CSeq of another method", invite("CSeq: 1 BYE"), 400, "Bad CSeq method", nil},
		{"Contact * outside REGISTER", invite("Contact: *"), 400, "Bad Contact", nil},
		{"Contact * without Expires 0", as(REGISTER, "Contact: *", "Expires: 60"), 400, "Bad Contact", nil},
		{"Contact * beside another", as(REGISTER, "Contact: *", "+Contact: <sip:a@b>", "Expires: 0"), 400, "Bad Contact", nil},
		{"Contact * that removes all", as(REGISTER, "Contact: *", "Expires: 0"), 0, "", nil},
		{"an empty list element", invite("Contact: <sip:a@b>,,<sip:c@d>"), 400, "Bad Contact", nil},
		{"another version", invite("=INVITE sip:a@b SIP/1.0"), 505, "Version Not Supported", nil},
		{"a tel URI", invite("=INVITE tel:+49301234;phone-context=example.com SIP/2.0"), 0, "", nil},
		{"an emergency service", invite("=INVITE urn:service:sos.police SIP/2.0"), 0, "", nil},
		{"another service", invite("=INVITE urn:service:counseling SIP/2.0"), 416, "Unsupported URI Scheme", nil},
		{"another scheme", invite("=INVITE http://example.com SIP/2.0"), 416, "Unsupported URI Scheme", nil},
		{"headers in the Request-URI", invite("=INVITE sip:a@b?Route=x SIP/2.0"), 400, "Bad Request-URI", nil},
		{"an unknown method", as("NEWMETHOD"), 501, "Not Implemented", allow},
		{"a known method in small letters", as("invite"), 501, "Not Implemented", allow},
		{"an escaped method", as("RE%47IST%45R"), 501, "Not Implemented", allow},
		{"an unknown method and another in CSeq", as("NEWMETHOD", "CSeq: 1 INVITE"), 501, "Not Implemented", allow},
		{"Require with unknown tags", invite("Require: timer, nothingSupportsThis, x,x"), 420, "Bad Extension",
			unsupported("nothingsupportsthis, x")},
		{"Proxy-Require with an unknown tag", invite("Proxy-Require: y"), 420, "Bad Extension", unsupported("y")},
		{"Require gin outside REGISTER", invite("Require: gin"), 420, "Bad Extension", unsupported("gin")},
		{"Require and Proxy-Require", invite("Require: x", "Proxy-Require: y"), 420, "Bad Extension", unsupported("x, y")},
		{"Require with known tags", invite("Require: timer, outbound,Path"), 0, "", nil},
		{"Require with many unknown tags", invite("Require: " + repeat(100, ",", func(i int) string { return "t" + string(rune('a'+i%26)) })),
			420, "Bad Extension", unsupported(repeat(maxTags, ", ", func(i int) string { return "t" + string(rune('a'+i)) }))},
		{"Require in CANCEL", as(CANCEL, "Require: x"), 0, "", nil},
		{"Require in ACK", as(ACK, "Require: x"), 0, "", nil},
		{"an ACK is never answered", as(ACK, "CSeq: 1 INVITE"), Drop, "", nil},
		{"an ACK without From is never answered", as(ACK, "-From"), Drop, "", nil},
		{"no Max-Forwards", invite("-Max-Forwards"), 0, "", nil},
		{"no From tag, RFC 2543", invite("From: <sip:a@b>"), 0, "", nil},
		{"no magic cookie, RFC 2543", invite("Via: SIP/2.0/UDP h;branch=1"), 0, "", nil},
		{"no branch, RFC 2543", invite("Via: SIP/2.0/UDP h"), 0, "", nil},
		{"a body behind the stated length", slices.Concat(invite(), []byte("INVITE sip:x SIP/2.0\r\n")), 0, "", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, v := Read(tc.raw, CanonOptions{})
			if v.Status != tc.status || v.Reason != tc.reason {
				t.Errorf("%d %q, want %d %q", v.Status, v.Reason, tc.status, tc.reason)
			}
			if diff := cmp.Diff(tc.fields, v.Fields); diff != "" {
				t.Error(diff)
			}
			if (v.Status > 0) != (v.Salvaged != nil) {
				t.Errorf("status %d with salvaged request %v", v.Status, v.Salvaged)
			}
		})
	}
}

// TestResponsesAreDroppedNotRepaired: nobody can be answered, and nothing is guessed.
func TestResponsesAreDroppedNotRepaired(t *testing.T) {
	for name, tc := range map[string]struct {
		edits  []string
		status int
	}{
		"in order":                     {nil, 0},
		"an empty reason phrase":       {[]string{"=SIP/2.0 200 "}, 0},
		"a reason phrase beyond ASCII": {[]string{"=SIP/2.0 200 = 2**3 * 5**2 \u043d\u043e"}, 0},
		"an unknown code":              {[]string{"=SIP/2.0 699 x"}, 0},
		"a code above the classes":     {[]string{"=SIP/2.0 700 x"}, Drop},
		"a code below the classes":     {[]string{"=SIP/2.0 099 x"}, Drop},
		"no Via":                       {[]string{"-Via"}, Drop},
		"no To":                        {[]string{"-To"}, Drop},
		"no CSeq":                      {[]string{"-CSeq"}, Drop},
		"CSeq of 2^31":                 {[]string{"CSeq: 2147483648 INVITE"}, Drop},
		"two Call-ID":                  {[]string{"+Call-ID: x"}, Drop},
		"Require with an unknown tag":  {[]string{"Require: x"}, 0}, // for the client transaction's user
	} {
		if _, v := Read(answered(tc.edits...), CanonOptions{}); v.Status != tc.status {
			t.Errorf("%s: %d, want %d", name, v.Status, tc.status)
		}
	}
}

// TestReasonPhraseNeverQuotesTheMessage: a phrase of ours is on the wire and in the log.
func TestReasonPhraseNeverQuotesTheMessage(t *testing.T) {
	const word = "zzyzx"
	for _, header := range []string{"Via", "From", "To", "Call-ID", "CSeq", "Contact", "Route", "Max-Forwards", "Expires", "Content-Length",
		"Content-Type", "Reason", "Require", "Session-Expires", word} {
		for _, value := range []string{word + ` "`, "<" + word, word + " " + word, "\x01" + word} {
			_, v := Read(invite(header+": "+value), CanonOptions{})
			if strings.Contains(strings.ToLower(v.Reason), word) {
				t.Errorf("%s: %q", header, v.Reason)
			}
		}
	}
}
