package telemetry

import (
	"encoding/json"
	"testing"
	"unicode/utf8"
)

// TestAppendPlain: what a terminal obeys is escaped, what it shows stays.
func TestAppendPlain(t *testing.T) {
	for in, want := range map[string]string{
		"{\"to\":\"\u009b2J\"}\n": "{\"to\":\"\\u009b2J\"}\n", "\"a\x7fb\"": `"a\u007fb"`, "\"\u202etxt.exe\"": `"\u202etxt.exe"`,
		"\"Zoë 中文 😀 \u00a0\"": "\"Zoë 中文 😀 \u00a0\"", "": "", "\"\u0080\u009f\"": `"\u0080\u009f"`,
	} {
		if got := string(AppendPlain([]byte("x"), []byte(in))); got != "x"+want {
			t.Errorf("%q: %q, want %q", in, got, "x"+want)
		}
	}
	line := []byte(`{"to":"+4930123456","from":"alice"}`)
	if n := testing.AllocsPerRun(100, func() { line = AppendPlain(line[:0], line) }); n != 0 {
		t.Errorf("%v allocations for a plain line", n)
	}
}

// FuzzAppendPlain: a string is the same behind it, and nothing in it acts.
func FuzzAppendPlain(f *testing.F) {
	f.Add("\u009b31m\u202e")
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			return
		}
		line, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		plain := AppendPlain(nil, line)
		var back string
		if err := json.Unmarshal(plain, &back); err != nil || back != s {
			t.Errorf("%q became %q: %v", s, back, err)
		}
		for _, c := range string(plain) {
			if acts(c) {
				t.Errorf("%q has %U", plain, c)
			}
		}
	})
}
