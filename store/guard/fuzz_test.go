package guard

import (
	"encoding/json"
	"net/netip"
	"testing"

	"drawbridge/policy/shield"
)

// FuzzEntry: whatever the API or the file brings either is no entry or comes out as it went in, and never denies a trunk.
func FuzzEntry(f *testing.F) {
	for _, seed := range []string{
		`{"list":"deny","kind":"source","value":"198.51.100.0/24","until":"2030-01-01T00:00:00Z"}`, `{"list":"allow","kind":"agent","value":"Zoiper*"}`,
		`{"list":"deny","kind":"called","value":"00900*"}`, `{"list":"deny","kind":"source","value":"::ffff:192.0.2.1"}`, `[]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		g, err := New(Config{
			Settings: Settings{Rules: shield.Rules{Classes: shield.Defaults()}}, Trunks: func() []netip.Prefix { return []netip.Prefix{trunk} },
		})
		if err != nil {
			t.Fatal(err)
		}
		e := new(Entry)
		if json.Unmarshal(text, e) != nil || g.Add(e, false) != nil {
			return
		}
		if g.Denied("", trunk.Addr()) {
			t.Fatalf("%s denies a trunk", text)
		}
		out, err := json.Marshal(e)
		if err != nil {
			t.Skip("a time beyond the years of JSON")
		}
		again := new(Entry)
		if err := json.Unmarshal(out, again); err != nil {
			t.Fatal(err)
		}
		if err := g.Add(again, false); err != nil || again.Value != e.Value || again.Kind != e.Kind || again.Allow != e.Allow {
			t.Fatalf("%s: %v", out, err)
		}
	})
}
