package number

import (
	"slices"
	"strings"
	"unicode"
)

// maxReadings bounds the readings of one number. Chosen here: all the prefixes of a country give less.
const maxReadings = 24

// Readings are all the numbers that what was dialled may reach, in digits with the code of a country and without +: as it is written, behind
// every prefix of numbers abroad, in the country of p, behind codes of carriers and services. Some trunk takes each of these for the
// number, so a rule that must not be dodged is held against all of them. A name has none, unless it begins as a number does, but
// for marks: then its digits are read.
func Readings(user string, p Plan) []string {
	text, context := parts(user)
	text, isNumber := plain(text)
	if !isNumber {
		if text = digitsOf(text); text == "" {
			return nil
		}
	}
	r := reader{plan: p}
	if context != "" {
		r.add(context[1:] + strings.TrimLeft(text, "+"))
	}
	r.read(text, 3)
	return r.found
}

// digitsOf are the digits of a name that begins as a number does, such as 00252x61555, whatever marks stand before: some trunk drops all
// that is no digit.
func digitsOf(name string) string {
	const number = "+*#0123456789"
	first := strings.IndexFunc(name, func(c rune) bool { return strings.ContainsRune(number, c) || unicode.IsLetter(c) })
	if first < 0 || !strings.ContainsRune(number, rune(name[first])) {
		return ""
	}
	return strings.Map(func(c rune) rune {
		if c < '0' || c > '9' {
			return -1
		}
		return c
	}, name)
}

type reader struct {
	plan  Plan
	found []string
}

// add takes a number: none begins with 0.
func (r *reader) add(digits string) {
	if digits != "" && digits[0] != '0' && len(r.found) < maxReadings && !slices.Contains(r.found, digits) {
		r.found = append(r.found, digits)
	}
}

// read takes text as a number and as any prefix with a number behind it. deep bounds prefixes behind prefixes.
func (r *reader) read(text string, deep int) {
	text = strings.TrimLeft(text, "+")
	if text == "" || deep == 0 {
		return
	}
	if at := strings.LastIndexAny(text, "*#"); at >= 0 {
		r.service(text, at, deep)
		return
	}
	r.add(text)
	for _, list := range [][]string{abroad, r.plan.international, carriers[r.plan.Code]} {
		for _, prefix := range list {
			if rest, ok := cut(text, prefix); ok {
				r.read(rest, deep-1)
			}
		}
	}
	if r.plan.Code == "" || len(text) <= short {
		return
	}
	if rest, ok := strings.CutPrefix(text, r.plan.national); ok {
		r.add(r.plan.Code + rest)
	}
	r.add(r.plan.Code + text)
}

// service reads what is behind a service code such as *31#, *67 or #31#: it may be part of the number's own digits, so every length of
// the code is tried.
func (r *reader) service(text string, at, deep int) {
	behind := text[at+1:]
	r.read(behind, deep-1)
	for n := 1; n <= 4 && n < len(behind); n++ {
		r.read(behind[n:], deep-1)
	}
}
