package wire

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNewResponseCopiesWhatAnAnswerNeeds(t *testing.T) {
	req := read(t, invite("+Via: SIP/2.0/TCP a;branch=z9hG4bK2;received=192.0.2.1", "Record-Route: <sip:p1;lr>, <sip:p2>", "Route: <sip:us;lr>",
		"Timestamp: 54", "Supported: timer", "Subject: x", "Expires: 30", "-Content-Length", "Content-Type: text/plain\r\n\r\nbody"))
	want := strings.Join([]string{
		"SIP/2.0 200 OK",
		"Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK776",
		"Via: SIP/2.0/TCP a;branch=z9hG4bK2;received=192.0.2.1",
		"Record-Route: <sip:p1;lr>",
		"Record-Route: <sip:p2>",
		"From: <sip:alice@example.net>;tag=1928",
		"To: <sip:bob@example.com>;tag=own",
		"Call-ID: a84b4c76e66710",
		"CSeq: 314159 INVITE",
		"Content-Length: 0",
	}, "\r\n") + "\r\n\r\n"
	if diff := cmp.Diff(want, string(NewResponse(req, 200, "", "own").Bytes())); diff != "" {
		t.Error(diff)
	}
	if req.ToTag() != "" {
		t.Error("the request got a To tag")
	}
}

func TestToTagOfAnAnswer(t *testing.T) {
	first, inside := read(t, invite()), read(t, invite("To: <sip:bob@example.com>;tag=theirs"))
	for _, tc := range []struct {
		req       *Message
		tag, want string
	}{{first, "own", "own"}, {first, "", ""}, {inside, "own", "theirs"}, {inside, "", "theirs"}} {
		if got := NewResponse(tc.req, 200, "", tc.tag).ToTag(); got != tc.want {
			t.Errorf("To tag %q, want %q", got, tc.want)
		}
	}
}

// TestRecordRouteOfAnAnswer: it belongs into what forms a dialog (RFC 3261 section 12.1.1), nowhere else.
func TestRecordRouteOfAnAnswer(t *testing.T) {
	for _, tc := range []struct {
		method Method
		status int
		want   bool
	}{
		{INVITE, 100, false}, {INVITE, 180, true}, {INVITE, 200, true}, {INVITE, 302, false}, {INVITE, 486, false}, {INVITE, 603, false},
		{SUBSCRIBE, 200, true}, {REFER, 202, true}, {NOTIFY, 200, true}, {REGISTER, 200, false}, {OPTIONS, 200, false}, {BYE, 200, false},
	} {
		resp := NewResponse(read(t, as(tc.method, "Record-Route: <sip:p;lr>")), tc.status, "", "t")
		if got := len(resp.RecordRoute) > 0; got != tc.want {
			t.Errorf("%s %d: Record-Route %v, want %v", tc.method, tc.status, got, tc.want)
		}
	}
}

func TestTimestampGoesIntoTryingAlone(t *testing.T) {
	req := read(t, invite("Timestamp: 54"))
	if got := NewResponse(req, 100, "", "").Get("Timestamp"); got != "54" { // RFC 3261 section 8.2.6.1
		t.Errorf("100: %q", got)
	}
	if NewResponse(req, 180, "", "").Has("Timestamp") {
		t.Error("180 has a Timestamp")
	}
}

// TestAnAnswerIsItsOwn: what is added to an answer does not reach the request or another answer to it.
func TestAnAnswerIsItsOwn(t *testing.T) {
	req := read(t, invite("+Via: SIP/2.0/UDP b"))
	before := string(req.Bytes())
	one, two := NewResponse(req, 180, "", "t"), NewResponse(req, 180, "", "t")
	one.Via = append(one.Via, Via{Transport: "UDP", Host: "x"})
	one.From.Params.Set("tag", "other")
	one.To.Params.Set("x", "y")
	one.Add("Subject", "x")
	two.Via = append(two.Via, Via{Transport: "UDP", Host: "y"})
	if one.Via[2].Host != "x" || two.FromTag() != "1928" || two.Has("Subject") {
		t.Error("two answers share what they hold")
	}
	if diff := cmp.Diff(before, string(req.Bytes())); diff != "" {
		t.Error(diff)
	}
}

func TestContentLengthIsComputed(t *testing.T) {
	for _, body := range []string{"", "x", "a\r\n\r\nb", strings.Repeat("y", 3000)} {
		m := read(t, invite())
		m.ContentType, m.Body = "text/plain", []byte(body)
		m.Add("Content-Length", "7")
		m.Add("l", "7")
		if diff := cmp.Diff([]string{fmt.Sprintf("Content-Length: %d", len(body))}, linesOf(m, "Content-Length")); diff != "" {
			t.Error(diff)
		}
		if again := read(t, m.Bytes()); !bytes.Equal(again.Body, m.Body) {
			t.Errorf("body of %d bytes came back with %d", len(m.Body), len(again.Body))
		}
	}
}

func TestNewRequest(t *testing.T) {
	m := NewRequest(OPTIONS, sipURI("a", "b"))
	want := "OPTIONS sip:a@b SIP/2.0\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
	if diff := cmp.Diff(want, string(m.Bytes())); diff != "" {
		t.Error(diff)
	}
}

func TestReasonPhrase(t *testing.T) {
	for status, want := range map[int]string{180: "Ringing", 200: "OK", 491: "Request Pending", 299: "OK", 499: "Request Failure", 0: "Unknown", 999: "Unknown"} {
		if got := ReasonPhrase(status); got != want {
			t.Errorf("%d: %q, want %q", status, got, want)
		}
	}
}

