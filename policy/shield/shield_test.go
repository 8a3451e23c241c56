package shield

import (
	"testing"
	"time"

	"drawbridge/policy/limit"
)

func rules() *Rules {
	r := limit.PerSecond(40, 200)
	return &Rules{Classes: Defaults(), MaxSignal: r}
}

const second = int64(time.Second)

var parse = Offence{Malformed, "malformed-parse-error"}

// The example of SEC-03: 26 malformed messages in 30 s are one minor alarm at the 15th and one ban at the 25th.
func TestAlarmThenBan(t *testing.T) {
	var s Record
	var alarms, bans []int
	for i := 1; i <= 26; i++ {
		v := s.Offend(rules(), parse, int64(i)*second, false)
		if v.Alarm != None {
			alarms = append(alarms, v.Count)
			if v.Alarm != Minor {
				t.Errorf("alarm %s, want minor", v.Alarm)
			}
		}
		if v.Deny > 0 {
			bans = append(bans, i)
			if v.Deny != time.Minute {
				t.Errorf("banned for %s", v.Deny)
			}
		}
	}
	if len(alarms) != 1 || alarms[0] != 15 || len(bans) != 1 || bans[0] != 25 {
		t.Errorf("alarms at %v, want [15]; bans at %v, want [25]", alarms, bans)
	}
}

// Fewer than the threshold in any window are nothing, however long it goes on.
func TestSlowOffencesAreForgiven(t *testing.T) {
	var s Record
	for i := range 2000 {
		if v := s.Offend(rules(), parse, int64(i+1)*3*second, false); v.Deny > 0 || v.Alarm != None {
			t.Fatalf("offence %d of ten in 30 s: %+v", i, v)
		}
	}
}

// A burst across the border of two windows counts as one.
func TestWindowSlides(t *testing.T) {
	var s Record
	r := rules()
	at := func(sec, n int) (banned bool) {
		for range n {
			banned = s.Offend(r, parse, int64(sec)*second, false).Deny > 0 || banned
		}
		return banned
	}
	if at(1, 1) || at(30, 13) {
		t.Fatal("banned too early")
	}
	if !at(32, 13) {
		t.Error("26 offences within 3 s are no ban")
	}
}

func TestSparedSourceIsAWorseAlarm(t *testing.T) {
	var s Record
	var got []Severity
	for i := range 60 {
		v := s.Offend(rules(), parse, int64(i+1)*second/10, true)
		if v.Deny > 0 {
			t.Fatal("banned")
		}
		if v.Alarm != None {
			got = append(got, v.Alarm)
		}
	}
	if len(got) != 2 || got[0] != Minor || got[1] != Major {
		t.Errorf("alarms %v, want minor, then major", got)
	}
}

// What trust means: from a side with none a login is no excuse, from one with high nobody is banned.
func TestRulesByTrust(t *testing.T) {
	ban := func(r *Rules, login bool) (at int, worst Severity) {
		var s Record
		if login {
			s.Prove(second)
		}
		for i := 1; i <= 300; i++ {
			v := s.Offend(r, parse, 2*second+int64(i), false)
			worst = max(worst, v.Alarm)
			if v.Deny > 0 {
				return i, worst
			}
		}
		return 0, worst
	}
	plain, strict, spare := rules(), rules(), rules()
	strict.Strict, spare.Spare = true, true
	for _, tc := range []struct {
		name  string
		r     *Rules
		login bool
		at    int
		worst Severity
	}{
		{"stranger", plain, false, 25, Minor}, {"login", plain, true, 250, Minor},
		{"login, no trust", strict, true, 25, Minor},
		{"stranger, high trust", spare, false, 0, Major}, {"login, high trust", spare, true, 0, Major},
	} {
		if at, worst := ban(tc.r, tc.login); at != tc.at || worst != tc.worst {
			t.Errorf("%s: banned at %d, worst alarm %q; want %d, %q", tc.name, at, worst, tc.at, tc.worst)
		}
	}
	var s Record
	for range 100 {
		s.Offend(spare, Unheeded, second, false)
	}
	if owes, _ := s.Owing(spare, second, false); owes {
		t.Error("a source that is spared is not heard")
	}
	alarms := 0
	for i := range 20_000 {
		if drop, offence := s.Excess(spare, second+int64(i)); drop != offence {
			t.Fatal("dropped without an alarm, or the other way round")
		} else if drop {
			alarms++
		}
	}
	if alarms != 18_000 {
		t.Errorf("%d of 20000 at once are too many, want 18000", alarms)
	}
}

