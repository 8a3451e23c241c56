package fraud

import (
	"container/heap"
	"fmt"
	"strings"
	"testing"
	"time"

	"drawbridge/policy/number"
)

// sim is a gateway in virtual time, as far as fraud goes: it hands calls to the rules as b2bua does, and adds up what they cost.
type sim struct {
	t        *testing.T
	table    *Table
	counters map[string]*Counter
	now      time.Time
	queue    queue
	seq      int
	alarms   []said
	live     map[*ongoing]bool

	tried, refused, up, ended int
	minutes, money            float64 // of answered calls
	trouble                   *loss   // when the first critical alarm came
}

// said is an alarm and when it came.
type said struct {
	at            time.Time
	rule, account string
	prefix        string
	Alarm
}

// loss is what had been lost when a critical alarm came.
type loss struct {
	after          time.Duration // since the first call
	calls          int
	minutes, money float64
}

func (l *loss) String() string {
	if l == nil {
		return "never"
	}
	return fmt.Sprintf("after %v: %d calls, %.0f minutes, %.2f EUR", l.after, l.calls, l.minutes, l.money)
}

type happening struct {
	at  time.Time
	seq int
	do  func()
}

type queue []happening

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	return q[i].at.Before(q[j].at) || q[i].at.Equal(q[j].at) && q[i].seq < q[j].seq
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(happening)) }
func (q *queue) Pop() any {
	old := *q
	x := old[len(old)-1]
	*q = old[:len(old)-1]
	return x
}

// prices are money a minute; Somalia is dear.
var prices = map[string]float64{"252": 0.95, "88213": 6, "960": 1.2, "216": 0.6, "49": 0.01, "33": 0.02, "1": 0.02}

func newSim(t *testing.T, rules ...Rule) *sim {
	t.Helper()
	plan, _ := number.Lookup("DE")
	table, err := Compile(Config{Rules: rules, Plan: func(string) number.Plan { return plan }, Price: func(digits string) float64 {
		for n := len(digits); n > 0; n-- {
			if p, ok := prices[digits[:n]]; ok {
				return p
			}
		}
		return 0.1
	}})
	if err != nil {
		t.Fatal(err)
	}
	return &sim{t: t, table: table, counters: map[string]*Counter{}, live: map[*ongoing]bool{}, now: start}
}

// start is a Friday evening.
var start = time.Date(2026, 11, 20, 22, 0, 0, 0, time.UTC)

// call is one attempt.
type call struct {
	Attempt
	extra  []string      // numbers that it is forwarded from, or to
	rings  time.Duration // until it is answered or given up
	talks  time.Duration // 0: never answered
	trunk  string        // that answers
	ringed bool          // nobody answers, and it is not the caller who gives up
}

func (s *sim) at(when time.Duration, do func()) {
	s.seq++
	heap.Push(&s.queue, happening{start.Add(when), s.seq, do})
}

func (s *sim) in(d time.Duration, do func()) { s.at(s.now.Sub(start)+d, do) }

// dial schedules an attempt.
func (s *sim) dial(when time.Duration, c call) { s.at(when, func() { s.try(c) }) }

// run plays everything.
func (s *sim) run() {
	for s.queue.Len() > 0 {
		h := heap.Pop(&s.queue).(happening)
		s.now = h.at
		h.do()
	}
	for key, c := range s.counters {
		if c.open != 0 || c.rate > 1e-9 {
			s.t.Errorf("%s: %d calls and %f a minute are left", key, c.open, c.rate)
		}
	}
}

func (s *sim) counter(w *Watch) *Counter {
	key := fmt.Sprint(w.Rule, w.Account, w.Trunk, w.Prefix, w.From)
	if s.counters[key] == nil {
		s.counters[key] = &Counter{}
	}
	return s.counters[key]
}

func (s *sim) hear(w *Watch, v Verdict) {
	for _, a := range v.Alarms {
		s.alarms = append(s.alarms, said{s.now, w.Rule, w.Account, w.Prefix, a})
		if a.Level == Critical && s.trouble == nil {
			s.trouble = &loss{s.now.Sub(start), s.tried, s.minutes + s.running(), s.money + s.cost()}
		}
	}
}

