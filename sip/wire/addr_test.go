package wire

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func sipURI(user, host string) URI { return URI{Scheme: "sip", User: user, Host: host} }

func TestAddrRoundTrip(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want Addr
		out  string // "" when it leaves as it came
	}{
		{"<sip:a@b>", Addr{URI: sipURI("a", "b")}, ""},
		{"sip:a@b;tag=1", Addr{URI: sipURI("a", "b"), Params: Params{{"tag", "1"}}}, "<sip:a@b>;tag=1"}, // RFC 3261 section 20.10
		{"<sip:a@b;x=1>;y=2", Addr{URI: URI{Scheme: "sip", User: "a", Host: "b", Params: Params{{"x", "1"}}}, Params: Params{{"y", "2"}}}, ""},
		{"Bob <sip:a@b>", Addr{Display: "Bob", URI: sipURI("a", "b")}, `"Bob" <sip:a@b>`},
		{"Bob<sip:a@b>", Addr{Display: "Bob", URI: sipURI("a", "b")}, `"Bob" <sip:a@b>`},
		{"Bob van Dyk <sip:a@b>", Addr{Display: "Bob van Dyk", URI: sipURI("a", "b")}, `"Bob van Dyk" <sip:a@b>`},
		{`"a, <b>; \"c\" \\" <sip:a@b>`, Addr{Display: `a, <b>; "c" \`, URI: sipURI("a", "b")}, ""},
		{`"" <sip:a@b>`, Addr{URI: sipURI("a", "b")}, "<sip:a@b>"},
		{"J\u00fcrgen <sip:a@b>", Addr{Display: "J\u00fcrgen", URI: sipURI("a", "b")}, "\"J\u00fcrgen\" <sip:a@b>"},
		{"<sip:a@b>;+sip.instance=\"<urn:uuid:1>\";q=0.5;ob",
			Addr{URI: sipURI("a", "b"), Params: Params{{"+sip.instance", "<urn:uuid:1>"}, {"q", "0.5"}, {"ob", ""}}}, ""},
		{`<sip:a@b>;x="y"`, Addr{URI: sipURI("a", "b"), Params: Params{{"x", "y"}}}, "<sip:a@b>;x=y"},
		{`<sip:a@b>;x=""`, Addr{URI: sipURI("a", "b"), Params: Params{{"x", ""}}}, "<sip:a@b>;x"},
		{`sip:a@b;x="<>"`, Addr{URI: sipURI("a", "b"), Params: Params{{"x", "<>"}}}, `<sip:a@b>;x="<>"`},
		{"<sip:a@b>;tag=a/b=@c", Addr{URI: sipURI("a", "b"), Params: Params{{"tag", "a/b=@c"}}}, ""}, // the peer must get its tag back
		{"<sip:a@b>;x=a/b", Addr{URI: sipURI("a", "b"), Params: Params{{"x", "a/b"}}}, `<sip:a@b>;x="a/b"`},
		{`<sip:h;x=">">;y`, Addr{URI: URI{Scheme: "sip", Host: "h", Params: Params{{"x", `">"`}}}, Params: Params{{"y", ""}}}, ""},
		{"<sip:h?a=b,c>", Addr{URI: URI{Scheme: "sip", Host: "h", Headers: "a=b,c"}}, ""},
		{"<tel:+1>;tag=1", Addr{URI: URI{Scheme: "tel", Opaque: "+1"}, Params: Params{{"tag", "1"}}}, ""},
		{"isbn:2983792873;tag=1", Addr{URI: URI{Scheme: "isbn", Opaque: "2983792873"}, Params: Params{{"tag", "1"}}}, "<isbn:2983792873>;tag=1"},
		{"<http://h/a;b>;tag=1", Addr{URI: URI{Scheme: "http", Opaque: "//h/a;b"}, Params: Params{{"tag", "1"}}}, ""},
	} {
		t.Run(tc.in, func(t *testing.T) {
			got, err := ParseAddr(tc.in)
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

func TestAddrRefused(t *testing.T) {
	for _, in := range []string{
		"", " ", "<>", "<sip:a@b", "sip:a@b>", `"Bob <sip:a@b>`, `"Bob" sip:a@b`, "<<sip:a@b>>", "< sip:a@b>", "Bob, <sip:a@b>", "a;b <sip:a@b>",
		"sip:a@b?c=d", "sip:a,b@c", "sip:a b@c", "<sip:a@b>tag=1", "<sip:a@b>;", "<sip:a@b>;;a", "<sip:a@b>;=a", "<sip:a@b>;a=", "<sip:a@b>;a=b c",
		"<sip:a@b>;a=\"b", `<sip:a@b>;a="b"c`, "<sip:a@b>;a,b", "<sip:a@b>;a=<b>", "<sip:a@b>;tag=1;TAG=1", "<sip:a@b>;a\r\n", "<sip:a@b> x",
	} {
		if a, err := ParseAddr(in); !errors.Is(err, ErrSyntax) {
			t.Errorf("%q: %+v, %v", in, a, err)
		}
	}
}

func TestViaRoundTrip(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want Via
		out  string
	}{
		{"SIP/2.0/UDP h;branch=z9hG4bK1", Via{Transport: "UDP", Host: "h", Params: Params{{"branch", "z9hG4bK1"}}}, ""},
		{"SIP/2.0/udp H:5060", Via{Transport: "UDP", Host: "h", Port: 5060}, "SIP/2.0/UDP h:5060"},
		{"SIP/2.0/TLS-SCTP h", Via{Transport: "TLS-SCTP", Host: "h"}, ""},
		{"SIP/2.0/WSS a1b2.invalid;rport;branch=z9hG4bK1",
			Via{Transport: "WSS", Host: "a1b2.invalid", Params: Params{{"rport", ""}, {"branch", "z9hG4bK1"}}}, ""},
		{"SIP/2.0/UDP [2001:db8::1]:5060;received=[2001:db8::2]",
			Via{Transport: "UDP", Host: "2001:db8::1", Port: 5060, Params: Params{{"received", "[2001:db8::2]"}}}, ""},
		{"SIP/2.0/UDP h;received=2001:db8::2", Via{Transport: "UDP", Host: "h", Params: Params{{"received", "2001:db8::2"}}}, ""},
		{"SIP/2.0/UDP h;branch=z9hG4bK+/=", Via{Transport: "UDP", Host: "h", Params: Params{{"branch", "z9hG4bK+/="}}}, ""},
		{`SIP/2.0/UDP h;branch=1;branch-x="a, b"`, Via{Transport: "UDP", Host: "h", Params: Params{{"branch", "1"}, {"branch-x", "a, b"}}}, ""},
	} {
		got, err := ParseVia(tc.in)
		if err != nil {
			t.Errorf("%s: %v", tc.in, err)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: %s", tc.in, diff)
		}
		if tc.out == "" {
			tc.out = tc.in
		}
		if s := got.String(); s != tc.out {
			t.Errorf("%s leaves as %s, want %s", tc.in, s, tc.out)
		}
	}
	for _, in := range []string{
		"", "SIP/2.0/UDP", "SIP/2.0/UDP ", "SIP/2.0 h", "SIP/3.0/UDP h", "HTTP/2.0/UDP h", "SIP/2.0/U,P h", "SIP/2.0/UDP h i", "SIP/2.0/UDP  h",
		"SIP/2.0/UDP h;", "SIP/2.0/UDP h;;a", "SIP/2.0/UDP h:x", "SIP/2.0/UDP 2001:db8::1", "SIP/2.0/UDP h;branch=1;branch=2", "SIP/2.0/UDP h,i",
	} {
		if v, err := ParseVia(in); !errors.Is(err, ErrSyntax) {
			t.Errorf("%q: %+v, %v", in, v, err)
		}
	}
}

// TestParamsNeverWriteToASharedArray: values of one message are shared with the messages made from it.
func TestParamsNeverWriteToASharedArray(t *testing.T) {
	backing := Params{{"a", "1"}, {"b", "2"}, {"c", "3"}}
	before := Params{{"a", "1"}, {"b", "2"}, {"c", "3"}}
	one, two, three := backing[:2], backing[:2], backing
	one.Set("A", "9")
	two.Set("d", "4")
	three.Del("a")
	three.Del("none")
	for i, tc := range []struct{ got, want Params }{
		{backing, before},
		{one, Params{{"a", "9"}, {"b", "2"}}},
		{two, Params{{"a", "1"}, {"b", "2"}, {"d", "4"}}},
		{three, Params{{"b", "2"}, {"c", "3"}}},
	} {
		if diff := cmp.Diff(tc.want, tc.got); diff != "" {
			t.Errorf("%d: %s", i, diff)
		}
	}
	if v, ok := (Params{{"lr", ""}}).Lookup("lr"); v != "" || !ok {
		t.Error("a parameter without value was not found")
	}
	if _, ok := backing.Lookup("x"); ok || backing.Get("x") != "" {
		t.Error("an absent parameter was found")
	}
}
