// Package route finds the candidates for a dialled number: accounts of our own first, then the routes, the most specific pattern first. It is
// pure: a table is compiled once and asked from any goroutine.
//
// Reading order: route.go (rows, and which of them serve a call), order.go (trunks of a row, best first), group.go, hours.go, deck.go (price
// lists), explain.go (why), reroute.go (after which answers the next one is tried).
package route

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"drawbridge/policy/number"
)

// Config is what a Table is made from.
type Config struct {
	Rows   []Row
	Groups map[string][]Member                           // by name; no trunk has the name of a group
	Users  func(number string) (account string, ok bool) // finds the account that a number or name belongs to; nil: there are none
	Deck   *Deck                                         // nil: no prices
	Plan   func(realm string) number.Plan                // how numbers that are looked up in the deck are dialled in a realm; nil: with + or as they are dialled abroad
}

// Row is one route as configured.
type Row struct {
	From     string   // realm the call comes from; "" is any
	To       string   // number or name; a trailing * stands for any rest
	Via      []string // trunks and groups, best first; none with Deck: every trunk of the deck
	Priority int      // lower comes first, whatever the patterns are
	Deck     bool     // the cheapest first; trunks without a price for the number are left out
	When     Hours    // zero: always
	Source   []string // accounts, trunks and number patterns that may come from there; none: all
}

// Query is a call that wants candidates.
type Query struct {
	Realm, Number string
	Peer          string    // the account or trunk that it comes from
	Caller        string    // the number or name that it says
	At            time.Time // for the hours of rows
	Draw          uint64    // by chance, for the weights
	Standing      func(trunk string) Standing
}

// Standing is what is known of a trunk's calls. The zero value is nothing bad.
type Standing struct {
	Penalty float64 // its price is so many times as high in comparisons; up to 1: no penalty
	Why     string  // for people
}

// Candidate is one way to serve a call: a trunk, or an account of our own.
type Candidate struct {
	Trunk, User string // exactly one is set
	Rule        string // what named it, for the CDR and the console
}

// Table is a compiled set of routes.
type Table struct {
	cfg  Config
	rows []compiled
}

type compiled struct {
	Row
	prefix string
	exact  bool
	via    []member
	rule   string
}

// Errors of Compile.
var (
	ErrPattern = errors.New("a pattern is a number or name, with * at its end for any rest")
	ErrNoTrunk = errors.New("a route names at least one trunk")
	ErrNoDeck  = errors.New("a route by price needs a deck")
)

// Compile checks rows and orders them: by priority, then exact before prefix, longer before shorter, a named realm before any, then as given.
func Compile(cfg Config) (*Table, error) {
	if cfg.Users == nil {
		cfg.Users = func(string) (string, bool) { return "", false }
	}
	t := &Table{cfg: cfg}
	for i, r := range cfg.Rows {
		c := compiled{Row: r, via: members(r.Via, cfg.Groups), rule: fmt.Sprintf("route/%d %s", i+1, r.To)}
		var err error
		if c.prefix, c.exact, err = pattern(r.To); err == nil {
			switch {
			case r.Deck && cfg.Deck == nil:
				err = ErrNoDeck
			case len(r.Via) == 0 && r.Deck:
				c.via = cfg.Deck.members()
			case len(r.Via) == 0:
				err = ErrNoTrunk
			}
		}
		if err != nil {
			return nil, fmt.Errorf("route %d, to %q: %w", i+1, r.To, err)
		}
		t.rows = append(t.rows, c)
	}
	slices.SortStableFunc(t.rows, compiled.order)
	return t, nil
}

// pattern reads a number or name, or what either begins with.
func pattern(text string) (prefix string, exact bool, err error) {
	written, wild := strings.CutSuffix(text, "*")
	if text == "" || strings.Contains(written, "*") {
		return "", false, ErrPattern
	}
	prefix = Normal(written)
	if prefix == "" && written != "" { // it would match every number
		return "", false, ErrPattern
	}
	return prefix, !wild, nil
}

// order sorts the more specific row first.
func (a compiled) order(b compiled) int {
	switch {
	case a.Priority != b.Priority:
		return a.Priority - b.Priority
	case a.exact != b.exact:
		return before(a.exact)
	case len(a.prefix) != len(b.prefix):
		return len(b.prefix) - len(a.prefix)
	case (a.From == "") != (b.From == ""):
		return before(a.From != "")
	}
	return 0
}

