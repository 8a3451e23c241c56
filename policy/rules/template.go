package rules

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// piece is a part of a template: literal text, a group of the row's own match, or a variable.
type piece struct {
	literal  string
	group    int    // of match; -1 for the others
	variable string // set:name, so that sets do not meddle with each other's
}

// template is a compiled value.
type template []piece

// compileTemplate reads $1, ${1}, ${name} and $$. match may be nil; known are the variables that can have been caught by then. Errors:
// ErrTemplate, ErrControl, ErrVariable.
func compileTemplate(s string, match *regexp.Regexp, set string, known []string, lines bool) (template, error) {
	var t template
	if len(s) > maxTemplate {
		return nil, ErrTemplate
	}
	if control(s) && (!lines || strings.ContainsRune(s, 0)) {
		return nil, ErrControl
	}
	for s != "" {
		before, rest, dollar := strings.Cut(s, "$")
		if before != "" {
			t = append(t, piece{literal: before, group: -1})
		}
		if !dollar {
			break
		}
		name, after, ok := reference(rest)
		s = after
		switch {
		case !ok:
			return nil, ErrTemplate
		case name == "$":
			t = append(t, piece{literal: "$", group: -1})
		default:
			p, err := resolve(name, match, set, known)
			if err != nil {
				return nil, err
			}
			t = append(t, p)
		}
	}
	return t, nil
}

// reference takes what stands behind a dollar sign.
func reference(s string) (name, rest string, ok bool) {
	switch {
	case s == "":
		return "", "", false
	case s[0] == '$':
		return "$", s[1:], true
	case s[0] == '{':
		name, rest, ok = strings.Cut(s[1:], "}")
		return name, rest, ok && name != ""
	case '0' <= s[0] && s[0] <= '9':
		return s[:1], s[1:], true
	}
	return "", "", false
}

func resolve(name string, match *regexp.Regexp, set string, known []string) (piece, error) {
	if n, err := strconv.Atoi(name); err == nil {
		if match == nil || n < 0 || n > match.NumSubexp() {
			return piece{}, ErrVariable
		}
		return piece{group: n}, nil
	}
	if match != nil {
		if n := match.SubexpIndex(name); n > 0 {
			return piece{group: n}, nil
		}
	}
	if !slices.Contains(known, name) {
		return piece{}, ErrVariable
	}
	return piece{group: -1, variable: set + ":" + name}, nil
}

// variables are what named groups have caught so far, the last one last.
type variables []struct{ name, value string }

func (v variables) get(name string) (value string, caught bool) {
	for i := len(v) - 1; i >= 0; i-- {
		if v[i].name == name {
			return v[i].value, true
		}
	}
	return "", false
}

// ready reports whether all that the value is made of has been caught.
func (t template) ready(vars variables) bool {
	for _, p := range t {
		if _, caught := vars.get(p.variable); p.variable != "" && !caught {
			return false
		}
	}
	return true
}

// expand appends the value; at are the indices of the match in text.
func (t template) expand(dst []byte, vars variables, text string, at []int) []byte {
	for _, p := range t {
		switch {
		case p.variable != "":
			value, _ := vars.get(p.variable)
			dst = append(dst, value...)
		case p.group < 0:
			dst = append(dst, p.literal...)
		case at[2*p.group] >= 0:
			dst = append(dst, text[at[2*p.group]:at[2*p.group+1]]...)
		}
	}
	return dst
}

// control reports a character that would end a line or hide in one.
func control[S string | []byte](s S) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return true
		}
	}
	return false
}
