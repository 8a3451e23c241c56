package fraud

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// dearRule is what docs/fraud.md proposes for destinations that nobody calls by accident.
func dearRule() Rule {
	return Rule{
		Name: "dear", Prefixes: []string{"+252", "88213", "960", "216"}, End: true,
		Warning:  limits(PerMinute, 3, SpendHour, 10),
		Critical: limits(PerMinute, 6, Concurrent, 2, PerDay, 20, Sequential, 8, Duration, 600, SpendHour, 20),
	}
}

// recommended are the rules of docs/fraud.md for an office in Germany.
func recommended() []Rule {
	night, _ := ParseWindow("22:00-06:00")
	weekend, _ := ParseWindow("sat,sun")
	return []Rule{
		dearRule(),
		{
			Name: "abroad", Except: []string{"49"}, End: true,
			Warning:  limits(PerHour, 20, SpendHour, 15),
			Critical: limits(PerHour, 40, Concurrent, 6, SpendHour, 30, SpendDay, 60),
		},
		{
			Name: "abroad-closed", Except: []string{"49"}, When: []Window{night, weekend},
			Critical: limits(PerHour, 6, Concurrent, 2), End: true,
		},
		{Name: "pumped", Per: PerTrunk, Prefixes: dearRule().Prefixes, Critical: limits(Quick, 10), Block: -1},
		{Name: "networks", Critical: limits(Networks, 3), Warning: limits(Networks, 1), Block: -1, Accounts: []string{"alice"}},
	}
}

func limits(pairs ...any) (l Limits) {
	for i := 0; i < len(pairs); i += 2 {
		switch v := pairs[i+1].(type) {
		case int:
			l[pairs[i].(Kind)] = float64(v)
		case float64:
			l[pairs[i].(Kind)] = v
		}
	}
	return l
}

func from(account, number string) Attempt {
	return Attempt{Realm: "access", Account: account, Caller: account, Number: number}
}

// The acceptance of SEC-12: a warning at the fourth, a critical alarm at the seventh call within a minute, and that account blocked for
// an hour, for that prefix alone.
func TestSevenCallsInAMinute(t *testing.T) {
	s := newSim(t, Rule{Name: "somalia", Prefixes: []string{"+252"}, Warning: limits(PerMinute, 3), Critical: limits(PerMinute, 6)})
	for i := range 8 {
		s.dial(time.Duration(i)*8*time.Second, call{Attempt: from("alice", "+25261555"), rings: time.Second})
	}
	allowed := func(when time.Duration, account, number string, want bool) {
		s.at(when, func() {
			before := s.refused
			s.try(call{Attempt: from(account, number), rings: time.Second})
			if got := s.refused == before; got != want {
				t.Errorf("after %v %s to %s: allowed %v, want %v", when, account, number, got, want)
			}
		})
	}
	allowed(65*time.Second, "alice", "0025261999", false)
	allowed(66*time.Second, "alice", "+4930123456", true)
	allowed(67*time.Second, "bob", "+25261555", true)
	allowed(48*time.Second+time.Hour-2*time.Second, "alice", "tel:+252-61-555", false)
	allowed(48*time.Second+time.Hour+time.Second, "alice", "+25261555", true)
	s.run()
	if len(s.alarms) != 2 {
		t.Fatalf("want one warning and one critical alarm: %s", s.story())
	}
	w, c := s.alarms[0], s.alarms[1]
	if w.Level != Warning || w.Value != 4 || w.at != start.Add(24*time.Second) || c.Level != Critical || c.Value != 7 || c.at != start.Add(48*time.Second) {
		t.Error(s.story())
	}
}