func before(first bool) int {
	if first {
		return -1
	}
	return 1
}

// Candidates returns the ways to serve a call, best first; none when nothing matches. Every matching row adds its trunks, so that a call
// fails over from the specific to the general; a trunk is named once.
func (t *Table) Candidates(q Query) []Candidate {
	var out []Candidate
	t.walk(q, func(s Step) {
		if s.Taken {
			out = append(out, Candidate{Trunk: s.Trunk, User: s.User, Rule: s.Rule})
		}
	})
	return out
}

// walk goes through everything that a decision looks at, in the order in which it counts.
func (t *Table) walk(q Query, step func(Step)) {
	dialled := Normal(q.Number)
	if dialled == "" {
		return
	}
	if user, ok := t.cfg.Users(dialled); ok {
		step(Step{Rule: "user/" + user, User: user, Taken: true})
		return
	}
	var named [16]string
	seen := named[:0]
	prices := t.prices(q)
	for i := range t.rows {
		r := &t.rows[i]
		if !fits(r.prefix, r.exact, dialled) {
			continue
		}
		if why := r.bars(q); why != "" {
			step(Step{Rule: r.rule, Why: why})
			continue
		}
		for _, s := range r.ordered(q, prices) {
			if s.Taken && slices.Contains(seen, s.Trunk) {
				s.Taken, s.Why = false, "named above"
			}
			if s.Taken {
				seen = append(seen, s.Trunk)
			}
			step(s)
		}
	}
}

func fits(prefix string, exact bool, number string) bool {
	if exact {
		return number == prefix
	}
	return strings.HasPrefix(number, prefix)
}

// bars is why a row whose pattern fits does not serve a call, "" when it does.
func (r *compiled) bars(q Query) string {
	switch {
	case r.From != "" && r.From != q.Realm:
		return "not from realm " + r.From
	case !r.hears(q):
		return "not for this source"
	case !r.When.Contain(q.At):
		return "not at this time"
	}
	return ""
}

// numbers tells a pattern of numbers from the name of an account or a trunk.
func numbers(s string) bool { return strings.Trim(s, "+0123456789*#-.() ") == "" }

// hears reports whether a row is for whoever calls.
func (r *compiled) hears(q Query) bool {
	if len(r.Source) == 0 {
		return true
	}
	caller := Normal(q.Caller)
	return slices.ContainsFunc(r.Source, func(s string) bool {
		if s == q.Peer && s != "" {
			return true
		}
		if !numbers(s) { // a name is for who has proved it, not for who says it
			return false
		}
		prefix, exact, err := pattern(s)
		return err == nil && caller != "" && fits(prefix, exact, caller)
	})
}

// Normal brings the user part of a URI into the one form that is compared: Dialled, with names in lower case.
func Normal(user string) string { return strings.ToLower(Dialled(user)) }

// Dialled is the number or name that the user part of a URI asks for, and all of it that a trunk may be told: percent escapes decoded,
// parameters and the visual separators of RFC 3966 section 5.1.1 removed from numbers. It is "" for what cannot be a number or name: an
// escape behind an escape, an address inside the name or a foreign digit would be judged as one thing here and dialled as another there.
func Dialled(user string) string {
	user, _, _ = strings.Cut(user, ";")
	plain, err := url.PathUnescape(user)
	if err != nil {
		return ""
	}
	plain, _, _ = strings.Cut(plain, ";") // an escaped one is one, too
	if strings.ContainsFunc(plain, isForeign) {
		return ""
	}
	if isNumber(plain) {
		return strings.Map(dropSeparator, plain)
	}
	return plain
}

// isForeign finds what is in no number and no name: all but the unreserved characters of RFC 3261 section 25.1, '+' and '#'.
func isForeign(c rune) bool {
	switch {
	case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
		return false
	}
	return !strings.ContainsRune("-_.!~*'()+#", c)
}

func isNumber(s string) bool {
	digits := 0
	for i, c := range s {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c == '+' && i == 0, c == '*', c == '#', isSeparator(c):
		default:
			return false
		}
	}
	return digits > 0
}

func isSeparator(c rune) bool { return strings.ContainsRune("-.()", c) }

func dropSeparator(c rune) rune {
	if isSeparator(c) {
		return -1
	}
	return c
}
