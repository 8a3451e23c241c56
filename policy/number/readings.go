package number

import (
	"slices"
	"strings"
	"unicode"
)

// Chosen here.
const (
	maxReadings = 128 // readings of one number: all the prefixes of a country give less, in as many runs as are read
	maxRuns     = 4   // runs of digits between signs that are read, besides the last
)

// Readings are all the numbers that what was dialled may reach, in digits with the code of a country and without +: as it is written, behind
// every prefix of numbers abroad, in the country of p, behind codes of carriers and services. Some trunk takes each of these for the
// number, so a rule that must not be dodged is held against all of them. A name has none, unless it begins as a number does, but
// for marks: then its digits are read.
func Readings(user string, p Plan) []string {
	text, context := parts(user)
	text, isNumber := plain(text)
	signed := ""
	if !isNumber {
		if text, signed = digitsOf(text); text == "" {
			return nil
		}
	}
	r := reader{plan: p}
	if context != "" {
		r.add(context[1:] + strings.TrimLeft(text, "+"))
	}
	r.read(text, 3)
	if signed != "" && signed != text {
		r.read(signed, 3)
	}
	return r.found
}

// digitsOf are the digits of a name that begins as a number does, such as 00252x61555, whatever marks stand before: some trunk drops all
// that is no digit. signed has the signs between them, a + as a *: in *31#+25261555 a number begins there.
func digitsOf(name string) (digits, signed string) {
	const number = "+*#0123456789"
	first := strings.IndexFunc(name, func(c rune) bool { return strings.ContainsRune(number, c) || unicode.IsLetter(c) })
	if first < 0 || !strings.ContainsRune(number, rune(name[first])) {
		return "", ""
	}
	signed = strings.Map(func(c rune) rune {
		switch {
		case c == '+':
			return '*'
		case strings.ContainsRune(number, c):
			return c
		}
		return -1
	}, name)
	return strings.NewReplacer("*", "", "#", "").Replace(signed), signed
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
	if strings.ContainsAny(text, "*#") {
		r.service(text, deep)
		return
	}
	r.add(text)
	if rest, ok := strings.CutPrefix(text, r.plan.Code); ok && r.plan.Code != "" && strings.HasPrefix(rest, "0") {
		r.read(rest, deep) // a trunk's table takes the country off: +1 011252
		if len(r.plan.national) < len(r.plan.Code) {
			r.read(r.plan.national+rest, deep) // or puts the national prefix in its place, so that +49 0252 is 00252; ends, being shorter
		}
	}
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

// service reads the runs of digits between signs: what is behind a code such as *31#, *67 or #31#, and what a sign is behind, as carriers
// cut a # off. A code may be part of the number's own digits, so every length of it is tried.
func (r *reader) service(text string, deep int) {
	behind := text[strings.LastIndexAny(text, "*#")+1:]
	r.run(behind, deep)
	runs := 0
	for run := range strings.FieldsFuncSeq(text, func(c rune) bool { return c == '*' || c == '#' }) {
		if len(run) <= short {
			continue
		}
		r.run(run, deep)
		if runs++; runs == maxRuns {
			return
		}
	}
}

func (r *reader) run(digits string, deep int) {
	r.read(digits, deep-1)
	for n := 1; n <= 4 && n < len(digits); n++ {
		r.read(digits[n:], deep-1)
	}
}
