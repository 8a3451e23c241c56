package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const wrongRules = `rules:
  a:
    - {do: remove, of: Via}
    - {do: add, of: X-A, to: "1\r\nX-B: 2"}
    - do: set
      of: X-A
      to: ${num}
      when:
        - {of: From.user, match: "("}
  b: [{do: use, to: b}]
`

func TestRulesAreRefusedWhereTheyStand(t *testing.T) {
	file := filepath.Join(t.TempDir(), "r.yaml")
	if err := os.WriteFile(file, []byte(wrongRules), 0o600); err != nil {
		t.Fatal(err)
	}
	_, whole := Parse("F", []byte(wrongRules), nil)
	_, alone := LoadRules(file)
	for _, want := range []string{":3:24: of: no rule touches", ":4:30: to: a line break", ":7:11: to: there is no such group", ":9:34: match: the pattern", ":10:21: to: sets use each other"} {
		if whole == nil || !strings.Contains(whole.Error(), "F"+want) {
			t.Errorf("configuration: %v lacks %s", whole, want)
		}
		if alone == nil || !strings.Contains(alone.Error(), want) {
			t.Errorf("rules alone: %v lacks %s", alone, want)
		}
	}
}

func TestRulesOfAConfiguration(t *testing.T) {
	snap, err := Parse("F", []byte("rules: {a: [{do: remove, of: X-A}, {do: use, to: b}], b: [{do: remove, of: X-B}]}\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if c, ok := snap.RuleBook().Chain("a"); !ok || c.Len() != 2 {
		t.Errorf("%d rules", c.Len())
	}
	_, err = Parse("F", []byte("rules: {a: [{do: remove, off: X-A}, {do: remove, of: X-A, realm: moon}]}\n"), nil)
	for _, want := range []string{"unknown field off, did you mean of?", `there is no realm "moon"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %s", err, want)
		}
	}
	if _, err := parseRules("F", []byte("web: {}\n")); !errors.Is(err, ErrNoRules) {
		t.Error(err)
	}
}

const usedRules = `realms:
  access: {media: {udp: 0}}
  carrier:
    listen: [udp:192.0.2.1:5060]
    rules: {in: [a], out: [a, b]}
trunks:
  acme:
    realm: carrier
    targets: [sip:192.0.2.9]
    rules: {out: [b%s]}
rules: {a: [{do: remove, of: X-A}], b: [{do: remove, of: X-B}, {do: remove, of: X-C}]}
`

func TestRulesOfASide(t *testing.T) {
	snap, err := Parse("F", fmt.Appendf(nil, usedRules, ""), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		use     RuleUse
		in, out int
	}{{snap.Realms["carrier"].Rules, 1, 3}, {snap.Trunks["acme"].Rules, 0, 2}, {snap.Realms["access"].Rules, 0, 0}} {
		if in, out := snap.RulesOf(c.use); in.Len() != c.in || out.Len() != c.out {
			t.Errorf("%v: %d rules in, %d out", c.use, in.Len(), out.Len())
		}
	}
	_, err = Parse("F", fmt.Appendf(nil, usedRules, ", c"), nil)
	if want := `F:10:22: trunks.acme.rules.out[1]: there is no set of rules "c"; there are a, b`; err == nil || !strings.Contains(err.Error(), `:10:`) || !strings.Contains(err.Error(), want[strings.Index(want, "there"):]) {
		t.Errorf("%v lacks %s", err, want)
	}
}
