package wire

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"drawbridge/tests/corpora"
	"github.com/google/go-cmp/cmp"
)

// TestOwnTortureMeaning holds what our own hard messages mean: the lines that leave, without those that every message has.
func TestOwnTortureMeaning(t *testing.T) {
	for name, want := range map[string]string{
		"blanks": `INVITE sip:bob@example.com;lr SIP/2.0
Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK776
Via: SIP/2.0/TCP proxy.example.net;received=192.0.2.8
Max-Forwards: 70
From: "Alice ; tag=no" <sip:alice@example.net>;tag=1928
To: "bob" <sip:bob@example.com>
CSeq: 7 INVITE
Contact: <sip:alice@192.0.2.7>;expires=5
Contact: "x, y" <sip:c,d@192.0.2.8>
Supported: timer,path
Subject: a b c`,
		"quotes": `INVITE sip:bob@example.com SIP/2.0
Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK776
Record-Route: <sip:p1.example.net;lr;ftag="a;b>c">;y="1, 2"
Record-Route: <sip:p2.example.net;lr>
From: "a \" <sip:no@example.com>;tag=no, b" <sip:alice@example.net>;tag=1928;x="c;d=\"e\",<f>"
To: <sip:bob@example.com>
CSeq: 7 INVITE
Contact: <sip:alice@192.0.2.7>
Reason: Q.850;cause=16;text="a, b"
Reason: SIP;cause=200`,
		"ipv6": `INVITE sip:bob@[2001:db8::2]:5070;maddr=[ff02::1] SIP/2.0
Via: SIP/2.0/UDP [2001:db8::7]:5060;branch=z9hG4bK776;received=2001:DB8::8
From: <sip:alice@[2001:db8::7]>;tag=1928
To: <sip:bob@[2001:db8::2]:5070>
CSeq: 7 INVITE
Contact: <sip:[::ffff:192.0.2.7]:5061;transport=tcp>`,
		"escapes": `INVITE sip:%62ob%40home%00@example.com;lr SIP/2.0
Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK776
From: <sip:alice@example.net>;tag=1928
To: <sip:%62ob%40home%00@example.com>
CSeq: 7 INVITE
Contact: <sip:alice@192.0.2.7?Route=%3Csip:evil.example%3E>`,
		"beyond-ascii": `INVITE sip:bob@example.com SIP/2.0
Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK776
From: "` + "J\u00fcrgen M\u00fcller" + `" <sip:alice@example.net>;tag=1928
To: "` + "\u0411\u043e\u0431" + `" <sip:bob@example.com>
CSeq: 7 INVITE
Contact: <sip:alice@192.0.2.7>
Subject: ` + "\u65e5\u672c",
	} {
		t.Run(name, func(t *testing.T) {
			m := readFile(t, filepath.Join("testdata", "torture", name))
			m.CallID = "" // the same in all of them
			head, _, _ := strings.Cut(string(m.Bytes()), "\r\nContent-Length")
			if diff := cmp.Diff(want, strings.ReplaceAll(head, "\r\n", "\n")); diff != "" {
				t.Error(diff)
			}
		})
	}
	for name, want := range map[string]string{"behind": "body", "unstated": "all of it\r\n"} {
		if m := readFile(t, filepath.Join("testdata", "torture", name)); string(m.Body) != want {
			t.Errorf("%s: body %q, want %q", name, m.Body, want)
		}
	}
}

func readFile(t *testing.T, file string) *Message {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m, v := Read(raw, CanonOptions{})
	if m == nil {
		t.Fatalf("%s: %d %q", file, v.Status, v.Reason)
	}
	return m
}