// An office of 150 phones registers again after an outage: their first requests come at once, and again after half a second what has not
// been answered.
func TestOfficeComesBack(t *testing.T) {
	var s Record
	challenge, bad, _ := Answer("REGISTER", 401)
	_, _, good := Answer("REGISTER", 200)
	if !bad || !good {
		t.Fatal("a challenge is no offence, or a registration no proof")
	}
	start, waiting := second, 150
	for _, round := range []int64{0, second / 2, 3 * second / 2} {
		challenged, now := 0, start+round
		for range waiting {
			now += second / 1000
			if owes, _ := s.Owing(rules(), now, false); owes {
				continue
			}
			if v := s.Offend(rules(), challenge, now, false); v.Deny > 0 {
				t.Fatal("banned")
			}
			challenged++
		}
		for range challenged {
			now += second / 1000
			if owes, _ := s.Owing(rules(), now, true); owes {
				t.Fatal("an answer to a challenge is not heard")
			}
			s.Prove(now)
		}
		waiting -= challenged
	}
	if waiting > 0 {
		t.Errorf("%d phones have not been heard", waiting)
	}
	if v := s.Offend(rules(), challenge, start+5*second, false); v.Deny > 0 || v.Count > 1 {
		t.Errorf("%+v after all have answered", v)
	}
}

// Whoever tries out names as fast as it can hears no more of them than one that takes its time: the grace is not an open door.
func TestNamesTriedOutAtOnce(t *testing.T) {
	for _, tc := range []struct {
		name    string
		pause   int64 // between two probes
		answers bool  // each brings credentials, which are not for our realm
		most    int
	}{
		{"200 a second", second / 200, false, 20},
		{"10000 a second", second / 10_000, false, 20},
		{"10 a second", second / 10, false, 20},
		{"with empty credentials", second / 200, true, 40},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var s Record
			heard := 0
			for i := range 100_000 {
				now := second + int64(i)*tc.pause
				owes, over := s.Owing(rules(), now, tc.answers)
				if !owes {
					heard++
				}
				if (!owes || over) && s.Offend(rules(), Unheeded, now, false).Deny > 0 {
					if heard > tc.most {
						t.Errorf("%d probes were answered before the ban, want %d at most", heard, tc.most)
					}
					return
				}
			}
			t.Errorf("never banned; %d were answered", heard)
		})
	}
}

// Whoever tries out names answers no challenge.
func TestProbingIsBanned(t *testing.T) {
	var s Record
	challenge, _, _ := Answer("REGISTER", 401)
	for i := range 40 {
		if v := s.Offend(rules(), challenge, second+int64(i)*second/10, false); v.Deny > 0 {
			if i+1 != 20 {
				t.Errorf("banned after %d probes", i+1)
			}
			return
		}
	}
	t.Error("never banned")
}

func TestExcessIsAnOffenceOfStrangersOnly(t *testing.T) {
	var stranger, friend Record
	friend.Prove(second)
	if drop, offence := stranger.Excess(rules(), second); !drop || !offence {
		t.Error("a stranger may send what it likes")
	}
	dropped := 0
	for i := range 20_000 { // within two seconds
		drop, offence := friend.Excess(rules(), 100*second+int64(i)*second/10_000)
		if offence {
			t.Fatal("an offence of a friend")
		}
		if drop {
			dropped++
		}
	}
	if dropped < 17_000 || dropped > 17_300 { // 2000 at once and 400 a second are not
		t.Errorf("%d of 20000 dropped", dropped)
	}
	if drop, offence := friend.Excess(rules(), 100*second+int64(trustFor)); !drop || !offence {
		t.Error("trust does not end")
	}
}

func TestReasonsOfTheTaxonomy(t *testing.T) {
	for _, tc := range []struct {
		got  Offence
		want string
	}{
		{first(Refusal("tls", "bad certificate")), "abuse-tls-auth-fail"},
		{first(Refusal("ws-origin", "")), "abuse-websocket-fail"},
		{first(Refusal("malformed", "400 Bad Request")), "malformed-parse-error"},
		{first(Refusal("malformed", "datagram too large")), "malformed-invalid-msg-len"},
		{first(Rejection("auth/wrong", 401)), "auth-establish-fail"},
		{first(Rejection("auth/guesses", 407)), "auth-establish-fail"},
		{first(Rejection("auth/malformed", 400)), ""},
		{first(Rejection("auth/replay", 401)), ""}, // an old nonce is nobody's fault
		{first(Refusal("stray", "200")), "flow-no-match-transaction"},
		{first(Refusal("unknown-source", "")), "establish-classify-fail"},
	} {
		if tc.got.Reason != tc.want {
			t.Errorf("%+v, want %s", tc.got, tc.want)
		}
	}
	if _, ok := Refusal("rtp-source", ""); ok {
		t.Error("media is a matter of its own")
	}
	if o, bad, good := Answer("INVITE", 486); bad || good {
		t.Errorf("busy is %+v", o)
	}
	for _, status := range []int{401, 403, 404} { // what a scan for extensions hears, by how well it knows our domain
		if o, bad, good := Answer("REGISTER", status); o.Class != Unanswered || !bad || good {
			t.Errorf("REGISTER, %d: %+v", status, o)
		}
	}
	for _, name := range Classes() {
		if c, ok := ClassOf(name); !ok || c.String() != name {
			t.Errorf("class %s", name)
		}
	}
}

func first(o Offence, _ bool) Offence { return o }
