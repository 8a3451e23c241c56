package fraud

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the nights of Berlin, wherever this runs

	"drawbridge/policy/number"
)

func berlin(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func TestWindow(t *testing.T) {
	zone := berlin(t)
	for _, c := range []struct {
		window, at string
		want       bool
	}{
		{"mon-fri 18:00-08:00", "2026-11-20 18:00", true},  // a Friday
		{"mon-fri 18:00-08:00", "2026-11-20 17:59", false}, //
		{"mon-fri 18:00-08:00", "2026-11-20 23:59", true},
		{"mon-fri 18:00-08:00", "2026-11-21 00:00", true}, // its night goes on
		{"mon-fri 18:00-08:00", "2026-11-21 07:59", true},
		{"mon-fri 18:00-08:00", "2026-11-21 08:00", false},
		{"mon-fri 18:00-08:00", "2026-11-21 18:00", false},
		{"mon-fri 18:00-08:00", "2026-11-23 07:00", false}, // Monday morning is Sunday's night
		{"sat,sun", "2026-11-21 00:00", true},
		{"sat,sun", "2026-11-22 23:59", true},
		{"sat,sun", "2026-11-23 00:00", false},
		{"fri-mon 09:00-10:00", "2026-11-22 09:30", true},
		{"fri-mon 09:00-10:00", "2026-11-24 09:30", false},
		{"22:00-24:00", "2026-11-24 23:59", true},
		{"22:00-24:00", "2026-11-25 00:00", false},
		{"00:00-24:00", "2026-11-25 00:00", true},
	} {
		w, err := ParseWindow(c.window)
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.ParseInLocation("2006-01-02 15:04", c.at, zone)
		if err != nil {
			t.Fatal(err)
		}
		if got := w.Contains(at); got != c.want {
			t.Errorf("%s in %s: %v", c.at, c.window, got)
		}
	}
	for _, text := range []string{"", "x", "mon-", "18:00", "18:00-25:00", "18:60-19:00", "18:00-18:00", "24:00-01:00", "mon tue", "mon 18:00-19:00 x", "1:00-2:00", "+1:00-02:00"} {
		if w, err := ParseWindow(text); !errors.Is(err, ErrWindow) {
			t.Errorf("%q: %+v, %v", text, w, err)
		}
	}
}

// The night is as long as people there sleep: 02:30 comes twice when the clocks go back and never when they go forward, and either way the
// night that begins at 22:00 ends at 06:00.
func TestWindowOverClockChanges(t *testing.T) {
	zone := berlin(t)
	w, _ := ParseWindow("22:00-06:00")
	rule := Rule{When: []Window{w}, Zone: zone}
	for _, c := range []struct {
		evening time.Time
		hours   float64
	}{
		{time.Date(2026, 10, 24, 20, 0, 0, 0, zone), 9}, // back
		{time.Date(2026, 3, 28, 20, 0, 0, 0, zone), 7},  // forward
		{time.Date(2026, 11, 20, 20, 0, 0, 0, zone), 8},
	} {
		minutes := 0
		for m := range 16 * 60 {
			if rule.during(c.evening.Add(time.Duration(m) * time.Minute).UTC()) {
				minutes++
			}
		}
		if minutes != int(c.hours*60) {
			t.Errorf("the night of %s has %d minutes, want %v hours", c.evening.Format(time.DateOnly), minutes, c.hours)
		}
	}
}

// A counter goes on over midnight: calls at 23:59 and 00:00 are one burst.
func TestBurstOverMidnight(t *testing.T) {
	w, _ := ParseWindow("22:00-06:00")
	s := newSim(t, Rule{Name: "night", When: []Window{w}, Critical: limits(PerMinute, 3)})
	for i := range 5 {
		s.dial(2*time.Hour-20*time.Second+time.Duration(i)*8*time.Second, call{Attempt: from("alice", "+25261"), rings: time.Second})
	}
	s.run()
	if s.refused != 2 || len(s.alarms) != 1 || s.alarms[0].at.Day() != start.Day()+1 {
		t.Errorf("%d refused: %s", s.refused, s.story())
	}
}

func TestExcept(t *testing.T) {
	s := newSim(t, Rule{Name: "abroad", Except: []string{"49"}})
	for number, want := range map[string]bool{
		"030123456": false, "+4930123456": false, "004930123456": false, "112": false, "100": false, "caroline": false,
		"+33123456": true, "0033123456": true, "+252615551": true, "00252x61555": true, "615551234": true, "*31#0033123456": true,
	} {
		if got := len(s.table.Watches(from("alice", number), start)) > 0; got != want {
			t.Errorf("%s is abroad: %v", number, got)
		}
	}
}

// However a number is written, it is denied and costs what the dearest way to read it does.
func TestNothingHidesADeniedNumber(t *testing.T) {
	plan, _ := number.Lookup("DE")
	table, err := Compile(Config{
		Rules: []Rule{{Name: "premium", Prefixes: []string{"252"}, Deny: true}, {Name: "spend"}, {Name: "abroad", Except: []string{"49"}}},
		Plan:  func(string) number.Plan { return plan },
		Price: func(n string) float64 {
			if strings.HasPrefix(n, "252") {
				return 2
			}
			return 0
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, dialled := range []string{"+25261555123", "+25261555123#", "0025261555123#", "+25261555123*", "+25261555123*1", "+490252615551234", "00490252615551234"} {
		var rules []string
		for _, w := range table.Watches(from("alice", dialled), start) {
			rules = append(rules, w.Rule)
			if w.price == 0 {
				t.Errorf("%s costs nothing by %s", dialled, w.Rule)
			}
		}
		if !slices.Equal(rules, []string{"premium", "spend", "abroad"}) {
			t.Errorf("%s is counted by %q", dialled, rules)
		}
	}
}

// Italian numbers keep their 0 behind the code of the country.
func TestExceptWithoutNationalPrefix(t *testing.T) {
	for country, want := range map[string]map[string]bool{
		"IT": {"+390612345678": false, "0612345678": false, "+390025261555123": true},
		"US": {"+12125551234": false, "+1011252615551234": true},
	} {
		plan, _ := number.Lookup(country)
		table, err := Compile(Config{Rules: []Rule{{Name: "abroad", Except: []string{plan.Code}}}, Plan: func(string) number.Plan { return plan }})
		if err != nil {
			t.Fatal(err)
		}
		for dialled, abroad := range want {
			if got := len(table.Watches(from("alice", dialled), start)) > 0; got != abroad {
				t.Errorf("%s %s is abroad: %t", country, dialled, got)
			}
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	for _, rules := range [][]Rule{
		{{Name: "a"}, {Name: "a"}}, {{Name: "a", Prefixes: []string{"0252"}}}, {{Name: "a", Callers: []string{""}}}, {{Name: "a", Except: []string{"4x"}}},
	} {
		if _, err := Compile(Config{Rules: rules}); !errors.Is(err, ErrRule) {
			t.Errorf("%+v: %v", rules, err)
		}
	}
	if got := (*Table)(nil).Watches(Attempt{}, start); got != nil {
		t.Error("no table watches nothing")
	}
}

// Whatever order attempts, answers and ends come in, nothing stays behind and nothing goes below zero.
func TestCounterIsAlwaysGivenBack(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		table, err := Compile(Config{
			Rules: []Rule{{Name: "r", Critical: limits(PerMinute, 1+random.IntN(20), Concurrent, 1+random.IntN(5), SpendHour, 3), End: random.IntN(2) == 0, Block: time.Duration(random.IntN(3)-1) * time.Minute}},
			Price: func(string) float64 { return 0.7 },
		})
		if err != nil {
			t.Fatal(err)
		}
		var c Counter
		now := start
		up := map[int]*Watch{}
		answered := map[int]bool{}
		for i := range 200 {
			now = now.Add(time.Duration(random.IntN(20)-2) * time.Second) // the clock may go back
			switch random.IntN(4) {
			case 0, 1:
				w := table.Watches(from("alice", "+25261"), now)[0]
				if !c.Try(&w, now).Refuse {
					up[i] = &w
				}
			case 2:
				for k, w := range up {
					if !answered[k] {
						c.Answer(w, now, time.Second)
						answered[k] = true
					} else if v := c.Look(w, now, time.Minute); v.Next < 0 {
						t.Fatalf("look again in %v", v.Next)
					}
					break
				}
			case 3:
				for k, w := range up {
					c.End(w, now, Ending{Answered: answered[k], Cancelled: true})
					delete(up, k)
					break
				}
			}
			if c.open != len(up) {
				t.Fatalf("%d open, want %d", c.open, len(up))
			}
		}
		for k, w := range up {
			c.End(w, now, Ending{Answered: answered[k]})
		}
		if c.open != 0 || c.rate != 0 || !c.Idle(now.Add(31*24*time.Hour)) {
			t.Fatalf("%d open, %f a minute", c.open, c.rate)
		}
	}
}

func FuzzParseWindow(f *testing.F) {
	for _, s := range []string{"mon-fri 18:00-08:00", "sat,sun", "22:00-06:00"} {
		f.Add(s, int64(0))
	}
	f.Fuzz(func(t *testing.T, text string, at int64) {
		w, err := ParseWindow(text)
		if err != nil {
			return
		}
		seen := false
		for m := range 7 * 24 * 60 {
			seen = seen || w.Contains(time.Unix(at%1e9+int64(m)*60, 0).UTC())
		}
		if !seen {
			t.Errorf("%q is never", text)
		}
	})
}

func BenchmarkTry(b *testing.B) {
	table, err := Compile(Config{Rules: recommended()})
	if err != nil {
		b.Fatal(err)
	}
	var c Counter
	now := start
	b.ReportAllocs()
	for b.Loop() {
		for _, w := range table.Watches(from("alice", "004930123456"), now) {
			c.Try(&w, now)
		}
		now = now.Add(time.Second)
	}
}
