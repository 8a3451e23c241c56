package offer

import "strings"

// word cuts the first word off a text: blanks stand before and between words.
func word(text string) (first, rest string) {
	for text != "" && isBlank(text[0]) {
		text = text[1:]
	}
	for i := range len(text) {
		if isBlank(text[i]) {
			return text[:i], text[i:]
		}
	}
	return text, ""
}

// words puts the first words of a text into out, and returns how many the text has.
func words(text string, out []string) (n int) {
	for {
		var w string
		if w, text = word(text); w == "" {
			return n
		}
		if n < len(out) {
			out[n] = w
		}
		n++
	}
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// hasControl reports whether a line has a control character, a lone CR among them. A tab is a blank.
func hasControl(line string) bool {
	for i := range len(line) {
		if c := line[i]; c < ' ' && c != '\t' || c == 0x7f {
			return true
		}
	}
	return false
}

// isToken reports whether s is visible ASCII without space: fit to be echoed in a line of ours.
func isToken(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != "" && len(s) <= 256
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// tight takes out blanks before the equals sign. RFC 8866 section 5 forbids them, but what was meant is plain and never written on.
func tight(line string) string {
	if len(line) < 2 || line[1] != ' ' {
		return line
	}
	if rest := strings.TrimLeft(line[1:], " "); strings.HasPrefix(rest, "=") {
		return line[:1] + rest
	}
	return line
}

// head counts the lines that stand once, or at least once, before the first m-line.
type head struct{ version, origin, name, connection, time int }

// take checks a v=, o=, s= or t= line (RFC 8866 sections 5.1, 5.2, 5.3 and 5.9). Nothing that it says is used; who cannot write it may
// mean something else by the rest, too.
func (h *head) take(kind byte, value string) bool {
	switch kind {
	case 'v':
		h.version++
		return strings.Trim(strings.TrimRight(value, " \t"), "0") == ""
	case 'o':
		h.origin++
		return isOrigin(value)
	case 't':
		h.time++
		return isTime(value)
	default: // s=, any text
		h.name++
		return true
	}
}

// whole reports whether a session has all that it must have. The lines may come in any order: some telephones ignore that of section 5.
func (h *head) whole() bool {
	return h.version == 1 && h.origin == 1 && h.name == 1 && h.connection <= 1 && h.time > 0
}

// isOrigin reads "- 20518 0 IN IP4 203.0.113.1": the user's name may be empty, and cameras leave the address out, or its kind as well.
func isOrigin(value string) bool {
	name := strings.IndexAny(value, " \t")
	if name < 0 {
		return false
	}
	var f [5]string
	n := words(value[name:], f[:])
	return n >= 3 && n <= 5 && isDigits(f[0]) && isDigits(f[1]) && f[2] == "IN" && (n == 3 || isFamily(f[3]))
}

func isFamily(s string) bool { return s == "IP4" || s == "IP6" }

// isTime reads "0 0", and less.
func isTime(value string) bool {
	var f [2]string
	n := words(value, f[:])
	return n <= 2 && (n < 1 || isDigits(f[0])) && (n < 2 || isDigits(f[1]))
}
