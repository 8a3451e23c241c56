package score

import (
	"strings"
	"testing"
	"time"
)

var (
	start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	rules = Rules{MOS: 3.6, ASR: 40}
)

func hear(s State, n int, mos float64) State {
	for range n {
		s = s.Heard(mos, rules, start)
	}
	return s
}

func try(s State, n int, answered bool) State {
	for range n {
		s = s.Tried(answered, rules)
	}
	return s
}

// TestSound: 10 % of loss and 300 ms (MOS 2.34) on the cheapest of three gateways, 1.0, 1.2 and 1.5 a minute. After 20 calls it is dearer
// than the second; it is cheap again when five trials were clearly good.
func TestSound(t *testing.T) {
	var s State
	for _, c := range []struct {
		calls int
		mos   float64
		bad   bool
	}{
		{19, 2.34, false}, {1, 2.34, true}, // 20 samples
		{4, 4.2, true}, {1, 4.2, false}, // 5 trials
		{14, 3.5, false}, {40, 3.5, true}, // the mean of the last 20 is below 3.6
		{5, 3.65, true}, {20, 3.75, true}, {1, 3.75, true}, {20, 3.85, false}, // above the limit is not beyond it
	} {
		s = hear(s, c.calls, c.mos)
		factor, why := s.Penalty(rules)
		if bad := factor > 1; bad != c.bad || bad != strings.HasPrefix(why, "MOS ") {
			t.Errorf("after %d calls of %.2f: penalty %.2f %q", c.calls, c.mos, factor, why)
		}
	}
	factor, why := hear(State{}, 20, 2.34).Penalty(rules)
	if factor < 1.5 || why != "MOS 2.34, below 3.60" {
		t.Errorf("%.2f %q: still cheaper than 1.5", factor, why)
	}
}

func TestAnswers(t *testing.T) {
	s := try(State{}, 19, false)
	if factor, _ := s.Penalty(rules); factor != 1 {
		t.Error("19 attempts say nothing yet")
	}
	s = try(s, 1, false)
	if factor, why := s.Penalty(rules); factor != worst || why != "ASR 0 %, below 40 %" {
		t.Errorf("%.2f %q", factor, why)
	}
	s = try(try(s, 6, false), 4, true) // 40 % of ten: at the limit is not beyond it
	if factor, why := s.Penalty(rules); factor != least || why != "ASR 40 %, below 40 %" {
		t.Errorf("%.2f %q", factor, why)
	}
	s = try(s, 2, true)
	if factor, _ := s.Penalty(rules); factor != 1 {
		t.Errorf("6 of 12 answered: %.2f", factor)
	}
}

// TestFlutter: a trunk at the limit does not change its mind with each call.
func TestFlutter(t *testing.T) {
	var s State
	changes, was := 0, 1.0
	for i := range 1000 {
		s = s.Heard(3.5+0.2*float64(i%2), rules, start)
		s = s.Tried(i%5 < 2, rules)
		is, _ := s.Penalty(rules)
		if (is > 1) != (was > 1) {
			changes++
		}
		was = is
	}
	if changes > 1 {
		t.Errorf("%d changes in 1000 calls that were all alike", changes)
	}
}

func TestShown(t *testing.T) {
	s := State{}.Heard(2, Rules{}, start).Heard(4, Rules{}, start.Add(4*time.Minute)).Heard(3, Rules{}, start.Add(5*time.Minute))
	if got := s.MOS(start.Add(6 * time.Minute)); got != 3.5 {
		t.Errorf("the last five minutes: %.2f", got)
	}
	if got := s.MOS(start.Add(time.Hour)); got != 0 {
		t.Errorf("an hour later: %.2f", got)
	}
	if _, ok := s.ASR(); ok {
		t.Error("an ASR without attempts")
	}
	if got, ok := s.Tried(true, Rules{}).Tried(false, Rules{}).ASR(); got != 50 || !ok {
		t.Errorf("ASR %d", got)
	}
	if factor, why := hear(State{}, 100, 1).Penalty(Rules{}); factor != 1 || why != "" {
		t.Errorf("nobody asks: %.2f %q", factor, why)
	}
}
