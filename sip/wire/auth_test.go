package wire

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAuthRoundTrip(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		want     Auth
		out      string // "" when it leaves as it came
	}{
		{"credentials", `Digest username="a\"b", realm="r, s", nonce="n==", uri="sip:h", response="00", algorithm=MD5, cnonce="c", qop=auth, nc=00000001`,
			Auth{Scheme: "Digest", Params: Params{{"username", `a"b`}, {"realm", "r, s"}, {"nonce", "n=="}, {"uri", "sip:h"}, {"response", "00"},
				{"algorithm", "MD5"}, {"cnonce", "c"}, {"qop", "auth"}, {"nc", "00000001"}}}, ""},
		{"a challenge", `Digest realm="r", nonce="n", qop="auth,auth-int", algorithm=SHA-256, stale=true`,
			Auth{Scheme: "Digest", Params: Params{{"realm", "r"}, {"nonce", "n"}, {"qop", "auth,auth-int"}, {"algorithm", "SHA-256"},
				{"stale", "true"}}}, ""},
		{"blanks and capitals", `digest  Realm = "r" ,NONCE=n,ALGORITHM="MD5"`,
			Auth{Scheme: "digest", Params: Params{{"realm", "r"}, {"nonce", "n"}, {"algorithm", "MD5"}}},
			`digest realm="r", nonce="n", algorithm=MD5`},
		{"an empty value", `Digest opaque=""`, Auth{Scheme: "Digest", Params: Params{{"opaque", ""}}}, ""},
		{"a bearer token", "Bearer eyJ0.eyJz-_~+/.c2ln==", Auth{Scheme: "Bearer", Token: "eyJ0.eyJz-_~+/.c2ln=="}, ""},
		{"a scheme alone", "NTLM", Auth{Scheme: "NTLM"}, ""},
		{"a scheme nobody knows", `NoOneKnowsThisScheme opaque-data=here`,
			Auth{Scheme: "NoOneKnowsThisScheme", Params: Params{{"opaque-data", "here"}}}, `NoOneKnowsThisScheme opaque-data="here"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := ParseAuth(tc.in)
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
				t.Errorf("leaves as %s, want %s", s, tc.out)
			}
		})
	}
}

func TestAuthRefused(t *testing.T) {
	for _, in := range []string{
		"", " ", "Dig,est a=b", `Digest realm="r`, `Digest realm="r"x`, "Digest a=b c", "Digest =b, c=d", "Digest a=b,,c=d", "Digest a=,b=c",
		`Digest realm="r", realm="s"`, `Digest nonce="1", NONCE="2"`, `Digest realm="r", Basic realm="s"`,
	} {
		if a, err := ParseAuth(in); !errors.Is(err, ErrSyntax) {
			t.Errorf("%q: %+v, %v", in, a, err)
		}
	}
	long := "Digest " + repeat(maxParams+1, ",", func(i int) string { return "p" + string(rune('a'+i/26)) + string(rune('a'+i%26)) + "=1" })
	if _, err := ParseAuth(long); !errors.Is(err, ErrLimit) {
		t.Errorf("65 parameters: %v", err)
	}
}

// TestAuthCannotBeBrokenOutOf: a realm or a nonce stays in its quotes.
func TestAuthCannotBeBrokenOutOf(t *testing.T) {
	a := Auth{Scheme: "Dig\r\nest", Params: Params{{"realm", "a\", b=\"c\r\nX: y"}, {"algo\nrithm", "MD5, c=d"}}}
	if got, want := a.String(), `Digest realm="a\", b=\"c  X: y", algorithm="MD5, c=d"`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := (Auth{Scheme: "Bearer", Token: "a\r\nb"}).String(), "Bearer a  b"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
