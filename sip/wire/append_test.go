package wire

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// FuzzAppend states that no string in a Message, whoever put it there, adds a header line, ends the header section or brings a control
// character into it: not even a field that is added to Message one day, because the strings are found by reflection.
func FuzzAppend(f *testing.F) {
	for i, evil := range []string{
		"\r\nX-Evil: 1", "a\nVia: SIP/2.0/UDP evil", "\r", "\x00", "\r\n\r\nbody", `"\`, `"; x="`, "<sip:a>\r\n", "%0d%0aX: 1", "é\x85\u2028", "a\\\r\nb", ": ", "",
	} {
		f.Add(evil, "alice", uint64(i)*0x9e3779b97f4a7c15, []byte("body"))
		f.Add("a", evil, uint64(i)*0xbf58476d1ce4e5b9, []byte("\r\nX: y"))
	}
	f.Fuzz(func(t *testing.T, one, two string, choice uint64, body []byte) {
		for _, m := range []*Message{skeleton(), {Status: 200, Via: skeleton().Via, Fields: skeleton().Fields}} {
			fillStrings(reflect.ValueOf(m).Elem(), func() string {
				choice = choice>>2 | choice<<62
				return [4]string{one, two, one + two, "x"}[choice&3]
			})
			m.Body = body
			whole(t, m)
		}
	})
}

// skeleton has one of everything that can be repeated.
func skeleton() *Message {
	p := func() Params { return make(Params, 2) }
	a := func() Addr { return Addr{URI: URI{Port: 5060, Params: p()}, Params: p()} }
	return &Message{
		Method: INVITE, URI: URI{Params: p()}, From: a(), To: a(), CSeq: CSeq{Seq: 1}, MaxForwards: 70, Expires: 60,
		Via: []Via{{Params: p()}}, Contact: []Addr{a()}, Route: []Addr{a()}, RecordRoute: []Addr{a()}, Fields: make([]Field, 2),
	}
}

// fillStrings puts next's strings into every string of v.
func fillStrings(v reflect.Value, next func() string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(next())
	case reflect.Struct:
		for i := range v.NumField() {
			fillStrings(v.Field(i), next)
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() != reflect.Uint8 {
			for i := range v.Len() {
				fillStrings(v.Index(i), next)
			}
		}
	default: // holds no string
	}
}

// whole checks that m leaves as one start line, lines of known names, the length of the body and the body.
func whole(t *testing.T, m *Message) {
	t.Helper()
	out := m.Bytes()
	clean(t, out)
	head, body, _ := bytes.Cut(out, []byte("\r\n\r\n"))
	if !bytes.Equal(body, m.Body) {
		t.Fatalf("body %q, want %q", body, m.Body)
	}
	names := map[string]int{"Via": len(m.Via), "Route": len(m.Route), "Record-Route": len(m.RecordRoute), "Max-Forwards": 1, "From": 1, "To": 1,
		"Call-ID": 1, "CSeq": 1, "Contact": len(m.Contact), "Expires": 1, "Content-Type": 1, "Content-Length": 1}
	for _, field := range m.Fields {
		names[CanonicalName(field.Name)]++
		names[field.Name]++
	}
	for i, line := range strings.Split(string(head), "\r\n") {
		name, _, found := strings.Cut(line, ": ")
		if i == 0 {
			continue
		}
		if names[name]--; !found || names[name] < 0 {
			t.Fatalf("a line of nobody's: %q in\n%q", line, out)
		}
	}
	if want := fmt.Sprintf("\r\nContent-Length: %d", len(m.Body)); !bytes.HasSuffix(head, []byte(want)) {
		t.Fatalf("ends with %q, want %q", head[max(0, len(head)-40):], want)
	}
}

// TestCompact: short header names say the same message.
func TestCompact(t *testing.T) {
	text := "INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nMax-Forwards: 70\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n" +
		"Call-ID: c\r\nCSeq: 1 INVITE\r\nContact: <sip:a@h>\r\nSupported: timer\r\nSession-Expires: 90\r\nSubject: s\r\nX-Other: o\r\n" +
		"Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi"
	m, v := Read([]byte(text), CanonOptions{})
	if v.Status != 0 {
		t.Fatal(v)
	}
	m.Compact = true
	short := string(m.Bytes())
	for _, line := range []string{"\r\nv: ", "\r\nf: ", "\r\nt: ", "\r\ni: ", "\r\nm: ", "\r\nk: timer", "\r\nx: 90", "\r\ns: s", "\r\nc: text/plain", "\r\nl: 2", "\r\nX-Other: o"} {
		if !strings.Contains(short, line) {
			t.Errorf("no %q in\n%s", line, short)
		}
	}
	again, v := Read([]byte(short), CanonOptions{})
	if v.Status != 0 {
		t.Fatal(v)
	}
	m.Compact = false
	if want, got := string(m.Bytes()), string(again.Bytes()); got != want {
		t.Errorf("read again it says\n%s\nnot\n%s", got, want)
	}
}
