package wire

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestURIRoundTrip(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want URI
		out  string // "" when it leaves as it came
	}{
		{"sip:alice@example.com", URI{Scheme: "sip", User: "alice", Host: "example.com"}, ""},
		{"SIP:Alice@Example.COM:5060", URI{Scheme: "sip", User: "Alice", Host: "example.com", Port: 5060}, "sip:Alice@example.com:5060"},
		{"sips:h", URI{Scheme: "sips", Host: "h"}, ""},
		{"sip:a:secret@h", URI{Scheme: "sip", User: "a", Password: "secret", Host: "h"}, ""},
		{"sip:a:@h", URI{Scheme: "sip", User: "a", Host: "h"}, "sip:a@h"},
		{"sip:a%40b%00c@h", URI{Scheme: "sip", User: "a%40b%00c", Host: "h"}, ""},
		{"sip:a;b=1?c@h", URI{Scheme: "sip", User: "a;b=1?c", Host: "h"}, ""}, // RFC 4475 section 3.1.1.9
		{"sip:*67#@h", URI{Scheme: "sip", User: "*67#", Host: "h"}, ""},
		{"sip:[2001:DB8::1]:5070", URI{Scheme: "sip", Host: "2001:db8::1", Port: 5070}, "sip:[2001:db8::1]:5070"},
		{"sip:[2001:db8::10:5070]", URI{Scheme: "sip", Host: "2001:db8::10:5070"}, ""},
		{"sip:[2001:db8:::1]", URI{Scheme: "sip", Host: "2001:db8:::1"}, ""}, // RFC 5118 section 4.10
		{"sip:h;lr;Transport=WS", URI{Scheme: "sip", Host: "h", Params: Params{{"lr", ""}, {"transport", "WS"}}}, "sip:h;lr;transport=WS"},
		{"sip:h;%6C%72", URI{Scheme: "sip", Host: "h", Params: Params{{"lr", ""}}}, "sip:h;lr"},
		{"sip:h;a%25=%41=b", URI{Scheme: "sip", Host: "h", Params: Params{{"a%25", "%41=b"}}}, ""},
		{`sip:h;ftag="a b;c"`, URI{Scheme: "sip", Host: "h", Params: Params{{"ftag", `"a b;c"`}}}, ""},
		{"sip:h;received=[2001:db8::1]:5", URI{Scheme: "sip", Host: "h", Params: Params{{"received", "[2001:db8::1]:5"}}}, ""},
		{"sip:h?Replaces=a%3Bb&x=y", URI{Scheme: "sip", Host: "h", Headers: "Replaces=a%3Bb&x=y"}, ""},
		{"sip:h;a=b?c=d", URI{Scheme: "sip", Host: "h", Params: Params{{"a", "b"}}, Headers: "c=d"}, ""},
		{"tel:+1-201-555-0123;phone-context=example.com",
			URI{Scheme: "tel", Opaque: "+1-201-555-0123", Params: Params{{"phone-context", "example.com"}}}, ""},
		{"mailto:a@b?subject=x;y", URI{Scheme: "mailto", Opaque: "a@b?subject=x;y"}, ""},
		{"urn:service:sos", URI{Scheme: "urn", Opaque: "service:sos"}, ""},
	} {
		t.Run(tc.in, func(t *testing.T) {
			got, err := ParseURI(tc.in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
			if tc.out == "" {
				tc.out = tc.in
			}
			if s := got.String(); s != tc.out {
				t.Errorf("leaves as %q, want %q", s, tc.out)
			}
		})
	}
}

