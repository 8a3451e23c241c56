package rules

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"drawbridge/sip/wire"
)

const invite = "INVITE sip:0301234@gw.example.com;user=phone SIP/2.0\r\n" +
	"Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bKa\r\n" +
	"Max-Forwards: 69\r\n" +
	"From: \"Ann\" <sip:1000@pbx.example.com>;tag=f1\r\n" +
	"To: <sip:0301234@gw.example.com>\r\n" +
	"Call-ID: c1@pbx\r\n" +
	"CSeq: 1 INVITE\r\n" +
	"Contact: <sip:1000@198.51.100.7:5060>\r\n" +
	"User-Agent: OldPBX 1.2\r\n" +
	"P-Asserted-Identity: <sip:1000@pbx.example.com>\r\n" +
	"P-Asserted-Identity: <tel:+4930100>\r\n" +
	"Reason: Q.850;cause=34;text=\"full\"\r\n" +
	"X-Account: 7;kind=gold\r\n" +
	"Content-Type: application/sdp\r\n" +
	"Content-Length: 15\r\n\r\n" +
	"v=0\r\na=sendrecv"

func message(t testing.TB, raw string) *wire.Message {
	t.Helper()
	m, v := wire.Read([]byte(raw), wire.CanonOptions{})
	if m == nil || v.Status != 0 {
		t.Fatalf("verdict %+v of\n%s", v, raw)
	}
	return m
}

// answer is a response to the INVITE above.
func answer(t testing.TB, status int) *wire.Message {
	return message(t, string(wire.NewResponse(message(t, invite), status, "", "t1").Bytes()))
}

func chain(t testing.TB, rows ...Row) Chain {
	t.Helper()
	book, problems := Compile(map[string][]Row{"s": rows})
	if len(problems) > 0 {
		t.Fatalf("%+v", problems)
	}
	c, ok := book.Chain("s")
	if !ok {
		t.Fatal("no chain")
	}
	return c
}

