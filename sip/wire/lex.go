package wire

import "strings"

// Character classes of RFC 3261 section 25.1.
const (
	isToken    uint8 = 1 << iota // token
	isHostChar                   // hostname, IPv4address; '_' is tolerated
	isUserChar                   // user and password; '#' is tolerated, phones dial with it
	isURIParam                   // paramchar without the escape
	isGenValue                   // unquoted generic parameter value: token or host
	isIPv6Char                   // inside brackets
	isHex
	isScheme
)

var class = makeClass()

func makeClass() (t [256]uint8) {
	set := func(bits uint8, chars string) {
		for i := range len(chars) {
			t[chars[i]] |= bits
		}
	}
	const alnum = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	const mark = "-_.!~*'()"
	set(isToken|isUserChar|isURIParam|isGenValue|isScheme, alnum)
	set(isToken|isGenValue, "-.!%*_+`'~")
	set(isGenValue, "[]:")
	set(isHostChar, alnum+"-._")
	set(isUserChar, mark+"&=+$,;?/%#")
	set(isURIParam, mark+"[]/:&+$%")
	set(isIPv6Char|isHex, "0123456789abcdefABCDEF")
	set(isIPv6Char, ":.")
	set(isScheme, "+-.")
	return t
}

// all reports whether s is not empty and every byte of it has one of the class bits.
func all(s string, bits uint8) bool {
	for i := range len(s) {
		if class[s[i]]&bits == 0 {
			return false
		}
	}
	return s != ""
}

func isControl(c byte) bool { return c < ' ' || c == 0x7f }

// hasControl looks at eight bytes at a time.
func hasControl(s string) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for ; len(s) >= 8; s = s[8:] {
		w := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 | uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
		del := w ^ ones*0x7f // 0 where the byte is DEL
		if ((w-ones*' ')&^w|(del-ones)&^del)&tops != 0 {
			return true
		}
	}
	for i := range len(s) {
		if isControl(s[i]) {
			return true
		}
	}
	return false
}

// escaped reports whether every '%' in s starts an escape.
func escaped(s string) bool {
	for i := range len(s) {
		if s[i] == '%' && !escapeAt(s, i) {
			return false
		}
	}
	return true
}

// escapeAt reports whether two hex digits follow s[i].
func escapeAt(s string, i int) bool { return i+2 < len(s) && class[s[i+1]]&class[s[i+2]]&isHex != 0 }

// quotedEnd returns the index behind the quoted-string that s starts with, -1 when it has no end.
func quotedEnd(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

// unquote removes the quotes and escapes of a whole quoted-string.
func unquote(s string) string {
	s = s[1 : len(s)-1]
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b = append(b, s[i])
	}
	return string(b)
}

// appendQuoted writes s as a quoted-string. Control characters become blanks.
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case isControl(c):
			dst = append(dst, ' ')
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

// appendText writes s with control characters replaced by blanks: no caller can put a line break on the wire.
func appendText(dst []byte, s string) []byte {
	for i := range len(s) {
		c := s[i]
		if isControl(c) {
			c = ' '
		}
		dst = append(dst, c)
	}
	return dst
}

// appendToken writes the token characters of s and leaves out the others.
func appendToken(dst []byte, s string) []byte {
	for i := range len(s) {
		if class[s[i]]&isToken != 0 {
			dst = append(dst, s[i])
		}
	}
	return dst
}

// indexUnquoted returns the first index of c in s outside quotes, -1 when there is none.
func indexUnquoted(s string, c byte) int {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case c:
			return i
		case '"':
			n := quotedEnd(s[i:])
			if n < 0 {
				return -1
			}
			i += n - 1
		}
	}
	return -1
}

// indexEither finds the first of two bytes, -1 when there is neither.
func indexEither(s string, a, b byte) int {
	for i := range len(s) {
		if s[i] == a || s[i] == b {
			return i
		}
	}
	return -1
}
