package config

import (
	"testing"
	"time"

	"drawbridge/policy/limit"
	"drawbridge/policy/shield"
)

func TestShield(t *testing.T) {
	plain := mustParse(t, "").Shield
	rules := plain.Limits()
	if rules.Classes != shield.Defaults() || rules.MaxSignal != limit.PerSecond(40, 200) || len(plain.Allow) != 2 {
		t.Errorf("defaults: %+v", rules)
	}
	s := mustParse(t, `shield:
  allow: []
  max_signal: off
  period: 5m
  never_block: [198.51.100.0/24]
  rules: {malformed: {minor: 3, deny: 0}, scanner: {period: 1h}}
`).Shield
	rules = s.Limits()
	if len(s.Allow) != 0 || !rules.MaxSignal.None() || len(Prefixes(s.NeverBlock)) != 1 {
		t.Errorf("%+v", s)
	}
	m := rules.Classes[shield.Malformed]
	if m.Minor != 3 || m.Deny != 0 || m.Window != 30*time.Second || m.Period != 5*time.Minute || rules.Classes[shield.Scanner].Period != time.Hour {
		t.Errorf("%+v", m)
	}
	printed, err := mustParse(t, "").Print()
	if err != nil {
		t.Fatal(err)
	}
	if again := mustParse(t, string(printed)).Shield.Limits(); again != plain.Limits() {
		t.Errorf("printed and read again: %+v", again)
	}
}

func TestShieldOfRealm(t *testing.T) {
	c := mustParse(t, `realms:
  access: {media: {udp: 40000}}
  phones: {listen: ["udp:127.0.0.1:5060"], trust: high, shield: {max_signal: 5/s, period: 2m, rules: {malformed: {deny: 3}, scanner: {period: 1h}}}}
  street: {listen: ["udp:127.0.0.1:5061"], trust: none, media: {ports: 30000-30999}}
shield: {rules: {malformed: {minor: 2, deny: 9}}}
`)
	if got := c.Shield.In(c.Realms["access"]); got != c.Shield.Limits() {
		t.Errorf("without settings of its own: %+v", got)
	}
	got := c.Shield.In(c.Realms["phones"])
	m := got.Classes[shield.Malformed]
	if m.Minor != 2 || m.Deny != 3 || m.Period != 2*time.Minute || got.Classes[shield.Scanner].Period != time.Hour ||
		got.MaxSignal != limit.PerSecond(5, 25) || !got.Spare || got.Strict {
		t.Errorf("%+v", got)
	}
	if got := c.Shield.In(c.Realms["street"]); got.Spare || !got.Strict {
		t.Errorf("trust none: %+v", got)
	}
}