func TestRowsEdit(t *testing.T) {
	for _, tt := range []struct {
		name string
		rows []Row
		want []string
	}{
		{"add", []Row{{Do: "add", Of: "X-New", To: "1 $$"}}, []string{"+ X-New: 1 $"}},
		{"set what is there", []Row{{Do: "set", Of: "user-agent", To: "gw"}}, []string{"- User-Agent: OldPBX 1.2", "+ User-Agent: gw"}},
		{"set what is not there", []Row{{Do: "set", Of: "Subject", To: "x"}}, []string{"+ Subject: x"}},
		{"set of many leaves one", []Row{{Do: "set", Of: "P-Asserted-Identity", To: "<sip:5@x.example>"}}, []string{"- P-Asserted-Identity: <sip:1000@pbx.example.com>", "- P-Asserted-Identity: <tel:+4930100>", "+ P-Asserted-Identity: <sip:5@x.example>"}},
		{"remove", []Row{{Do: "remove", Of: "User-Agent"}}, []string{"- User-Agent: OldPBX 1.2"}},
		{"remove those that fit", []Row{{Do: "remove", Of: "P-Asserted-Identity", Match: "tel:"}}, []string{"- P-Asserted-Identity: <tel:+4930100>"}},
		{"remove a parameter", []Row{{Do: "remove", Of: "X-Account.param.kind"}, {Do: "remove", Of: "Request-URI.uri-param.user"}}, []string{"- INVITE sip:0301234@gw.example.com;user=phone SIP/2.0", "+ INVITE sip:0301234@gw.example.com SIP/2.0", "- X-Account: 7;kind=gold", "+ X-Account: 7"}},
		{"replace in a user", []Row{{Do: "replace", Of: "Request-URI.user", Match: "^0([1-9])", To: "+49$1"}}, []string{"- INVITE sip:0301234@gw.example.com;user=phone SIP/2.0", "+ INVITE sip:+49301234@gw.example.com;user=phone SIP/2.0"}},
		{"replace in each", []Row{{Do: "replace", Of: "P-Asserted-Identity.user", Match: "^[+]?", To: "9"}}, []string{"- P-Asserted-Identity: <sip:1000@pbx.example.com>", "- P-Asserted-Identity: <tel:+4930100>", "+ P-Asserted-Identity: <sip:91000@pbx.example.com>", "+ P-Asserted-Identity: <tel:94930100>"}},
		{"replace by nothing takes a header away", []Row{{Do: "replace", Of: "User-Agent", Match: ".*"}}, []string{"- User-Agent: OldPBX 1.2"}},
		{"display and host", []Row{{Do: "set", Of: "From.display", To: "Firm"}, {Do: "set", Of: "From.host", To: "firm.example"}}, []string{`- From: "Ann" <sip:1000@pbx.example.com>;tag=f1`, `+ From: "Firm" <sip:1000@firm.example>;tag=f1`}},
		{"a new parameter", []Row{{Do: "set", Of: "Request-URI.uri-param.tgrp", To: "9"}, {Do: "set", Of: "Reason.param.cause", To: "17"}}, []string{"- INVITE sip:0301234@gw.example.com;user=phone SIP/2.0", "+ INVITE sip:0301234@gw.example.com;user=phone;tgrp=9 SIP/2.0", `- Reason: Q.850;cause=34;text="full"`, `+ Reason: Q.850;cause=17;text=full`}},
		{"copy", []Row{{Do: "copy", Of: "X-Caller", From: "From.user"}}, []string{"+ X-Caller: 1000"}},
		{"copy of nothing", []Row{{Do: "copy", Of: "X-Caller", From: "Subject"}}, nil},
		{"variables go on to later rows", []Row{
			{Do: "add", Of: "X-A", To: "${n}", When: []Condition{{Of: "From.user", Match: "^1(?P<n>.*)"}}},
			{Do: "set", Of: "From.user", To: "5${n}"},
		}, []string{`- From: "Ann" <sip:1000@pbx.example.com>;tag=f1`, `+ From: "Ann" <sip:5000@pbx.example.com>;tag=f1`, "+ X-A: 000"}},
		{"without the variable nothing is written", []Row{{Do: "remove", Of: "Subject", When: []Condition{{Of: "Subject", Match: "(?P<n>.)"}}}, {Do: "set", Of: "From.user", To: "5${n}"}}, nil},
		{"body", []Row{{Do: "replace", Of: "body", Match: "(?m)^a=sendrecv", To: "a=sendonly"}}, []string{"- a=sendrecv", "+ a=sendonly"}},
		{"condition not met", []Row{{Do: "remove", Of: "User-Agent", When: []Condition{{Of: "Subject"}}}}, nil},
		{"negated", []Row{{Do: "remove", Of: "User-Agent", When: []Condition{{Of: "Subject", Not: true}, {Of: "User-Agent", Match: "^New", Not: true}}}}, []string{"- User-Agent: OldPBX 1.2"}},
		{"other method", []Row{{Do: "remove", Of: "User-Agent", Methods: []string{"BYE"}}}, nil},
		{"other realm", []Row{{Do: "remove", Of: "User-Agent", Realm: "core"}}, nil},
		{"other direction", []Row{{Do: "remove", Of: "User-Agent", Direction: "out"}}, nil},
		{"responses only", []Row{{Do: "remove", Of: "User-Agent", Messages: "response"}, {Do: "remove", Of: "User-Agent", Status: []string{"4xx"}}}, nil},
		{"all that holds", []Row{{Do: "remove", Of: "User-Agent", Methods: []string{"INVITE"}, Realm: "acme", Direction: "in", Messages: "request"}}, []string{"- User-Agent: OldPBX 1.2"}},
		{"a part that is not there", []Row{{Do: "replace", Of: "X-Account.user", Match: ".*", To: "5"}, {Do: "set", Of: "Subject.param.x", To: "1"}}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := message(t, invite)
			before := string(m.Bytes())
			res, err := chain(t, tt.rows...).Apply(At{"acme", In}, m)
			if err != nil {
				t.Fatal(err)
			}
			if string(m.Bytes()) != before {
				t.Error("the message given was changed")
			}
			if diff := cmp.Diff(tt.want, contentFree(Difference(before, string(res.Message.Bytes())))); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			if (len(res.Hits) == 0) != (tt.want == nil) {
				t.Errorf("hits %q", res.Hits)
			}
		})
	}
}

// contentFree leaves Content-Length out, which is counted.
func contentFree(lines []string) []string {
	return slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l[2:], "Content-Length") })
}

func TestResponses(t *testing.T) {
	c := chain(t, Row{Do: "set", Of: "Reason-Phrase", To: "Engaged", Status: []string{"486", "6xx"}}, Row{Do: "set", Of: "Server", To: "gw", Methods: []string{"INVITE"}, Messages: "response"}, Row{Do: "reject"})
	for status, want := range map[int]string{486: "Engaged", 603: "Engaged", 480: wire.ReasonPhrase(480)} {
		res, err := c.Apply(At{}, answer(t, status))
		if err != nil || res.Status != 0 || res.Message.Reason != want || res.Message.Get("Server") != "gw" {
			t.Errorf("%d: %+v %v", status, res, err)
		}
	}
}

