package number

import "strings"

// Plan is how numbers are dialled in a country. The zero Plan is none in particular: numbers abroad begin with 00 or 011, any other
// number is taken as it is.
type Plan struct {
	Code          string   // such as 49
	international []string // prefixes of numbers abroad; x is any digit
	national      string   // prefix of numbers in another area, "" is none
}

// Lookup finds the plan of a country by its ISO 3166 letters, such as DE.
func Lookup(country string) (Plan, bool) {
	country = strings.ToUpper(country)
	if len(country) != 2 {
		return Plan{}, false
	}
	for row := range strings.Lines(plans) {
		if rest, ok := strings.CutPrefix(row, country+" "); ok {
			col := strings.Fields(rest)
			p := Plan{Code: col[0], international: strings.Split(col[1], ","), national: col[2]}
			if p.national == "-" {
				p.national = ""
			}
			return p, true
		}
	}
	return Plan{}, false
}

// Countries are the countries that have a plan.
func Countries() []string {
	var all []string
	for row := range strings.Lines(plans) {
		if country, _, ok := strings.Cut(row, " "); ok {
			all = append(all, country)
		}
	}
	return all
}

// LeadsAway reports whether a normal form has the code of the country but may reach another one: no number within begins with the 0 behind
// it, and a trunk that takes the code off, or puts the national prefix in its place, dials 00 and what follows.
func (p Plan) LeadsAway(normal string) bool {
	rest, ok := strings.CutPrefix(normal, "+"+p.Code)
	if !ok || p.Code == "" {
		return false
	}
	return strings.HasPrefix(rest, "00") || p.national != "" && strings.HasPrefix(rest, "0") // without a national prefix the 0 may be the area's, as in Italy
}

// abroad are the prefixes of numbers abroad when nothing else is known: those that nearly every country has.
var abroad = []string{"00", "011"}

// carriers are codes that choose a carrier, by country code: what follows is dialled as if they were not there.
var carriers = map[string][]string{"1": {"101xxxx"}, "49": {"0100xx", "010xx"}}

// cut takes a prefix from digits; an x in it is any digit.
func cut(digits, prefix string) (rest string, ok bool) {
	if len(digits) < len(prefix) {
		return digits, false
	}
	for i := range len(prefix) {
		if prefix[i] != 'x' && prefix[i] != digits[i] {
			return digits, false
		}
	}
	return digits[len(prefix):], true
}

// cutAny takes the longest of some prefixes.
func cutAny(digits string, prefixes []string) (rest string, ok bool) {
	rest = digits
	for _, p := range prefixes {
		if r, found := cut(digits, p); found && len(r) < len(rest) {
			rest, ok = r, true
		}
	}
	return rest, ok
}
