package dialog

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseReplaces(t *testing.T) {
	// The examples of RFC 3891 section 6.1.
	for in, want := range map[string]Replaces{
		"98732@sip.example.com;from-tag=r33th4x0r;to-tag=ff87ff":           {ID: ID{"98732@sip.example.com", "ff87ff", "r33th4x0r"}},
		"12adf2f34456gs5;to-tag=12345;from-tag=54321":                      {ID: ID{"12adf2f34456gs5", "12345", "54321"}},
		"87134@171.161.34.23;to-tag=24796;from-tag=0":                      {ID: ID{"87134@171.161.34.23", "24796", ""}},
		"a84b4c76e66710;to-tag=aa;from-tag=bb;early-only":                  {ID: ID{"a84b4c76e66710", "aa", "bb"}, EarlyOnly: true},
		" 425928@bobster.example.org ;to-tag=7743;from-tag=6472;x=\"a;b\"": {ID: ID{"425928@bobster.example.org", "7743", "6472"}},
	} {
		got, err := ParseReplaces(in)
		if d := cmp.Diff(want, got); err != nil || d != "" {
			t.Errorf("%s: %v %s", in, err, d)
		}
		if again, err := ParseReplaces(got.String()); err != nil || again != got {
			t.Errorf("%s comes back as %s: %v", in, got, err)
		}
	}
	for _, in := range []string{
		"", ";to-tag=a;from-tag=b", "id", "id;to-tag=a", "id;from-tag=a", "id;to-tag=a;to-tag=b;from-tag=c", "a b;to-tag=a;from-tag=b",
		"id;to-tag=a;from-tag=b, id2;to-tag=a;from-tag=b", "id;to-tag=;from-tag=b",
	} {
		if got, err := ParseReplaces(in); !errors.Is(err, ErrMismatch) {
			t.Errorf("%q: %+v, %v", in, got, err)
		}
	}
}

func TestEscapedReplaces(t *testing.T) {
	for _, tt := range []struct {
		headers string
		want    string
		found   bool
		fails   bool
	}{
		{"Replaces=12345%40192.168.118.3%3Bto-tag%3D12345%3Bfrom-tag%3D5FFE-3994", "12345@192.168.118.3;to-tag=12345;from-tag=5FFE-3994", true, false},
		{"Subject=x&replaces=a%3bto-tag%3db%3bfrom-tag%3dc%3bearly-only", "a;to-tag=b;from-tag=c;early-only", true, false},
		{"%52eplaces=a%3Bto-tag=b%3Bfrom-tag=c", "a;to-tag=b;from-tag=c", true, false},
		{"", "", false, false}, {"Subject=x", "", false, false},
		{"Replaces=a", "", true, true},
		{"Replaces=a%3Bto-tag=b%3Bfrom-tag=c&Replaces=a%3Bto-tag=b%3Bfrom-tag=c", "", true, true},
	} {
		r, found, err := EscapedReplaces(tt.headers)
		if found != tt.found || (err != nil) != tt.fails || err == nil && found && r.String() != tt.want {
			t.Errorf("%s: %s %v %v", tt.headers, r, found, err)
		}
	}
}

// FuzzReplaces: what is read is written in a form that is read alike.
func FuzzReplaces(f *testing.F) {
	f.Add("98732@sip.example.com;from-tag=r33th4x0r;to-tag=ff87ff")
	f.Add("a;to-tag=b;from-tag=0;early-only;x=\"y\"")
	f.Fuzz(func(t *testing.T, s string) {
		_, _, _ = EscapedReplaces(s)
		r, err := ParseReplaces(s)
		if err != nil {
			return
		}
		if again, err := ParseReplaces(r.String()); err != nil || again != r {
			t.Errorf("%q is read as %+v, written %q, and read as %+v: %v", s, r, r, again, err)
		}
	})
}