func TestReject(t *testing.T) {
	c := chain(t, Row{Do: "remove", Of: "Subject"}, Row{Do: "reject", Code: 488, To: "Not this", When: []Condition{{Of: "User-Agent", Match: "^Old"}}})
	res, err := c.Apply(At{}, message(t, invite))
	if err != nil || res.Status != 488 || res.Reason != "Not this" || res.Rule != "s:2" || res.Message != nil {
		t.Errorf("%+v %v", res, err)
	}
	ack := strings.Replace(strings.Replace(invite, "INVITE sip", "ACK sip", 1), "1 INVITE", "1 ACK", 1)
	if res, err := c.Apply(At{}, message(t, ack)); err != nil || res.Status != 0 {
		t.Errorf("an ACK: %+v %v", res, err)
	}
}

// TestRefused: what a message must keep, and what can do harm, is refused before any message is seen.
func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		name string
		row  Row
		key  string
		want error
	}{
		{"no action", Row{Of: "Subject"}, "do", ErrAction},
		{"line break", Row{Do: "add", Of: "X-A", To: "1\r\nX-B: 2"}, "to", ErrControl},
		{"line feed", Row{Do: "replace", Of: "X-A", Match: "a", To: "\n"}, "to", ErrControl},
		{"line break in a phrase", Row{Do: "reject", To: "no\r\nX: 1"}, "to", ErrControl},
		{"NUL in a body", Row{Do: "replace", Of: "body", Match: "a", To: "\x00"}, "to", ErrControl},
		{"remove Via", Row{Do: "remove", Of: "via"}, "of", ErrSealed},
		{"remove Via by its short name", Row{Do: "remove", Of: "v"}, "of", ErrSealed},
		{"remove CSeq", Row{Do: "remove", Of: "CSeq"}, "of", ErrSealed},
		{"set Call-ID", Row{Do: "set", Of: "i", To: "x"}, "of", ErrSealed},
		{"remove the tag", Row{Do: "remove", Of: "From.param.TAG"}, "of", ErrSealed},
		{"set To", Row{Do: "set", Of: "To", To: "<sip:x@y>"}, "of", ErrReadOnly},
		{"remove From", Row{Do: "remove", Of: "f"}, "of", ErrReadOnly},
		{"set Contact", Row{Do: "set", Of: "Contact.user", To: "x"}, "of", ErrReadOnly},
		{"read credentials", Row{Do: "copy", Of: "X-A", From: "Authorization"}, "from", ErrSealed},
		{"remove Request-URI", Row{Do: "remove", Of: "Request-URI"}, "of", ErrReadOnly},
		{"add a parameter", Row{Do: "add", Of: "X-A.param.b", To: "1"}, "of", ErrReadOnly},
		{"no such part", Row{Do: "set", Of: "X-A.colour", To: "1"}, "of", ErrElement},
		{"no header name", Row{Do: "set", Of: "X A", To: "1"}, "of", ErrElement},
		{"backreference", Row{Do: "remove", Of: "X-A", Match: `(a)\1`}, "match", ErrPattern},
		{"lookahead", Row{Do: "remove", Of: "X-A", Match: `(?=a)`}, "match", ErrPattern},
		{"long pattern", Row{Do: "remove", Of: "X-A", Match: strings.Repeat("a", maxPattern+1)}, "match", ErrPattern},
		{"large program", Row{Do: "remove", Of: "X-A", Match: `(\pL{100}){90}`}, "match", ErrPattern},
		{"no such group", Row{Do: "replace", Of: "X-A", Match: "(a)", To: "$2"}, "to", ErrVariable},
		{"no such variable", Row{Do: "set", Of: "X-A", To: "${num}"}, "to", ErrVariable},
		{"caught by a condition that did not hold", Row{Do: "set", Of: "X-A", To: "${n}", When: []Condition{{Of: "X-B", Match: "(?P<n>.)", Not: true}}}, "to", ErrVariable},
		{"odd dollar", Row{Do: "set", Of: "X-A", To: "5 $ off"}, "to", ErrTemplate},
		{"endless value", Row{Do: "set", Of: "X-A", To: strings.Repeat("a", maxTemplate+1)}, "to", ErrTemplate},
		{"without a value", Row{Do: "set", Of: "X-A"}, "to", ErrNeeded},
		{"code without reject", Row{Do: "remove", Of: "X-A", Code: 403}, "code", ErrUnneeded},
		{"success is no rejection", Row{Do: "reject", Code: 200}, "code", ErrScope},
		{"a response rejected", Row{Do: "reject", Messages: "response"}, "do", ErrScope},
		{"direction", Row{Do: "remove", Of: "X-A", Direction: "up"}, "direction", ErrScope},
		{"method", Row{Do: "remove", Of: "X-A", Methods: []string{"invite"}}, "methods", ErrScope},
		{"status", Row{Do: "remove", Of: "X-A", Status: []string{"4x"}}, "status", ErrScope},
		{"status of requests", Row{Do: "remove", Of: "X-A", Status: []string{"4xx"}, Messages: "request"}, "status", ErrScope},
		{"no such set", Row{Do: "use", To: "other"}, "to", ErrUse},
		{"itself", Row{Do: "use", To: "s"}, "to", ErrLoop},
		{"use with a condition", Row{Do: "use", To: "e", When: []Condition{{Of: "X-A"}}}, "when", ErrUnneeded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			book, problems := Compile(map[string][]Row{"s": {{Do: "remove", Of: "X-Z"}, tt.row}, "e": nil})
			found := slices.ContainsFunc(problems, func(p Problem) bool {
				return p.Set == "s" && p.Row == 1 && p.Key == tt.key && errors.Is(p.Err, tt.want)
			})
			if !found || len(book.Names()) > 0 {
				t.Errorf("%+v, book of %d sets", problems, len(book.Names()))
			}
		})
	}
}

