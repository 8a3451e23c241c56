package number

import (
	"net/url"
	"strings"
	"unicode"
)

// Chosen here.
const (
	maxEscapes = 4  // escapes behind escapes that are undone
	maxDigits  = 48 // digits and signs that a normal form has at most: what is behind them names nobody, and no rule is that long
	short      = 6  // digits of an emergency number, an extension or a service at most: never one of another area
)

// Normal is the one form of a number: +, the code of its country and the rest, such as +4930123456. Short numbers, numbers whose area is
// not known and service codes are their digits, names are in lower case. user is the user part of a URI or a tel: URI, as it came. ok is
// false for what is neither number nor name.
func Normal(user string, p Plan) (normal string, ok bool) {
	normal, ok = form(user, p)
	if isNumber := normal != "" && strings.Trim(normal, "+*#0123456789") == ""; isNumber && len(normal) > maxDigits {
		normal = normal[:maxDigits]
	}
	return normal, ok
}

// form is the normal form at its whole length.
func form(user string, p Plan) (normal string, ok bool) {
	text, context := parts(user)
	text, isNumber := plain(text)
	switch {
	case text == "":
		return "", false
	case !isNumber:
		return text, true
	case text[0] == '+':
		return text, true
	case strings.HasPrefix(context, "+"):
		return context + text, true
	}
	if rest, far := cutAny(text, p.prefixes()); far && len(rest) > short && rest[0] != '0' {
		return "+" + rest, true
	}
	if p.Code == "" || len(text) <= short || strings.ContainsAny(text, "*#") {
		return text, true
	}
	rest, far := strings.CutPrefix(text, p.national)
	switch {
	case far && rest != "" && rest[0] != '0':
		return "+" + p.Code + rest, true
	case p.national == "":
		return "+" + p.Code + text, true
	case p.Code == "1" && len(text) == 10: // the North American plan has no local numbers of that length
		return "+1" + text, true
	}
	return text, true
}

// prefixes are those of numbers abroad.
func (p Plan) prefixes() []string {
	if len(p.international) == 0 {
		return abroad
	}
	return p.international
}

// parts separates a number from its parameters; context is the phone-context (RFC 3966 section 5.1.5) when that is a number. All of user is
// read: what hides behind a thousand separators is dialled by those who take them out.
func parts(user string) (text, context string) {
	for range maxEscapes {
		decoded, err := url.PathUnescape(user)
		if err != nil || decoded == user {
			break
		}
		user = decoded
	}
	if len(user) >= 4 && strings.EqualFold(user[:4], "tel:") {
		user = user[4:]
	}
	text, params, _ := strings.Cut(user, ";")
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(param, "=")
		if strings.EqualFold(strings.TrimSpace(name), "phone-context") && strings.HasPrefix(strings.TrimSpace(value), "+") {
			if number, _ := plain(strings.TrimSpace(value)); number != "" || strings.TrimSpace(value) == "+" {
				context = "+" + strings.TrimPrefix(number, "+")
			}
		}
	}
	return text, context
}

// plain is a number as + and digits, with * and # where they are, or a name in lower case; "" for what is neither.
func plain(text string) (out string, isNumber bool) {
	var b strings.Builder
	digits := 0
	for i, c := range text {
		d, isDigit := digit(c)
		switch {
		case isDigit:
			b.WriteByte(d)
			digits++
		case isPlus(c) && strings.TrimLeftFunc(text[:i], before) == "":
			if b.Len() == 0 {
				b.WriteByte('+')
			}
		case c == '*' || c == '#':
			b.WriteRune(c)
		case separates(c):
		default:
			return name(text), false
		}
	}
	if digits == 0 {
		return name(text), false
	}
	return b.String(), true
}

func isPlus(c rune) bool { return c == '+' || c == '\uff0b' }

// before finds what may stand before a plus.
func before(c rune) bool { return isPlus(c) || separates(c) }

// digit is the decimal digit that a character of any script stands for.
func digit(c rune) (byte, bool) {
	if c < unicode.MaxASCII {
		return byte(c), c >= '0' && c <= '9'
	}
	for _, r := range unicode.Nd.R16 { // each range is one or more rows of ten
		if rune(r.Lo) <= c && c <= rune(r.Hi) {
			return '0' + byte((c-rune(r.Lo))%10), true
		}
	}
	for _, r := range unicode.Nd.R32 {
		if rune(r.Lo) <= c && c <= rune(r.Hi) {
			return '0' + byte((c-rune(r.Lo))%10), true
		}
	}
	return 0, false
}

// separates finds what people write between digits: the visual separators of RFC 3966 section 5.1.1, and what looks like them.
func separates(c rune) bool {
	return strings.ContainsRune("-.()/", c) || unicode.Is(unicode.Zs, c) || unicode.Is(unicode.Pd, c) || unicode.Is(unicode.Cf, c)
}

// name is a name in lower case; "" for what is none: an address inside it, what stands for something else, or no letter and no digit.
func name(text string) string {
	letter := func(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) }
	if !strings.ContainsFunc(text, letter) {
		return ""
	}
	bad := func(c rune) bool {
		return c <= ' ' || c == 0x7f || c == unicode.ReplacementChar || strings.ContainsRune(`@%:"<>?,/\`, c)
	}
	if strings.ContainsFunc(text, bad) {
		return ""
	}
	return strings.ToLower(text)
}