func TestURIRefused(t *testing.T) {
	for _, in := range []string{
		"", "sip", ":h", "1sip:h", "s p:h", "sip:", "sips:", "tel:", "http:", "sip:@h", "sip::x@h", "sip:a@", "sip:a@b@c", "sip:a b@h", "sip:a@h i",
		"sip:a<@h", "sip:a\"@h", "sip:a%4@h", "sip:a%zz@h", "sip:a@h%41", "sip:2001:db8::1", "sip:[2001:db8::1", "sip:2001:db8::1]", "sip:[]",
		"sip:[h]", "sip:[::1]x", "sip:[::1%eth0]", "sip:h:", "sip:h:0", "sip:h:65536", "sip:h:-5", "sip:h:5060x", "sip:h;", "sip:h;=x", "sip:h;a=",
		"sip:h;a b", "sip:h;a=b c", `sip:h;a="b`, `sip:h;a="b"c`, "sip:h;a=%4", "sip:h;lr;LR", "sip:h;lr;%6cr", "sip:h?", "sip:h?a b", "sip:h?a>b",
		"sip:a\x00@h", "sip:a@h\r\nX: y", "http:a\r\nb", "tel:+1 2",
	} {
		if u, err := ParseURI(in); !errors.Is(err, ErrSyntax) {
			t.Errorf("%q: %+v, %v", in, u, err)
		}
	}
}

// TestURICannotBeBrokenOutOf: hand-built values stay in their part of the URI.
func TestURICannotBeBrokenOutOf(t *testing.T) {
	for _, tc := range []struct {
		in   URI
		want string
	}{
		{URI{Scheme: "sip", User: "a@b\r\n>", Host: "h"}, "sip:a%40b%0D%0A%3E@h"},
		{URI{Scheme: "sip", User: "100%", Host: "h"}, "sip:100%25@h"},
		{URI{Scheme: "sip", User: "a%41%4", Host: "h"}, "sip:a%41%254@h"},
		{URI{Scheme: "sip", User: "a", Password: "b@c", Host: "h"}, "sip:a:b%40c@h"},
		{URI{Scheme: "sip", Host: "h>;x=\"y"}, "sip:h%3E%3Bx%3D%22y"},
		{URI{Scheme: "sip", Host: "h", Params: Params{{"a;b", "c>\r\n;d"}}}, "sip:h;a%3Bb=c%3E%0D%0A%3Bd"},
		{URI{Scheme: "sip", Host: "h", Params: Params{{"a", `"b`}}}, "sip:h;a=%22b"},
		{URI{Scheme: "sip", Host: "h", Params: Params{{"a", "\"b\r\n\""}}}, "sip:h;a=%22b%0D%0A%22"},
		{URI{Scheme: "sip", Host: "h", Headers: "a>\r\n"}, "sip:h?a%3E%0D%0A"},
		{URI{Scheme: "tel", Opaque: "+1>\r\n"}, "tel:+1%3E%0D%0A"},
		{URI{Scheme: "si\r\np", Host: "h"}, "sip:h"},
	} {
		if got := tc.in.String(); got != tc.want {
			t.Errorf("%#v leaves as %q, want %q", tc.in, got, tc.want)
		}
	}
}

func TestHostPort(t *testing.T) {
	for in, want := range map[string]int{
		"sip:h": 5060, "sips:h": 5061, "sip:h;transport=TLS": 5061, "sip:h;transport=udp": 5060, "sips:h:7": 7, "sip:h:8;transport=tls": 8,
	} {
		u, err := ParseURI(in)
		if host, port := u.HostPort(); err != nil || host != "h" || port != want {
			t.Errorf("%s: %s %d %v, want port %d", in, host, port, err, want)
		}
	}
}

func TestUnescape(t *testing.T) {
	for in, want := range map[string]string{"": "", "a": "a", "%41": "A", "%61%3a": "a:", "%": "%", "%4": "%4", "%zz%2B": "%zz+", "%2541": "%41"} {
		if got := Unescape(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestEscape(t *testing.T) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	got := Escape(string(all))
	if Unescape(got) != string(all) {
		t.Errorf("not the same again: %q", got)
	}
	if strings.ContainsAny(got, "=&;?@ <>\"\r\n\x00") {
		t.Errorf("means something in a URI: %q", got)
	}
	if got := Escape("a-b.c;to-tag=1"); got != "a-b.c%3Bto-tag%3D1" {
		t.Errorf("%q", got)
	}
}