func TestSetsUseSets(t *testing.T) {
	book, problems := Compile(map[string][]Row{
		"a": {{Do: "add", Of: "X-A", To: "1"}, {Do: "use", To: "b"}, {Do: "add", Of: "X-A", To: "3"}},
		"b": {{Do: "add", Of: "X-A", To: "2"}},
	})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	c, _ := book.Chain("a", "b")
	res, err := c.Apply(At{}, message(t, invite))
	if err != nil || strings.Join(res.Message.Values("X-A"), "") != "1232" || strings.Join(res.Hits, " ") != "a:1 b:1 a:3 b:1" {
		t.Errorf("%q %q %v", res.Message.Values("X-A"), res.Hits, err)
	}
	if _, ok := book.Chain("a", "none"); ok {
		t.Error("a chain of a set that does not exist")
	}
	_, problems = Compile(map[string][]Row{"a": {{Do: "use", To: "b"}}, "b": {{Do: "use", To: "c"}}, "c": {{Do: "use", To: "a"}}})
	if len(problems) != 1 || !errors.Is(problems[0].Err, ErrLoop) {
		t.Errorf("a circle: %+v", problems)
	}
	many := slices.Repeat([]Row{{Do: "use", To: "b"}}, 6)
	_, problems = Compile(map[string][]Row{"a": many, "b": slices.Repeat([]Row{{Do: "remove", Of: "X-A"}}, 100)})
	if len(problems) != 1 || !errors.Is(problems[0].Err, ErrRows) {
		t.Errorf("600 rows: %+v", problems)
	}
}

// TestFailsClosed: what cannot be sent is an error that names the rule, and no message.
func TestFailsClosed(t *testing.T) {
	big := strings.Replace(strings.Replace(invite, "Content-Length: 15", "Content-Length: 60015", 1), "v=0\r\n", "v=0\r\n"+strings.Repeat("b", 60000), 1)
	for _, tt := range []struct {
		name, raw string
		rows      []Row
		rule      string
		want      error
	}{
		{"a line break out of the body", invite, []Row{{Do: "set", Of: "X-A", To: "${b}", When: []Condition{{Of: "body", Match: `(?s)(?P<b>v=0.*)`}}}}, "s:1", ErrValue},
		{"copied out of the body", invite, []Row{{Do: "copy", Of: "X-A", From: "body"}}, "s:1", ErrValue},
		{"no URI", invite, []Row{{Do: "set", Of: "Request-URI", To: "nonsense"}}, "s:1", wire.ErrSyntax},
		{"a host that is none", invite, []Row{{Do: "set", Of: "From.host", To: "a b"}}, "", ErrOutput},
		{"a scheme that nobody serves", invite, []Row{{Do: "set", Of: "Request-URI", To: "mailto:a@b.example"}}, "", ErrOutput},
		{"a required extension that nobody has", invite, []Row{{Do: "set", Of: "Require", To: "moon"}}, "", ErrOutput},
		{"longer than a message may be", big, []Row{{Do: "replace", Of: "body", Match: "b", To: "bb"}}, "s:1", ErrValue},
		{"a little of everything", big, slices.Repeat([]Row{{Do: "remove", Of: "X-A", When: []Condition{{Of: "body", Match: "^v"}}}}, 20), "s:9", ErrWork},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res, err := chain(t, tt.rows...).Apply(At{}, message(t, tt.raw))
			f, ok := errors.AsType[*Failure](err)
			if !ok || f.Rule != tt.rule || !errors.Is(err, tt.want) || res.Message != nil {
				t.Errorf("%+v %v", res, err)
			}
		})
	}
}

