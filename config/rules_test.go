package config

import (
	"errors"
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