// The other half: a call beyond 600 s is ended within 2 s, and one that costs too much.
func TestLongCallIsEnded(t *testing.T) {
	s := newSim(t, Rule{Name: "somalia", Prefixes: []string{"252"}, Critical: limits(Duration, 600), End: true})
	s.dial(0, call{Attempt: from("alice", "+25261555"), rings: time.Second, talks: time.Hour})
	s.run()
	if s.minutes < 598.0/60 || s.minutes > 602.0/60 || s.ended != 1 {
		t.Errorf("ended after %.3f minutes: %s", s.minutes, s.story())
	}
	s = newSim(t, Rule{Name: "somalia", Prefixes: []string{"252"}, Critical: limits(SpendHour, 20), End: true})
	for i := range 30 { // 30 lines at 0.95 a minute each
		s.dial(time.Duration(i)*time.Second, call{Attempt: from("alice", fmt.Sprint("+25261555", i)), rings: time.Second, talks: 3 * time.Hour})
	}
	s.run()
	if s.ended != 30 || s.money < 20 || s.money > 20+30*0.95*lookMost.Minutes() {
		t.Errorf("%d ended, %.2f lost: %s", s.ended, s.money, s.story())
	}
	s = newSim(t, Rule{Name: "kept", Prefixes: []string{"252"}, Critical: limits(SpendHour, 20, Duration, 600)})
	s.dial(0, call{Attempt: from("alice", "+25261555"), rings: time.Second, talks: time.Hour})
	s.run()
	if s.ended != 0 || len(s.alarms) != 2 {
		t.Errorf("a rule without End has ended %d: %s", s.ended, s.story())
	}
}

// F1: a night burst, 100 calls to 3 prefixes.
func TestF1NightBurst(t *testing.T) {
	s := newSim(t, recommended()...)
	for i := range 100 {
		number := []string{"+25261", "0088213", "+96079"}[i%3] + fmt.Sprint(1000+i)
		s.dial(time.Duration(i)*6*time.Second, call{Attempt: from("alice", number), rings: 3 * time.Second, talks: 30 * time.Minute})
	}
	s.run()
	s.report()
	s.expect("critical concurrent")
	if s.trouble.calls > 4 || s.up > 6 || s.money > 60 {
		t.Errorf("found at %v, lost %d calls and %.2f EUR: %s", s.trouble, s.up, s.money, s.story())
	}
}

// F2: a slow drip, one call of 59 minutes each 10 minutes, all day.
func TestF2SlowDrip(t *testing.T) {
	s := newSim(t, recommended()...)
	for i := range 144 {
		s.dial(time.Duration(i)*10*time.Minute, call{Attempt: from("alice", fmt.Sprint("+25261555", i%7)), rings: 3 * time.Second, talks: 59 * time.Minute})
	}
	s.run()
	s.report()
	s.expect("critical duration")
	if s.trouble.money > 10 || s.money > 24*20 {
		t.Errorf("found %v, lost %.2f EUR: %s", s.trouble, s.money, s.story())
	}
	// Where no rule knows the prefix, the money of the day tells.
	s = newSim(t, recommended()...)
	for i := range 144 {
		s.dial(time.Duration(i)*10*time.Minute, call{Attempt: from("alice", fmt.Sprint("+4470555", i)), rings: 3 * time.Second, talks: 59 * time.Minute})
	}
	s.run()
	s.report()
	if s.trouble == nil || s.trouble.money > 62 {
		t.Errorf("found %v: %s", s.trouble, s.story())
	}
}

// F3: sequential calls to one number.
func TestF3Sequential(t *testing.T) {
	s := newSim(t, dearRule())
	for i := range 50 {
		s.dial(time.Duration(i)*2*time.Minute, call{Attempt: from("alice", "+96079000"), rings: 2 * time.Second, talks: 90 * time.Second})
	}
	s.run()
	s.report()
	s.expect("critical sequential")
	if s.trouble.calls != 9 {
		t.Errorf("found %v: %s", s.trouble, s.story())
	}
}

// F4: forward pumping: the number called is harmless, those of 302, REFER and Diversion are not.
func TestF4ForwardPumping(t *testing.T) {
	s := newSim(t, recommended()...)
	for i := range 60 {
		s.dial(time.Duration(i)*10*time.Second, call{
			Attempt: from("alice", "+4930123456"), extra: []string{fmt.Sprint("+25261777", i)}, rings: time.Second, talks: 20 * time.Minute,
		})
	}
	s.run()
	s.report()
	s.expect("critical concurrent")
	if s.trouble.calls > 3 || s.up > 2 {
		t.Errorf("found %v, %d up: %s", s.trouble, s.up, s.story())
	}
}

