package route

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"drawbridge/policy/number"
)

func compile(t *testing.T, cfg Config) *Table {
	t.Helper()
	tbl, err := Compile(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return tbl
}

func names(all []Candidate) string {
	var out []string
	for _, c := range all {
		out = append(out, c.Trunk+c.User)
	}
	return strings.Join(out, " ")
}

func deck(t *testing.T, rows ...string) *Deck {
	t.Helper()
	d, err := ReadDeck(strings.NewReader("prefix,trunk,price\n" + strings.Join(rows, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestWeights: each trunk of a priority comes first as often as its weight says, and all of them are candidates every time.
func TestWeights(t *testing.T) {
	tbl := compile(t, Config{
		Rows:   []Row{{To: "*", Via: []string{"pool", "last"}}},
		Groups: map[string][]Member{"pool": {{Trunk: "spare", Priority: 2}, {Trunk: "a", Priority: 1, Weight: 70}, {Trunk: "b", Priority: 1, Weight: 20}, {Trunk: "c", Priority: 1, Weight: 10}, {Trunk: "d", Priority: 1}}},
	})
	const calls = 20_000
	first, second := map[string]int{}, map[string]int{}
	for i := range uint64(calls) {
		got := tbl.Candidates(Query{Number: "1", Draw: scramble(i + 1)})
		if len(got) != 6 || got[3].Trunk != "d" || got[4].Trunk != "spare" || got[5].Trunk != "last" {
			t.Fatal(names(got))
		}
		first[got[0].Trunk]++
		if got[0].Trunk == "a" {
			second[got[1].Trunk]++
		}
	}
	for trunk, share := range map[string]float64{"a": .7, "b": .2, "c": .1} {
		if got := float64(first[trunk]) / calls; math.Abs(got-share) > .015 {
			t.Errorf("%s is first in %.3f of the calls, want %.2f", trunk, got, share)
		}
	}
	if got := float64(second["b"]) / float64(first["a"]); math.Abs(got-2./3) > .02 {
		t.Errorf("behind a, b is next in %.3f, want 0.667", got)
	}
}

func TestLeastCost(t *testing.T) {
	prices := deck(t, "49,acme,0.02", "49,best,0.01", "4930,acme,0.005", "1,acme,0.03", "1,far,0.03")
	tbl := compile(t, Config{
		Deck: prices,
		Plan: func(realm string) number.Plan {
			if realm != "some" {
				return number.Plan{}
			}
			p, _ := number.Lookup("DE")
			return p
		},
		Groups: map[string][]Member{"two": {{Trunk: "acme"}, {Trunk: "best", Priority: 1}}},
		Rows: []Row{
			{From: "all", To: "*", Deck: true},
			{From: "some", To: "*", Via: []string{"acme", "other", "best"}, Deck: true},
			{From: "tiers", To: "*", Via: []string{"two"}, Deck: true},
		},
	})
	bad := func(trunk string) Standing {
		return map[string]Standing{"best": {Penalty: 3, Why: "MOS 2.3"}}[trunk]
	}
	for _, c := range []struct {
		realm, number string
		standing      func(string) Standing
		want          string
	}{
		{"all", "+4989", nil, "best acme"},
		{"all", "004989123456", nil, "best acme"}, // the deck knows numbers, however they are dialled
		{"some", "08912345678", nil, "best acme"}, // dialled within the country of its realm
		{"all", "08912345678", nil, ""},
		{"all", "+4930", nil, "acme best"},
		{"all", "+12", nil, "acme far"},
		{"all", "+33", nil, ""},
		{"some", "+4989", nil, "best acme"},
		{"tiers", "+4989", nil, "acme best"},
		{"some", "+4989", bad, "acme best"},
	} {
		if got := names(tbl.Candidates(Query{Realm: c.realm, Number: c.number, Standing: c.standing, Draw: 1})); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.realm, c.number, got, c.want)
		}
	}
}

// TestPenaltyHasTrials: a trunk with a penalty still gets one call in twenty as if it had none, and the group's weights feel the penalty.
func TestPenaltyHasTrials(t *testing.T) {
	tbl := compile(t, Config{
		Groups: map[string][]Member{"g": {{Trunk: "c", Weight: 50}, {Trunk: "d", Weight: 50}}},
		Rows:   []Row{{To: "1*", Via: []string{"a"}, Priority: -1}, {To: "2*", Via: []string{"g"}}, {To: "+3*", Deck: true}},
		Deck:   deck(t, "3,a,1", "3,b,2"),
	})
	standing := func(trunk string) Standing {
		if trunk == "a" || trunk == "c" {
			return Standing{Penalty: 4}
		}
		return Standing{}
	}
	a, c := 0, 0
	const calls = 20_000
	for i := range uint64(calls) {
		q := Query{Number: "+3", Draw: scramble(i + 1), Standing: standing}
		if tbl.Candidates(q)[0].Trunk == "a" {
			a++
		}
		q.Number = "2"
		if tbl.Candidates(q)[0].Trunk == "c" {
			c++
		}
	}
	if share := float64(a) / calls; math.Abs(share-.05) > .005 {
		t.Errorf("a, penalised, is first in %.4f of the calls, want 0.05", share)
	}
	if want := .95*.2 + .05*.5; math.Abs(float64(c)/calls-want) > .015 {
		t.Errorf("c, penalised, is first in %.4f of the calls, want %.3f", float64(c)/calls, want)
	}
}

func TestRowsByPrioritySourceAndHours(t *testing.T) {
	night, err := ParseHours([]string{"22:00-06:00"}, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	tbl := compile(t, Config{Rows: []Row{
		{To: "+4930*", Via: []string{"berlin"}},
		{To: "*", Via: []string{"nightly"}, When: night, Priority: -1},
		{To: "*", Via: []string{"vip"}, Source: []string{"alice", "+4989*"}, Priority: -2},
	}})
	noon, late := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC), time.Date(2026, 1, 2, 23, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		q    Query
		want string
	}{
		{Query{Number: "+4930", At: noon, Peer: "bob"}, "berlin"},
		{Query{Number: "+4930", At: late, Peer: "bob"}, "nightly berlin"},
		{Query{Number: "+4930", At: noon, Peer: "alice"}, "vip berlin"},
		{Query{Number: "+4930", At: noon, Peer: "acme", Caller: "+49-89-1"}, "vip berlin"},
		{Query{Number: "+4930", At: late, Peer: "alice"}, "vip nightly berlin"},
		{Query{Number: "+1", At: noon, Peer: "bob"}, ""},
	} {
		if got := names(tbl.Candidates(c.q)); got != c.want {
			t.Errorf("%+v: %s, want %s", c.q, got, c.want)
		}
	}
}

// TestExplain: every row whose pattern fits and every trunk of it is there, with why it serves or not.
func TestExplain(t *testing.T) {
	tbl := compile(t, Config{
		Deck:   deck(t, "49,acme,0.02", "49,best,0.01"),
		Groups: map[string][]Member{"g": {{Trunk: "acme", Weight: 3}}},
		Rows: []Row{
			{To: "+4930*", Via: []string{"berlin"}, From: "office"}, {To: "+1*", Via: []string{"far"}},
			{To: "+49*", Via: []string{"acme", "none", "best"}, Deck: true}, {To: "*", Via: []string{"g"}},
		},
	})
	standing := func(trunk string) Standing { return map[string]Standing{"best": {Penalty: 1.5, Why: "MOS 3.0"}}[trunk] }
	var got []string
	for _, s := range tbl.Explain(Query{Realm: "access", Number: "+4930", Draw: 1, Standing: standing}) {
		got = append(got, strings.TrimSpace(fmt.Sprintf("%t %s %s%s %.3f x%.1f %s", s.Taken, s.Rule, s.Group, s.Trunk, float64(s.Price)/1e6, s.penalty(), s.Why)))
	}
	want := []string{
		"false route/1 +4930*  0.000 x1.0 not from realm office",
		"true route/3 +49* best 0.010 x1.5 MOS 3.0",
		"true route/3 +49* acme 0.020 x1.0",
		"false route/3 +49* none 0.000 x1.0 no price for the number",
		"false route/4 * gacme 0.020 x1.0 named above",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// A name in source is who has proved it. What a trunk says of its callers is a number at best.
func TestSourceIsNoClaim(t *testing.T) {
	for source, want := range map[string]bool{"alice": false, "pbx-hq": false, "+4930*": true, "customer": true} {
		tab, err := Compile(Config{Rows: []Row{{To: "+*", Via: []string{"carrier"}, Source: []string{source}}}})
		if err != nil {
			t.Fatal(err)
		}
		for _, caller := range []string{"alice", "pbx-hq", "+493012345"} {
			got := len(tab.Candidates(Query{Realm: "public", Number: "+25261555123", Peer: "customer", Caller: caller})) > 0
			if may := want && (source == "customer" || caller == "+493012345"); got != may {
				t.Errorf("source %s: a trunk's caller who says %s is served: %t", source, caller, got)
			}
		}
	}
}
