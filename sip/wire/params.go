package wire

import (
	"slices"
	"strings"
)

// Get returns the value of a parameter, "" when it is absent or has no value. name is lower case.
func (p Params) Get(name string) string {
	v, _ := p.Lookup(name)
	return v
}

// Lookup returns the value of a parameter and whether the parameter is there. name is lower case.
func (p Params) Lookup(name string) (string, bool) {
	for i := range p {
		if p[i].Name == name {
			return p[i].Value, true
		}
	}
	return "", false
}

// Set replaces or appends a parameter. The receiver's array is never written to: values that share it are not touched.
func (p *Params) Set(name, value string) {
	name = strings.ToLower(name)
	next := make(Params, len(*p), len(*p)+1)
	copy(next, *p)
	if i := slices.IndexFunc(next, func(q Param) bool { return q.Name == name }); i >= 0 {
		next[i].Value = value
	} else {
		next = append(next, Param{Name: name, Value: value})
	}
	*p = next
}

// Del removes a parameter. As with Set, the receiver's array is not written to.
func (p *Params) Del(name string) {
	if _, ok := p.Lookup(name); !ok {
		return
	}
	next := make(Params, 0, len(*p))
	for _, q := range *p {
		if q.Name != name {
			next = append(next, q)
		}
	}
	*p = next
}

// parseParams reads header parameters: s is empty or starts with ';'. They go into room as far as it reaches; nil is none.
func parseParams(s string, room *Params) (Params, error) {
	if s == "" {
		return nil, nil
	}
	p := room.take(min(strings.Count(s, ";"), maxParams))
	for s != "" {
		switch {
		case s[0] != ';':
			return nil, syntax("parameter")
		case len(p) == maxParams: // names are compared with each other: the cost is quadratic
			return nil, overLimit("parameters")
		}
		q, rest, err := parseParam(s[1:])
		if err != nil {
			return nil, err
		}
		if _, twice := p.Lookup(q.Name); twice {
			return nil, syntax("repeated parameter") // never resolved by position
		}
		p, s = append(p, q), rest
	}
	return p, nil
}

// parseParam reads name [= value] from the front of s.
func parseParam(s string) (Param, string, error) {
	end := indexEither(s, ';', '=')
	if end < 0 {
		end = len(s)
	}
	name := s[:end]
	if !all(name, isToken) {
		return Param{}, "", syntax("parameter name")
	}
	name = strings.ToLower(name)
	s = s[end:]
	if s == "" || s[0] == ';' {
		return Param{Name: name}, s, nil
	}
	s = s[1:]
	if s != "" && s[0] == '"' {
		n := quotedEnd(s)
		if n < 0 {
			return Param{}, "", syntax("quoted parameter")
		}
		return Param{Name: name, Value: unquote(s[:n])}, s[n:], nil
	}
	end = strings.IndexByte(s, ';')
	if end < 0 {
		end = len(s)
	}
	if !looseValue(s[:end]) {
		return Param{}, "", syntax("parameter value")
	}
	return Param{Name: name, Value: s[:end]}, s[end:], nil
}

// looseValue is wider than the grammar's gen-value: peers send base64 and addresses without quotes.
func looseValue(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c <= ' ', c == 0x7f, c == '"', c == '<', c == '>', c == ',', c == ';', c == '\\':
			return false
		}
	}
	return s != ""
}

// appendParams writes header parameters. A value that is neither token nor host is quoted, except where the grammar knows no
// quoted form and the peer must get back what it sent.
func appendParams(dst []byte, p Params) []byte {
	for _, q := range p {
		if !all(q.Name, isToken) {
			continue
		}
		dst = append(dst, ';')
		dst = append(dst, q.Name...)
		if q.Value == "" {
			continue
		}
		dst = append(dst, '=')
		switch {
		case all(q.Value, isGenValue), (q.Name == "tag" || q.Name == "branch") && looseValue(q.Value):
			dst = append(dst, q.Value...)
		default:
			dst = appendQuoted(dst, q.Value)
		}
	}
	return dst
}
