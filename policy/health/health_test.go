package health

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// play takes a target through words: "+" and "-" are a good and a bad OPTIONS, "b" a busy one; "g" and "f" a good and a failed call, "t" a
// call that tries; "10s" passes. It returns "up" or "down" after each, and whether a call may go there at the end.
func play(t *testing.T, r Rules, script string) (trace string, fit bool) {
	t.Helper()
	var s State
	now := start
	var out []string
	for word := range strings.FieldsSeq(script) {
		switch word {
		case "+":
			s = s.Probed(Good, r, now)
		case "-":
			s = s.Probed(Bad, r, now)
		case "b":
			s = s.Probed(Busy, r, now)
		case "g":
			s = s.Called(Good, r, now)
		case "f":
			s = s.Called(Bad, r, now)
		case "503":
			s = s.Called(Busy, r, now)
		case "t":
			s = s.Try(r, now)
		default:
			d, err := time.ParseDuration(word)
			if err != nil {
				t.Fatal(err)
			}
			now = now.Add(d)
			continue
		}
		if down, _ := s.Down(); down {
			out = append(out, "D")
		} else {
			out = append(out, "U")
		}
	}
	return strings.Join(out, ""), s.Fit(r, now)
}

func TestHealth(t *testing.T) {
	probed := Rules{On: true, Probed: true, Down: 3, Up: 2, Failing: 50, Hold: 30 * time.Second}
	called := probed
	called.Probed = false
	flap := strings.Repeat("- - - + + ", 1)
	for _, c := range []struct {
		name, script string
		rules        Rules
		want         string
		fit          bool
	}{
		{"three misses in a row", "- - 10s - ", probed, "UUD", false},
		{"a good one between", "- - + - -", probed, "UUUUU", true},
		{"busy is no miss", "- - b - -", probed, "UUUUU", true},
		{"back after two good ones", "- - - + +", probed, "UUDDU", true},
		{"two good ones in a row", "- - - + - + b + +", probed, "UUDDDDDDU", true},
		{"time alone brings nothing back", "- - - 24h", probed, "UUD", false},
		{"calls count too", "f - f", probed, "UUD", false},
		{"a good call does not bring back what OPTIONS watch", "- - - g g g", probed, "UUDDDD", false},
		{"flapping: the second time it stays down for 30 s", flap + "10s - - - 10s + + 10s + 10s +", probed, "UUDDU" + "UUD" + "DD" + "D" + "U", true},
		{"flapping: the third time for a minute", flap + "- - - 30s + + - - - 40s + + 21s +", probed, "UUDDU" + "UUDDU" + "UUD" + "DD" + "U", true},
		{"calm is forgotten", flap + "10m - - - + +", probed, "UUDDU" + "UUDDU", true},
		{"calls that fail between good ones", "g f g f g f g f g f", probed, "UUUUUUUUUD", false},
		{"under half of them fail", "g g g f g g f g g f g g f", probed, "UUUUUUUUUUUUU", true},
		{"a few say nothing of a share", "f g f g f f", probed, "UUUUUU", true},
		{"503 is no failure", "503 503 503 503", called, "UUUU", true},

		{"without OPTIONS: out for the hold", "f f f 29s", called, "UUD", false},
		{"then a trial", "f f f 30s", called, "UUD", true},
		{"one at a time", "f f f 30s t 1s", called, "UUDD", false},
		{"a good one", "f f f 30s t 3s g", called, "UUDDU", true},
		{"a bad one: out for longer", "f f f 30s t 3s f 59s", called, "UUDDD", false},
		{"and again", "f f f 30s t 3s f 60s", called, "UUDDD", true},
		{"a trial that nobody judged", "f f f 30s t 30s", called, "UUDD", true},
		{"calls that were under way make it no longer", "f f f 1s f f 29s", called, "UUDDD", true},
		{"off", "- - - - f f f f", Rules{Down: 3, Up: 2}, "UUDDDDDD", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, fit := play(t, c.rules, c.script)
			if got != c.want || fit != c.fit {
				t.Errorf("%s, fit %t; want %s, %t", got, fit, c.want, c.fit)
			}
		})
	}
}

// TestLongestHold: whatever happens, a target is tried again within ten minutes.
func TestLongestHold(t *testing.T) {
	r := Rules{On: true, Down: 1, Up: 1, Hold: 30 * time.Second}
	var s State
	now := start
	for range 1000 {
		s = s.Called(Bad, r, now)
		if !s.Fit(r, now.Add(longest)) {
			t.Fatal("out for longer than", longest)
		}
		now = now.Add(longest)
	}
	if s.Fit(r, now.Add(-time.Second)) {
		t.Error("a target that never works is let in early")
	}
}

// TestAlwaysComesBack: whatever has happened to a target, it is in service again when it has answered for half an hour, and out of service
// when it has said nothing for as long.
func TestAlwaysComesBack(t *testing.T) {
	for seed := range uint64(500) {
		random := rand.New(rand.NewPCG(seed, 1))
		r := Rules{On: true, Probed: seed%2 == 0, Down: 1 + random.IntN(5), Up: 1 + random.IntN(5), Failing: 50, Hold: time.Duration(1+random.IntN(60)) * time.Second}
		s, now := State{}, start
		step := func(f Fate) {
			now = now.Add(10 * time.Second)
			if r.Probed {
				s = s.Probed(f, r, now)
			}
			if s.Fit(r, now) && random.IntN(2) == 0 {
				s = s.Try(r, now).Called(f, r, now)
			}
		}
		for range random.IntN(300) {
			step(Fate(random.IntN(3)))
		}
		for _, c := range []struct {
			fate Fate
			down bool
		}{{Good, false}, {Bad, true}, {Good, false}} {
			for range 180 {
				step(c.fate)
			}
			if down, _ := s.Down(); down != c.down {
				t.Fatalf("seed %d: down is %t after half an hour of %d: %+v", seed, down, c.fate, s)
			}
		}
	}
}
