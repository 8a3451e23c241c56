// Package route finds the candidates for a dialled number: accounts of our own first, then static rows, the most specific pattern
// first. It is pure: a table is compiled once and asked from any goroutine.
package route

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Row is one static route as configured.
type Row struct {
	From string   // realm the call comes from; "" is any
	To   string   // number or name; a trailing * stands for any rest
	Via  []string // trunks, best first
}

// Candidate is one way to serve a call: a trunk, or an account of our own.
type Candidate struct {
	Trunk, User string // exactly one is set
	Rule        string // what named it, for the CDR and the console
}

// Table is a compiled set of routes.
type Table struct {
	rows  []compiled
	users func(string) (string, bool)
}

type compiled struct {
	from   string
	prefix string
	exact  bool
	via    []string
	rule   string
}

// Errors of Compile.
var (
	ErrPattern = errors.New("a pattern is a number or name, with * at its end for any rest")
	ErrNoTrunk = errors.New("a route names at least one trunk")
)

// Compile checks rows and orders them: exact before prefix, longer before shorter, a named realm before any, then as given. users
// finds the account that a number or name belongs to; nil means there are none.
func Compile(rows []Row, users func(number string) (account string, ok bool)) (*Table, error) {
	if users == nil {
		users = func(string) (string, bool) { return "", false }
	}
	t := &Table{users: users}
	for i, r := range rows {
		prefix, wild := strings.CutSuffix(r.To, "*")
		switch {
		case r.To == "" || strings.Contains(prefix, "*"):
			return nil, fmt.Errorf("route %d, to %q: %w", i+1, r.To, ErrPattern)
		case len(r.Via) == 0:
			return nil, fmt.Errorf("route %d, to %q: %w", i+1, r.To, ErrNoTrunk)
		}
		normal := Normal(prefix)
		if normal == "" && prefix != "" { // it would match every number
			return nil, fmt.Errorf("route %d, to %q: %w", i+1, r.To, ErrPattern)
		}
		t.rows = append(t.rows, compiled{
			from: r.From, prefix: normal, exact: !wild, via: slices.Clone(r.Via), rule: fmt.Sprintf("route/%d %s", i+1, r.To),
		})
	}
	slices.SortStableFunc(t.rows, compiled.order)
	return t, nil
}

// order sorts the more specific row first.
func (a compiled) order(b compiled) int {
	switch {
	case a.exact != b.exact:
		return before(a.exact)
	case len(a.prefix) != len(b.prefix):
		return len(b.prefix) - len(a.prefix)
	case (a.from == "") != (b.from == ""):
		return before(a.from != "")
	}
	return 0
}

func before(first bool) int {
	if first {
		return -1
	}
	return 1
}

// Candidates returns the ways to serve a call to number from a realm, best first; none when nothing matches. Every matching row adds
// its trunks, so that a call fails over from the specific to the general; a trunk is named once.
func (t *Table) Candidates(realm, number string) []Candidate {
	number = Normal(number)
	if number == "" {
		return nil
	}
	if user, ok := t.users(number); ok {
		return []Candidate{{User: user, Rule: "user/" + user}}
	}
	var out []Candidate
	for _, r := range t.rows {
		if !r.matches(realm, number) {
			continue
		}
		for _, trunk := range r.via {
			if !slices.ContainsFunc(out, func(c Candidate) bool { return c.Trunk == trunk }) {
				out = append(out, Candidate{Trunk: trunk, Rule: r.rule})
			}
		}
	}
	return out
}

func (r compiled) matches(realm, number string) bool {
	if r.from != "" && r.from != realm {
		return false
	}
	if r.exact {
		return number == r.prefix
	}
	return strings.HasPrefix(number, r.prefix)
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