// TestRFC4475Meaning looks into the valid messages for what the RFC says of each.
func TestRFC4475Meaning(t *testing.T) {
	dir := filepath.Join(corpora.Dir(t, "rfc4475"), "raw")
	for name, check := range map[string]func(*Message) map[string][2]any{
		"wsinv.dat": func(m *Message) map[string][2]any { // 3.1.1.1: folds, blanks, compact names, leading zeros
			return map[string][2]any{
				"From tag": {m.FromTag(), "98asjd8"}, "To tag": {m.ToTag(), "1918181833n"}, "Vias": {len(m.Via), 3}, "hops": {m.MaxForwards, 68},
				"CSeq": {m.CSeq, CSeq{9, INVITE}}, "Via": {m.Via[0].Host, "192.0.2.2"}, "branch": {m.Branch(), "390skdjuw"},
				"display": {m.From.Display, `J Rosenberg \"`}, "Routes": {len(m.Route), 1}, "Contacts": {len(m.Contact), 1}, "body": {len(m.Body), 150},
			}
		},
		"intmeth.dat": func(m *Message) map[string][2]any { // 3.1.1.2: NUL and BEL behind backslashes, a tag of token characters
			return map[string][2]any{
				"tag": {m.FromTag(), "_token~1'+`*%!-."}, "method": {m.Method, Method("!interesting-Method0123456789_*+`.%indeed'~")},
				"display": {m.To.Display, "BEL:  NUL:  DEL: "}, "field": {m.Has("Extensionheader-!.%*+_`'~"), true},
			}
		},
		"esc01.dat": func(m *Message) map[string][2]any { // 3.1.1.3: an escape is not undone twice
			return map[string][2]any{
				"user": {m.URI.User, "sips%3Auser%40example.com"}, "Contact": {m.Contact[0].URI.Params[0].Name, "lr"},
				"To": {m.To.URI.User, "%75se%72"},
			}
		},
		"escnull.dat": func(m *Message) map[string][2]any { // 3.1.1.4: two contacts that differ behind the NUL
			return map[string][2]any{"one": {m.Contact[0].URI.User, "%00"}, "two": {m.Contact[1].URI.User, "%00%00"}}
		},
		"lwsdisp.dat": func(m *Message) map[string][2]any { // 3.1.1.6
			return map[string][2]any{"display": {m.From.Display, "caller"}, "tag": {m.FromTag(), "323"}}
		},
		"dblreq.dat": func(m *Message) map[string][2]any { // 3.1.1.8: the second request is not ours
			return map[string][2]any{"method": {m.Method, REGISTER}, "body": {len(m.Body), 0}}
		},
		"semiuri.dat": func(m *Message) map[string][2]any { // 3.1.1.9
			return map[string][2]any{"user": {m.URI.User, "user;par=u%40example.net"}, "host": {m.URI.Host, "example.com"}}
		},
		"transports.dat": func(m *Message) map[string][2]any { // 3.1.1.10
			return map[string][2]any{"Vias": {len(m.Via), 5}, "fourth": {m.Via[3].Transport, "UNKNOWN"}}
		},
		"unreason.dat": func(m *Message) map[string][2]any { // 3.1.1.12
			return map[string][2]any{"status": {m.Status, 200}, "reason": {strings.HasPrefix(m.Reason, "= 2**3 * 5**2"), true}}
		},
		"noreason.dat": func(m *Message) map[string][2]any { // 3.1.1.13
			return map[string][2]any{"status": {m.Status, 100}, "reason": {m.Reason, ""}}
		},
		"cparam01.dat": func(m *Message) map[string][2]any { // 3.3.12: the parameter is the header's
			return map[string][2]any{"header": {len(m.Contact[0].Params), 1}, "URI": {len(m.Contact[0].URI.Params), 0}}
		},
		"cparam02.dat": func(m *Message) map[string][2]any { // 3.3.13: the parameter is the URI's
			return map[string][2]any{"header": {len(m.Contact[0].Params), 0}, "URI": {len(m.Contact[0].URI.Params), 1}}
		},
		"regescrt.dat": func(m *Message) map[string][2]any { // 3.3.14: the Route stays inside the URI
			return map[string][2]any{"headers": {m.Contact[0].URI.Headers, "Route=%3Csip:sip.example.com%3E"}, "Routes": {len(m.Route), 0}}
		},
		"mpart01.dat": func(m *Message) map[string][2]any { // 3.1.1.11: the body is carried byte for byte
			return map[string][2]any{"body": {len(m.Body), 553}, "type": {m.MediaType(), "multipart/mixed"}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := readFile(t, filepath.Join(dir, name))
			for what, pair := range check(m) {
				if diff := cmp.Diff(pair[1], pair[0]); diff != "" {
					t.Errorf("%s: %s", what, diff)
				}
			}
		})
	}
}
