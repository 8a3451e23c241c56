package fraud

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"drawbridge/policy/number"
)

// Per says whose calls are counted together.
type Per uint8

// Whose.
const (
	PerAccount Per = iota // of who pays: the account, or the trunk that the call came from
	PerCaller             // of one calling number of that account or trunk
	PerTrunk              // that went to one trunk; known once they are answered, so nothing can be refused
)

// Rule is one row as configured.
type Rule struct {
	Name     string
	Accounts []string // accounts and trunks that it is about; none: all
	Per      Per
	Prefixes []string       // of the called number, in international form with or without +, each counted for itself; none: every number
	Except   []string       // numbers that it does not count, by the beginning of their normal form, such as those of one's own country
	Callers  []string       // the same of the calling number
	When     []Window       // none: always
	Zone     *time.Location // whose clock they are read by; nil: UTC
	Deny     bool           // no such call at all
	Warning  Limits
	Critical Limits
	Block    time.Duration // of the account for the prefix after a critical alarm; 0 means an hour, negative none: alarms only
	End      bool          // calls that go on end at a critical duration or spend
}

// Limits are what is normal at most; a zero field limits nothing.
type Limits [numKinds]float64

// blockFor is how long a block lasts by default. Chosen here: an hour lost to a mistake is bearable, and a thief turns elsewhere.
const blockFor = time.Hour

// Table is a set of rules, compiled.
type Table struct {
	rules []Rule
	plan  func(realm string) number.Plan
	price func(number string) float64
}

// Config is what a table needs besides its rules.
type Config struct {
	Rules []Rule
	Plan  func(realm string) number.Plan // how numbers are dialled in a realm; nil: as anywhere
	Price func(number string) float64    // money a minute for digits in international form without +; nil: nothing costs
}

// ErrRule wraps what is wrong with a rule.
var ErrRule = errors.New("fraud rule")

// Compile checks rules.
func Compile(c Config) (*Table, error) {
	t := &Table{plan: c.Plan, price: c.Price}
	if t.plan == nil {
		t.plan = func(string) number.Plan { return number.Plan{} }
	}
	if t.price == nil {
		t.price = func(string) float64 { return 0 }
	}
	for i, r := range c.Rules {
		r.Prefixes, r.Callers, r.Except = slices.Clone(r.Prefixes), slices.Clone(r.Callers), slices.Clone(r.Except)
		for _, list := range [][]string{r.Prefixes, r.Callers, r.Except} {
			for i, p := range list {
				list[i] = strings.TrimPrefix(p, "+")
				if !Prefix(p) {
					return nil, fmt.Errorf("%w %s: prefix %q: digits of a number in international form", ErrRule, r.Name, p)
				}
			}
			slices.SortFunc(list, func(a, b string) int { return len(b) - len(a) }) // the longest that fits counts
		}
		if slices.ContainsFunc(c.Rules[:i], func(o Rule) bool { return o.Name == r.Name }) {
			return nil, fmt.Errorf("%w %s is there twice", ErrRule, r.Name)
		}
		if r.Zone == nil {
			r.Zone = time.UTC
		}
		switch {
		case r.Per == PerTrunk:
			r.Block = -1
		case r.Block == 0:
			r.Block = blockFor
		}
		t.rules = append(t.rules, r)
	}
	return t, nil
}

// Prefix reports whether p can be the beginning of a number in international form.
func Prefix(p string) bool {
	p = strings.TrimPrefix(p, "+")
	return p != "" && len(p) <= 15 && p[0] != '0' && strings.Trim(p, "0123456789") == ""
}

// Attempt is a call as far as fraud goes.
type Attempt struct {
	Realm   string // it came from
	Account string // who pays: the account, or the trunk that it came from
	Trunk   bool   // it is a trunk
	Caller  string // the calling number, as it says
	Number  string // the called one, as dialled
	Network string // the network that it came from; "" is not known
}

// Watch is one rule that counts one call.
type Watch struct {
	Rule    string
	Account string // account or trunk that is counted
	Trunk   bool   // it is a trunk
	Prefix  string // the prefix that fits; "" is every number
	From    string // what is counted of the caller: a prefix of callers, or the number itself with PerCaller
	rule    *Rule
	number  uint64
	network uint64
	price   float64 // a minute
}

// Per says whose calls the watch counts together.
func (w *Watch) Per() Per { return w.rule.Per }

// Watches are the rules that count an attempt at time now. Those of PerTrunk are not among them: see Answers.
func (t *Table) Watches(a Attempt, now time.Time) []Watch { return t.watches(a, a.Account, now, false) }

// Answers are the rules that count a call answered by a trunk.
func (t *Table) Answers(a Attempt, trunk string, now time.Time) []Watch {
	return t.watches(a, trunk, now, true)
}

func (t *Table) watches(a Attempt, payer string, now time.Time, answered bool) []Watch {
	if t == nil || len(t.rules) == 0 {
		return nil
	}
	plan := t.plan(a.Realm)
	normal, _ := number.Normal(a.Number, plan)
	called, calling := number.Readings(a.Number, plan), number.Readings(a.Caller, plan)
	var all []Watch
	for i := range t.rules {
		r := &t.rules[i]
		if r.Per == PerTrunk != answered || len(r.Accounts) > 0 && !slices.Contains(r.Accounts, payer) || !r.during(now) {
			continue
		}
		prefix, ok := longest(r.Prefixes, called)
		from, known := longest(r.Callers, calling)
		if !ok || !known || !plan.LeadsAway(normal) && r.excepts(normal, called) {
			continue
		}
		if r.Per == PerCaller {
			from, _ = number.Normal(a.Caller, plan)
		}
		all = append(all, Watch{
			Rule: r.Name, Account: payer, Trunk: a.Trunk || answered, Prefix: prefix, From: from,
			rule: r, number: mark(normal), network: mark(a.Network), price: t.dearest(called),
		})
	}
	return all
}

// excepts reports whether a number in normal form is not counted. Short numbers have no country: with Except they are not counted either,
// nor are names that nobody can take for a number.
func (r *Rule) excepts(normal string, readings []string) bool {
	if len(r.Except) == 0 {
		return false
	}
	digits, far := strings.CutPrefix(normal, "+")
	return !far && (len(digits) <= shortest || len(readings) == 0) || slices.ContainsFunc(r.Except, func(p string) bool { return far && strings.HasPrefix(digits, p) })
}

// shortest is how many digits lead abroad at least. Chosen here: emergency and service numbers have less.
const shortest = 6

func (r *Rule) during(now time.Time) bool {
	at := now.In(r.Zone)
	return len(r.When) == 0 || slices.ContainsFunc(r.When, func(w Window) bool { return w.Contains(at) })
}

// longest finds the first of some prefixes, the longest ones first, that any reading of a number begins with. Without prefixes every number
// fits.
func longest(prefixes, readings []string) (string, bool) {
	if len(prefixes) == 0 {
		return "", true
	}
	for _, p := range prefixes {
		for _, r := range readings {
			if strings.HasPrefix(r, p) {
				return p, true
			}
		}
	}
	return "", false
}

// dearest is the highest price of any reading: what is dialled cannot be made cheaper by the way it is written.
func (t *Table) dearest(readings []string) (price float64) {
	for _, r := range readings {
		price = max(price, t.price(r))
	}
	return price
}

// mark stands for a text in a counter (FNV-1a).
func mark(text string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	return h
}