// ongoing are the calls that are up.
type ongoing struct {
	call
	since   time.Time
	watches []Watch
	price   float64
	over    bool
}

func (s *sim) running() (minutes float64) {
	for o := range s.live {
		minutes += s.now.Sub(o.since).Minutes()
	}
	return minutes
}

func (s *sim) cost() (money float64) {
	for o := range s.live {
		money += s.now.Sub(o.since).Minutes() * o.price
	}
	return money
}

func (s *sim) try(c call) {
	s.tried++
	o := &ongoing{call: c}
	for _, n := range append([]string{c.Number}, c.extra...) {
		a := c.Attempt
		a.Number = n
		for _, w := range s.table.Watches(a, s.now) {
			v := s.counter(&w).Try(&w, s.now)
			s.hear(&w, v)
			if v.Refuse {
				s.refused++
				s.end(o, Ending{})
				return
			}
			o.watches = append(o.watches, w)
			o.price = max(o.price, w.price)
		}
	}
	if c.talks == 0 {
		s.in(c.rings, func() { s.end(o, Ending{Cancelled: !c.ringed, Rang: c.rings}) })
		return
	}
	s.in(c.rings, func() { s.answer(o) })
}

func (s *sim) answer(o *ongoing) {
	s.up++
	o.since = s.now
	s.live[o] = true
	for _, w := range s.table.Answers(o.Attempt, o.trunk, s.now) {
		s.hear(&w, s.counter(&w).Try(&w, s.now))
		o.watches = append(o.watches, w)
	}
	s.judge(o, func(c *Counter, w *Watch) Verdict { return c.Answer(w, s.now, o.rings) })
	s.in(o.talks, func() { s.hangup(o) })
}

func (s *sim) judge(o *ongoing, ask func(*Counter, *Watch) Verdict) {
	var next time.Duration
	for i := range o.watches {
		v := ask(s.counter(&o.watches[i]), &o.watches[i])
		s.hear(&o.watches[i], v)
		if v.Refuse {
			s.ended++
			s.in(0, func() { s.hangup(o) })
			return
		}
		if v.Next > 0 && (next == 0 || v.Next < next) {
			next = v.Next
		}
	}
	if next > 0 {
		s.in(next, func() {
			if !o.over {
				s.judge(o, func(c *Counter, w *Watch) Verdict { return c.Look(w, s.now, s.now.Sub(o.since)) })
			}
		})
	}
}

func (s *sim) hangup(o *ongoing) {
	if o.over {
		return
	}
	o.over = true
	delete(s.live, o)
	up := s.now.Sub(o.since).Minutes()
	s.minutes, s.money = s.minutes+up, s.money+up*o.price
	s.end(o, Ending{Answered: true})
}

func (s *sim) end(o *ongoing, e Ending) {
	for i := range o.watches {
		s.hear(&o.watches[i], s.counter(&o.watches[i]).End(&o.watches[i], s.now, e))
	}
}

// expect holds the alarms, as "level kind", against what is wanted; others may be among them.
func (s *sim) expect(want ...string) {
	s.t.Helper()
	var got []string
	for _, a := range s.alarms {
		got = append(got, a.Level.String()+" "+a.Kind.String())
	}
	for _, w := range want {
		found := false
		for i, g := range got {
			if g == w {
				got, found = got[i+1:], true
				break
			}
		}
		if !found {
			s.t.Errorf("no alarm %q in this order: %s", w, s.story())
		}
	}
}

func (s *sim) story() string {
	var b strings.Builder
	for _, a := range s.alarms {
		fmt.Fprintf(&b, "\n  %s %s/%s %s: %s %s %.2f > %.2f", a.at.Format("Mon 15:04:05"), a.rule, a.prefix, a.account, a.Level, a.Kind, a.Value, a.Limit)
	}
	return b.String()
}

// report says what a scenario has cost: run with -v.
func (s *sim) report() {
	s.t.Helper()
	s.t.Logf("detected %v; in all %d tried, %d refused, %d up, %d ended by us, %.0f minutes, %.2f EUR",
		s.trouble, s.tried, s.refused, s.up, s.ended, s.minutes, s.money)
}
