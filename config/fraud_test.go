package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"drawbridge/policy/fraud"
)

// loaded loads a configuration with files beside it.
func loaded(t *testing.T, text string, files map[string]string) (*Snapshot, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "drawbridge.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(file)
}

func TestFraudRuleAsPolicyTakesIt(t *testing.T) {
	snap, err := loaded(t, `
numbers: {country: de, realms: {access: US}}
rates: rates.csv
fraud:
  - {name: a, prefixes: ["+252"], critical: {per_minute: 6, duration: 10m, spend_hour: 20}, when: ["22:00-06:00"], zone: Europe/Berlin}
  - {name: b, per: caller, except: ["49"], warning: {networks: 1}, block: off, calls: keep}
`, map[string]string{"rates.csv": "prefix,trunk,price\n252,x,0.9\n252,y,1.2\n2526,y,0.1\n"})
	if err != nil {
		t.Fatal(err)
	}
	a, b := snap.Fraud[0].Rule(), snap.Fraud[1].Rule()
	if a.Critical[fraud.PerMinute] != 6 || a.Critical[fraud.Duration] != 600 || a.Block != time.Hour || !a.End || len(a.When) != 1 || a.Zone.String() != "Europe/Berlin" {
		t.Errorf("%+v", a)
	}
	if b.Per != fraud.PerCaller || b.Warning[fraud.Networks] != 1 || b.Block >= 0 || b.End || b.Except[0] != "49" {
		t.Errorf("%+v", b)
	}
	if snap.Numbers.Plan("access").Code != "1" || snap.Numbers.Plan("carrier").Code != "49" {
		t.Error("a realm has the plan of another country")
	}
	if got := snap.Price("25261"); got != 0.9 { // y is cheaper there
		t.Errorf("a minute costs %v", got)
	}
	if got := snap.Price("25271"); got != 1.2 {
		t.Errorf("a minute costs %v", got)
	}
	if got := snap.Price("4930"); got != 0 {
		t.Errorf("what is in no list costs %v", got)
	}
}

func TestFaultsOfRatesHaveTheirLines(t *testing.T) {
	_, err := loaded(t, "rates: rates.csv\n", map[string]string{"rates.csv": "prefix,trunk,price\n252,x,0.9\n2x2,y,1\n"})
	report, ok := errors.AsType[*Report](err)
	if !ok || len(report.Problems) != 1 || !strings.Contains(report.Error(), ":1:8: rates.csv: price list: line 3: prefix") {
		t.Errorf("%v", err)
	}
}

func TestMoneyNeedsPrices(t *testing.T) {
	const rule = "fraud: [{name: dear, critical: {spend_day: 5}}]\n"
	if _, err := loaded(t, rule, nil); err == nil || !strings.Contains(err.Error(), "a limit of money needs rates or a deck") {
		t.Errorf("%v", err)
	}
	if _, err := loaded(t, "rates: r\n"+rule, map[string]string{"r": "prefix,trunk,price\n1,x,1\n"}); err != nil {
		t.Error(err)
	}
}