func TestDifference(t *testing.T) {
	for _, tt := range []struct {
		before, after string
		want          []string
	}{
		{"a\r\nb", "a\r\nb", nil},
		{"a\nb\nc\nd", "a\nc\nx\nd", []string{"- b", "+ x"}},
		{"", "a", []string{"+ a"}},
		{strings.Repeat("a\n", 2000), "z\n" + strings.Repeat("b\n", 2000), append(slices.Repeat([]string{"- a"}, 2000), append([]string{"+ z"}, slices.Repeat([]string{"+ b"}, 2000)...)...)},
	} {
		if diff := cmp.Diff(tt.want, Difference(tt.before, tt.after)); diff != "" {
			t.Error(diff)
		}
	}
}

// FuzzApply: whatever the message and the row, what comes out can be read, is known by what it was known by, and has no more lines
// than it should.
func FuzzApply(f *testing.F) {
	f.Add([]byte(invite), "set", "X-A", "", "1", "", "From.user", "(?P<n>.*)")
	f.Add([]byte(invite), "replace", "Request-URI.user", "^0", "+49", "", "", "")
	f.Add([]byte(invite), "replace", "body", "a=", "b=${n}", "", "User-Agent", "(?P<n>.)")
	f.Add([]byte(invite), "copy", "P-Asserted-Identity.host", "", "", "From.display", "", "")
	f.Add(answer(f, 486).Bytes(), "remove", "To.uri-param.x", "", "", "", "Subject", "")
	f.Fuzz(func(t *testing.T, raw []byte, do, of, match, to, from, asked, fits string) {
		row := Row{Do: do, Of: of, Match: match, To: to, From: from}
		if asked != "" {
			row.When = []Condition{{Of: asked, Match: fits}}
		}
		book, problems := Compile(map[string][]Row{"s": {row}})
		m, v := wire.Read(raw, wire.CanonOptions{})
		if len(problems) > 0 || m == nil || v.Status != 0 {
			return
		}
		before := string(m.Bytes())
		c, _ := book.Chain("s")
		res, err := c.Apply(At{"r", Out}, m)
		if string(m.Bytes()) != before {
			t.Fatal("the message given was changed")
		}
		if err != nil || res.Status != 0 {
			if res.Message != nil {
				t.Fatal("a message came with a refusal")
			}
			return
		}
		out := res.Message
		if out == m {
			return
		}
		read, v := wire.Read(out.Bytes(), wire.CanonOptions{})
		if read == nil || v.Status != 0 {
			t.Fatalf("cannot be read: %q", out.Bytes())
		}
		if read.CallID != m.CallID || read.CSeq != m.CSeq || read.FromTag() != m.FromTag() || read.ToTag() != m.ToTag() || len(read.Via) != len(m.Via) {
			t.Fatalf("another message: %q", out.Bytes())
		}
	})
}

// fifty are rules as they are written: some edit, most look and leave it.
func fifty(t testing.TB) Chain {
	rows := []Row{
		{Do: "replace", Of: "Request-URI.user", Match: "^0([1-9])", To: "+49$1", Methods: []string{"INVITE"}},
		{Do: "replace", Of: "P-Asserted-Identity.user", Match: "^1", To: "+4930"},
		{Do: "set", Of: "X-From", To: "${n}", When: []Condition{{Of: "From.user", Match: "^(?P<n>[0-9]+)$"}}},
		{Do: "remove", Of: "X-Account"},
		{Do: "replace", Of: "body", Match: "(?m)^a=sendrecv", To: "a=sendonly"},
	}
	for len(rows) < 50 {
		rows = append(rows, Row{Do: "replace", Of: "User-Agent", Match: "^New(PBX|Phone) [0-9.]+$", To: "x", When: []Condition{{Of: "To.user", Match: "^(030|040|089)[0-9]+$"}}})
	}
	return chain(t, rows...)
}

// BenchmarkFifty has the latency of 50 rules, changed message written and read again: p99-us is the figure that is promised.
func BenchmarkFifty(b *testing.B) {
	c, m := fifty(b), message(b, invite)
	took := make([]time.Duration, 0, 1<<20)
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		if _, err := c.Apply(At{"acme", In}, m); err != nil {
			b.Fatal(err)
		}
		if len(took) < cap(took) {
			took = append(took, time.Since(start))
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds())/1e3, "p99-us")
}