// F5: a stolen credential in another network while the owner uses it. Which country that is nobody tells us.
func TestF5SecondNetwork(t *testing.T) {
	s := newSim(t, recommended()...)
	for i := range 5 {
		a := from("alice", "+4930123456")
		a.Network = "192.0.2.0/24"
		if i > 2 {
			a.Network = "203.0.113.0/24"
		}
		s.dial(time.Duration(i)*5*time.Minute, call{Attempt: a, rings: 5 * time.Second, talks: 2 * time.Minute})
	}
	s.run()
	s.report()
	s.expect("warning networks")
	if s.refused != 0 || len(s.alarms) != 1 || s.alarms[0].at != start.Add(15*time.Minute) {
		t.Errorf("want one warning at the first foreign call: %s", s.story())
	}
}

// F6: Wangiri: bursts of one ring from abroad, so that somebody calls back.
func TestF6Wangiri(t *testing.T) {
	s := newSim(t, append(recommended(), Rule{Name: "wangiri", Accounts: []string{"acme"}, Callers: []string{"252", "216"}, Critical: limits(Unanswered, 20)})...)
	for i := range 300 {
		a := Attempt{Realm: "carrier", Account: "acme", Trunk: true, Caller: fmt.Sprint("+25290", 100+i), Number: fmt.Sprint("+49301234", i)}
		s.dial(time.Duration(i)*2*time.Second, call{Attempt: a, rings: 2 * time.Second})
	}
	s.run()
	s.report()
	s.expect("critical unanswered")
	if s.tried-s.refused > 23 {
		t.Errorf("%d phones rang: %s", s.tried-s.refused, s.story())
	}
}

// F7: a domestic number calls in over the trunk from abroad.
func TestF7DomesticCallerFromAbroad(t *testing.T) {
	rule := Rule{Name: "own-number-from-abroad", Accounts: []string{"world"}, Callers: []string{"49"}, Deny: true}
	s := newSim(t, rule)
	for i, caller := range []string{"+4930111", "004930222", "030333", "+33123", "0033456"} {
		a := Attempt{Realm: "carrier", Account: "world", Trunk: true, Caller: caller, Number: "+4930999"}
		s.dial(time.Duration(i)*time.Minute, call{Attempt: a, rings: 3 * time.Second, talks: time.Minute})
	}
	s.run()
	s.report()
	if s.refused != 3 || s.up != 2 {
		t.Errorf("%d refused, %d up: %s", s.refused, s.up, s.story())
	}
}

// F8: a SIM box: one calling number of a trunk that calls all day, one number after the other.
func TestF8SIMBox(t *testing.T) {
	s := newSim(t, Rule{Name: "simbox", Accounts: []string{"acme"}, Per: PerCaller, Warning: limits(PerHour, 20), Critical: limits(PerHour, 40)})
	for i := range 200 {
		a := Attempt{Realm: "carrier", Account: "acme", Trunk: true, Caller: "+49151234567", Number: fmt.Sprint("+4930", 10000+i*37)}
		s.dial(time.Duration(i)*70*time.Second, call{Attempt: a, rings: 5 * time.Second, talks: 60 * time.Second})
		b := Attempt{Realm: "carrier", Account: "acme", Trunk: true, Caller: fmt.Sprint("+4915199", i), Number: "+4930555"}
		s.dial(time.Duration(i)*70*time.Second, call{Attempt: b, rings: 5 * time.Second, talks: 60 * time.Second})
	}
	s.run()
	s.report()
	s.expect("warning per_hour", "critical per_hour")
	if s.trouble.after > time.Hour {
		t.Errorf("found %v: %s", s.trouble, s.story())
	}
	for _, a := range s.alarms {
		if a.account != "acme" {
			t.Error(s.story())
		}
	}
}

// F9: false answer: a trunk says 200 within a second of the INVITE.
func TestF9FalseAnswer(t *testing.T) {
	s := newSim(t, Rule{Name: "pumped", Per: PerTrunk, Warning: limits(Quick, 5), Critical: limits(Quick, 10), Block: -1})
	for i := range 40 {
		rings := 300 * time.Millisecond
		trunk := "cheap"
		if i%2 == 0 {
			rings, trunk = 4*time.Second, "good"
		}
		s.dial(time.Duration(i)*20*time.Second, call{Attempt: from(fmt.Sprint("user", i), "+4930123"), rings: rings, talks: time.Minute, trunk: trunk})
	}
	s.run()
	s.report()
	s.expect("warning quick", "critical quick")
	if s.refused != 0 || s.ended != 0 {
		t.Errorf("%d refused, %d ended", s.refused, s.ended)
	}
	for _, a := range s.alarms {
		if a.account != "cheap" {
			t.Error(s.story())
		}
	}
}

