package profile

import (
	"errors"
	"regexp"
	"strings"
)

// Rewrite is one row of a number table.
type Rewrite struct {
	Match string `yaml:"match" doc:"Regular expression (RE2) for the whole number."`
	To    string `yaml:"to" doc:"What it becomes; $1 is the first group."`
}

// rule is a compiled row.
type rule struct {
	match *regexp.Regexp
	to    string
}

// Chosen here: bounds of a number table. A number plan of a country has some twenty rows.
const (
	maxRows   = 200
	maxRow    = 256 // bytes of a pattern
	maxNumber = 64  // bytes of a number that is looked at, and of what comes out
)

// Errors of a number table.
var (
	ErrRows    = errors.New("more than 200 rows")
	ErrPattern = errors.New("the pattern is no regular expression (RE2) of at most 256 bytes")
	ErrTo      = errors.New("a row gives a number, a name or a URN")
)

// compile makes the rows of a table ready. The index is that of the row at fault.
func compile(rows []Rewrite) (out []rule, at int, err error) {
	if len(rows) > maxRows {
		return nil, maxRows, ErrRows
	}
	for i, r := range rows {
		re, err := regexp.Compile(`^(?:` + r.Match + `)$`)
		switch {
		case err != nil || r.Match == "" || len(r.Match) > maxRow:
			return nil, i, ErrPattern
		case r.To == "" || strings.ContainsAny(r.To, "@<>\" ;?\r\n"):
			return nil, i, ErrTo
		}
		out = append(out, rule{re, r.To})
	}
	return out, 0, nil
}

// rewrite applies the first row that fits. hit says that one has.
func rewrite(rules []rule, number string) (out string, hit bool) {
	if len(number) > maxNumber {
		return number, false
	}
	for _, r := range rules {
		m := r.match.FindStringSubmatchIndex(number)
		if m == nil {
			continue
		}
		if to := string(r.match.ExpandString(nil, r.to, number, m)); to != "" && len(to) <= maxNumber {
			return to, true
		}
		return number, false
	}
	return number, false
}

// NumberIn is a number of the peer in the form of the routes.
func (p *Profile) NumberIn(number string) string {
	if p == nil {
		return number
	}
	out, _ := rewrite(p.numIn, number)
	return out
}

// NumberOut is a number in the peer's form.
func (p *Profile) NumberOut(number string) string {
	if p == nil {
		return number
	}
	out, _ := rewrite(p.numOut, number)
	return out
}

// Emergency is an emergency number in the peer's form: a number or an urn. ok is false for every other number.
func (p *Profile) Emergency(number string) (to string, ok bool) {
	if p == nil {
		return "", false
	}
	return rewrite(p.emergency, number)
}
