package telemetry

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// AppendPlain appends a line of JSON to dst, with all that could do something to the terminal that shows it escaped (security.md T38).
// encoding/json escapes the controls of ASCII alone: DEL, the C1 controls (U+009B begins a command as ESC [ does) and the characters that
// turn the direction of text come from the wire, too.
func AppendPlain(dst, line []byte) []byte {
	for {
		at := firstActing(line)
		if at < 0 {
			return append(dst, line...)
		}
		c, size := utf8.DecodeRune(line[at:])
		dst = append(dst, line[:at]...)
		dst = fmt.Appendf(dst, `\u%04x`, c)
		line = line[at+size:]
	}
}

// firstActing is where in line the first character is that acts, or -1. Nearly all of a line is ASCII, which is not decoded.
func firstActing(line []byte) int {
	for i := 0; i < len(line); {
		if line[i] < 0x7f {
			i++
			continue
		}
		c, size := utf8.DecodeRune(line[i:])
		if acts(c) {
			return i
		}
		i += size
	}
	return -1
}

// acts finds characters that a terminal obeys instead of showing them. All are in the basic plane. A newline ends the line.
func acts(c rune) bool {
	switch {
	case c < 0x7f:
		return false
	case c < 0xa0:
		return true
	}
	return unicode.Is(unicode.Bidi_Control, c)
}