// TestNothingInjectsALine puts line breaks and NUL into every string a message has: the message that leaves has the same header lines as
// the one without them, and no control character.
func TestNothingInjectsALine(t *testing.T) {
	for _, evil := range []string{"\r\nX-Evil: 1", "\nX-Evil: 1", "\rX-Evil: 1", "\r\n\r\nX-Evil: 1", "\x00", "\u2028\x85\x0b\x0c"} {
		for name, put := range injections(evil) {
			req := read(t, invite("Route: <sip:p>", "Record-Route: <sip:r>", "Subject: x"))
			for _, m := range []*Message{req, NewResponse(req, 200, "", "t")} {
				m.ContentType, m.Body = "text/plain", []byte("b")
				m.Contact = []Addr{{URI: sipURI("a", "b")}}
				calm := bytes.Count(m.Bytes(), []byte("\r\n"))
				put(m)
				out := m.Bytes()
				if got := bytes.Count(out, []byte("\r\n")); got > calm+1 { // one line more is the field that was added
					t.Errorf("%s: %d lines instead of %d:\n%q", name, got, calm, out)
				}
				head, _, _ := strings.Cut(string(out), "\r\n\r\n")
				if strings.Contains(head, "\r\nX-Evil") || strings.ContainsFunc(strings.ReplaceAll(head, "\r\n", ""), control) {
					t.Errorf("%s: %q", name, out)
				}
			}
		}
	}
}

func control(r rune) bool { return r < ' ' || r == 0x7f }

// injections are the places that take a string.
func injections(evil string) map[string]func(*Message) {
	uri := func(u *URI) map[string]*string {
		return map[string]*string{"scheme": &u.Scheme, "user": &u.User, "password": &u.Password, "host": &u.Host, "headers": &u.Headers,
			"opaque": &u.Opaque}
	}
	all := map[string]func(*Message){
		"method":         func(m *Message) { m.Method += Method(evil) },
		"reason phrase":  func(m *Message) { m.Reason += evil },
		"Call-ID":        func(m *Message) { m.CallID += evil },
		"CSeq method":    func(m *Message) { m.CSeq.Method += Method(evil) },
		"Content-Type":   func(m *Message) { m.ContentType += evil },
		"field value":    func(m *Message) { m.Add("Subject", evil) },
		"field name":     func(m *Message) { m.Fields = append(m.Fields, Field{"Sub" + evil, "x"}) },
		"added name":     func(m *Message) { m.Add("X"+evil, "x") },
		"Via transport":  func(m *Message) { m.Via[0].Transport += evil },
		"Via host":       func(m *Message) { m.Via[0].Host += evil },
		"IPv6 host":      func(m *Message) { m.Via[0].Host = "::" + evil },
		"Via param":      func(m *Message) { m.Via[0].Params.Set("x", evil) },
		"Via param name": func(m *Message) { m.Via[0].Params.Set("x"+evil, "y") },
		"branch":         func(m *Message) { m.Via[0].Params.Set("branch", evil) },
		"tag":            func(m *Message) { m.To.Params.Set("tag", evil) },
		"display name":   func(m *Message) { m.From.Display = evil },
		"URI param":      func(m *Message) { m.From.URI.Params.Set("x", evil) },
		"quoted param":   func(m *Message) { m.From.URI.Params.Set("x", `"`+evil+`"`) },
		"URI param name": func(m *Message) { m.From.URI.Params.Set("x"+evil, "y") },
		"Contact":        func(m *Message) { m.Contact[0].Display = evil },
		"Route":          func(m *Message) { m.Route = []Addr{{Display: evil, URI: URI{Scheme: "sip", Host: evil}}} },
		"Record-Route":   func(m *Message) { m.RecordRoute = []Addr{{URI: URI{Scheme: "sip", Host: evil}}} },
	}
	for part := range uri(&URI{}) {
		all["Request-URI "+part] = func(m *Message) { *uri(&m.URI)[part] += evil }
		all["To "+part] = func(m *Message) { *uri(&m.To.URI)[part] += evil }
	}
	return all
}

// TestRequestURIStaysOneWord: a blank in a quoted URI parameter would end it early for the next reader.
func TestRequestURIStaysOneWord(t *testing.T) {
	c, err := ParseAddr(`<sip:a@b;x="y SIP/2.0 z"?Subject=w>`)
	if err != nil {
		t.Fatal(err)
	}
	m := NewRequest(BYE, c.URI)
	start, _, _ := strings.Cut(string(m.Bytes()), "\r\n")
	if want := "BYE sip:a@b;x=%22y%20SIP/2.0%20z%22 SIP/2.0"; start != want {
		t.Errorf("%s, want %s", start, want)
	}
}

func TestAnewLeavesTheFirstOneAlone(t *testing.T) {
	first := NewRequest(INVITE, URI{Scheme: "sip", Host: "192.0.2.1"})
	first.CSeq = CSeq{Seq: 7, Method: INVITE}
	first.Via = []Via{{Transport: "UDP", Host: "192.0.2.2"}}
	first.Add("Supported", "timer")
	next := first.Anew(8)
	next.Set("Supported", "100rel")
	if len(first.Via) != 1 || first.CSeq.Seq != 7 || first.Get("Supported") != "timer" {
		t.Errorf("the first one has changed: %+v", first)
	}
	if len(next.Via) != 0 || next.CSeq.Seq != 8 || next.CSeq.Method != INVITE || next.Get("Supported") != "100rel" {
		t.Errorf("the new one: %+v", next)
	}
}
