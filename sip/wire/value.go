package wire

import "strings"

// Value is a header of the form value *(;name=value): Event, Subscription-State, Content-Type, Content-Disposition.
type Value struct {
	Text   string // a token, or two with a slash between them, as received
	Params Params
}

// ParseValue parses such a header. Error: ErrSyntax when the value is no token (or media type) or a parameter is malformed, ErrLimit.
func ParseValue(s string) (Value, error) {
	end := strings.IndexByte(s, ';')
	if end < 0 {
		end = len(s)
	}
	text := strings.TrimSpace(s[:end])
	kind, subtype, both := strings.Cut(text, "/")
	if text == "" || !all(kind, isToken) || both && (subtype == "" || !all(subtype, isToken)) {
		return Value{}, syntax("value")
	}
	p, err := parseParams(s[end:], nil)
	return Value{Text: text, Params: p}, err
}

// String returns the value as it is written in a header.
func (v Value) String() string { return string(appendParams([]byte(v.Text), v.Params)) }