// F10: a widget's token used again and again: it is one account, so what it may do at a time and in an hour holds. That one token is used by
// two browsers is the widget's own to see.
func TestF10WidgetToken(t *testing.T) {
	s := newSim(t, Rule{Name: "widget", Accounts: []string{"widget"}, Critical: limits(PerHour, 10, Concurrent, 1, Duration, 900), End: true})
	for i := range 30 {
		s.dial(time.Duration(i)*20*time.Second, call{Attempt: from("widget", "+4930123"), rings: 2 * time.Second, talks: 10 * time.Minute})
	}
	s.run()
	s.report()
	s.expect("critical concurrent")
	if s.up != 1 {
		t.Errorf("%d up: %s", s.up, s.story())
	}
}

// A week of an office with 2 000 phones (requirements.md, appendices A and B) raises no alarm.
func TestNormalWeek(t *testing.T) {
	if testing.Short() {
		t.Skip("half a million calls")
	}
	random := rand.New(rand.NewPCG(7, 2026))
	s := newSim(t, recommended()...)
	monday := time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC).Sub(start)
	const phones = 2000
	for day := range 7 {
		for hour := range 24 {
			for range poisson(random, phones*4*busy(day, hour)) {
				when := monday + time.Duration(day*24+hour)*time.Hour + time.Duration(random.Int64N(int64(time.Hour)))
				s.dial(when, normalCall(random, fmt.Sprint("user", random.IntN(phones))))
			}
		}
	}
	s.run()
	t.Logf("%d calls, %d up, %.0f minutes, %.2f EUR, %d alarms%s", s.tried, s.up, s.minutes, s.money, len(s.alarms), s.story())
	if s.tried < 200_000 || len(s.alarms) > 0 || s.refused > 0 || s.ended > 0 {
		t.Errorf("%d calls: %d alarms, %d refused, %d ended: %s", s.tried, len(s.alarms), s.refused, s.ended, s.story())
	}
}

// busy is the share of the busy hour that an hour of the week has.
func busy(day, hour int) float64 {
	if day > 4 || hour < 6 || hour > 20 {
		return 0.02
	}
	return []float64{0.1, 0.3, 0.7, 1, 1, 0.9, 0.6, 0.8, 1, 0.9, 0.7, 0.4, 0.2, 0.1, 0.05}[hour-6]
}

func poisson(random *rand.Rand, mean float64) int {
	return max(0, int(math.Round(mean+math.Sqrt(mean)*random.NormFloat64())))
}

// normalCall is one attempt of the mix of appendix B: of a hundred 30 are unanswered, 15 busy or unknown, the others last as long as there.
func normalCall(random *rand.Rand, account string) call {
	number := fmt.Sprint("0", 30+random.IntN(900), 100000+random.IntN(900000))
	switch p := random.Float64(); {
	case p < 0.0002:
		number = fmt.Sprint("+25261", 10000+random.IntN(90000))
	case p < 0.01:
		number = fmt.Sprint("001212", 1000000+random.IntN(9000000))
	case p < 0.06:
		number = fmt.Sprint("+331", 10000000+random.IntN(90000000))
	case p < 0.07:
		number = "112"
	}
	c := call{Attempt: from(account, number), rings: time.Duration((3 + 12*random.Float64()) * float64(time.Second)), trunk: "acme"}
	c.Network = fmt.Sprint("10.0.", account)
	switch p := random.Float64(); {
	case p < 0.30:
		c.rings = 20 * time.Second
	case p < 0.45:
		c.rings, c.ringed = 2*time.Second, true
	default:
		c.talks = time.Duration(math.Exp(4.248+1.374*random.NormFloat64()) * float64(time.Second))
		if number[:3] == "+25" { // nobody chats at that price
			c.talks = min(c.talks, 9*time.Minute)
		}
	}
	return c
}
