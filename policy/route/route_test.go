package route

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func table(t *testing.T) *Table {
	t.Helper()
	tbl, err := Compile(Config{Rows: []Row{
		{From: "access", To: "*", Via: []string{"default"}},
		{From: "access", To: "+49*", Via: []string{"german", "default"}},
		{To: "+4930*", Via: []string{"berlin"}},
		{From: "access", To: "+4930*", Via: []string{"local"}},
		{To: "echo", Via: []string{"lab"}},
	}, Users: func(number string) (string, bool) {
		return map[string]string{"alice": "alice", "+4930100": "alice"}[number], number == "alice" || number == "+4930100"
	}})
	if err != nil {
		t.Fatal(err)
	}
	return tbl
}

func TestCandidates(t *testing.T) {
	tbl := table(t)
	for _, tt := range []struct{ realm, number, want string }{
		{"access", "+12025550100", "default"},
		{"access", "+4989123", "german default"},
		{"access", "+4930200", "local berlin german default"},
		{"carrier", "+4930200", "berlin"},
		{"carrier", "+4989123", ""},
		{"carrier", "echo", "lab"},
		{"access", "ECHO", "lab default"},
		{"access", "+49 30", ""},
		{"access", "+49-30-200", "local berlin german default"},
		{"access", "%2B4930200", "local berlin german default"},
		{"access", "+4930200;phone-context=x", "local berlin german default"},
		{"carrier", "alice", "user:alice"},
		{"carrier", "Alice", "user:alice"},
		{"carrier", "+49(30)100", "user:alice"},
		{"access", "", ""},
		{"access", "%zz", ""},
		{"access", "+49%0d%0a30", ""},
	} {
		var got []string
		for _, c := range tbl.Candidates(Query{Realm: tt.realm, Number: tt.number}) {
			if c.User != "" {
				got = append(got, "user:"+c.User)
			} else {
				got = append(got, c.Trunk)
			}
			if c.Rule == "" {
				t.Errorf("%s %q: a candidate without its rule", tt.realm, tt.number)
			}
		}
		if d := cmp.Diff(tt.want, strings.Join(got, " ")); d != "" {
			t.Errorf("%s %q: %s", tt.realm, tt.number, d)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	for _, tt := range []struct {
		row  Row
		want error
	}{
		{Row{To: "", Via: []string{"a"}}, ErrPattern},
		{Row{To: "+49*30*", Via: []string{"a"}}, ErrPattern},
		{Row{To: "*9", Via: []string{"a"}}, ErrPattern},
		{Row{To: "+49*"}, ErrNoTrunk},
		{Row{To: "+49*", Deck: true}, ErrNoDeck},
		{Row{To: "+49 30*", Via: []string{"a"}}, ErrPattern},
		{Row{To: "+49,30", Via: []string{"a"}}, ErrPattern},
		{Row{To: ";x*", Via: []string{"a"}}, ErrPattern},
	} {
		if _, err := Compile(Config{Rows: []Row{tt.row}}); !errors.Is(err, tt.want) {
			t.Errorf("%+v: %v, want %v", tt.row, err, tt.want)
		}
	}
}

// TestNormal: what is judged is all there is to a number. An escape behind an escape, a second address or a foreign digit would be judged as
// one thing here and dialled as another by the trunk.
func TestNormal(t *testing.T) {
	for in, want := range map[string]string{
		"+49-30.(100)": "+4930100", "%2B4930": "+4930", "Alice": "alice", "*21#": "*21#", "o'brien!": "o'brien!",
		"+4930;npdi;rn=+1900": "+4930", "+4930%3Bnpdi": "+4930",
		"+49%253Bnpdi%253Brn=+1900": "", "%252B49": "", "+49%40evil.example": "", "+49%00": "", "+49%0d%0aVia": "", "+49\u0663": "",
		"+49,900": "", "+49?x": "", "+49%2F%2F900": "", "%": "", "": "",
	} {
		if got := Normal(in); got != want {
			t.Errorf("Normal(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestDialledKeepsCase: two names may differ in case alone on the far side.
func TestDialledKeepsCase(t *testing.T) {
	for in, want := range map[string]string{"%41lice": "Alice", "+49-30": "+4930", "Alice;x=y": "Alice", "a%20b": ""} {
		if got := Dialled(in); got != want {
			t.Errorf("Dialled(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzNormal(f *testing.F) {
	for _, s := range []string{"+49-30.100", "%2B49", "alice", "a%00b", "1;ext=2", "%3Bx", "١٢٣", "+49%253Bnpdi%253Brn=+1900", "+49%40evil.example"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n := Normal(s)
		if strings.ContainsAny(n, "\r\n\x00 ") {
			t.Errorf("Normal(%q) = %q holds a control character or space", s, n)
		}
		if Normal(n) != n {
			t.Errorf("Normal is not stable: %q, %q, %q", s, n, Normal(n))
		}
	})
}

// FuzzCompile states that a pattern which compiles matches what begins with it, and nothing else: only a lone * matches everything.
func FuzzCompile(f *testing.F) {
	for _, s := range [][2]string{{"+49*", "+49-30"}, {"*", "alice"}, {"echo", "ECHO"}, {"+49 30*", "+1900"}, {"%zz*", "bob"}, {";x*", "1"}, {"+4930", "%2B4930"}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, pattern, number string) {
		tbl, err := Compile(Config{Rows: []Row{{To: pattern, Via: []string{"a"}}}})
		if err != nil {
			return
		}
		prefix, wild := strings.CutSuffix(pattern, "*")
		prefix, dialled := Normal(prefix), Normal(number)
		if prefix == "" && pattern != "*" {
			t.Fatalf("%q compiles to a match of everything", pattern)
		}
		want := dialled != "" && (dialled == prefix || wild && strings.HasPrefix(dialled, prefix))
		if got := len(tbl.Candidates(Query{Realm: "access", Number: number})) == 1; got != want {
			t.Errorf("pattern %q, number %q: matched %v, want %v", pattern, number, got, want)
		}
	})
}
