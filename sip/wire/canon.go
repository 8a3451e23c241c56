package wire

import (
	"bytes"
	"errors"
	"strings"
)

// CanonOptions are the repairs that a peer's profile allows. The zero value repairs nothing.
type CanonOptions struct {
	LFOnly bool // bare LF ends a line of the header section; off: 400
}

// Canon rewrites a message so that every header has one spelling: long canonical name, no folding, no blank before the colon, one
// value per line for Via and address lists, no blanks around separators outside quotes, no control characters. The body follows
// unchanged. The result shares no memory with raw.
func Canon(raw []byte, opt CanonOptions) ([]byte, error) {
	if len(raw) > MaxMessage {
		return nil, tooLarge(513, "message")
	}
	for len(raw) >= 2 && raw[0] == '\r' && raw[1] == '\n' {
		raw = raw[2:] // RFC 3261 section 7.5
	}
	if opt.LFOnly {
		raw = repairLF(raw)
	}
	line, rest, err := cutLine(raw)
	if err != nil {
		return nil, err
	}
	c := canonizer{out: make([]byte, 0, len(raw)+len(raw)/4+64)}
	if err := c.startLine(line); err != nil {
		return nil, err
	}
	for {
		if line, rest, err = cutFolded(rest); err != nil {
			return nil, err
		}
		if len(line) == 0 {
			c.out = append(c.out, '\r', '\n')
			return append(c.out, rest...), nil
		}
		if err := c.header(line); err != nil {
			return nil, err
		}
	}
}

// repairLF turns bare LF into CRLF up to the end of the header section.
func repairLF(raw []byte) []byte {
	out := make([]byte, 0, len(raw)+64)
	for len(raw) > 0 {
		n := bytes.IndexByte(raw, '\n')
		if n < 0 {
			break
		}
		line := bytes.TrimSuffix(raw[:n], []byte{'\r'})
		out = append(append(out, line...), '\r', '\n')
		if raw = raw[n+1:]; len(line) == 0 {
			break
		}
	}
	return append(out, raw...)
}

// cutLine takes one line off. A bare CR or LF is an attempt to be read differently by two peers.
func cutLine(s []byte) (line, rest []byte, err error) {
	i := bytes.IndexByte(s, '\n')
	if i < 1 || s[i-1] != '\r' || bytes.IndexByte(s[:i-1], '\r') >= 0 {
		return nil, nil, malformed("header section")
	}
	return s[:i-1], s[i+1:], nil
}

// cutFolded takes one header line off, with its continuations joined by one blank.
func cutFolded(s []byte) (line, rest []byte, err error) {
	if line, rest, err = cutLine(s); err != nil || len(line) == 0 || !folded(rest) {
		return line, rest, err
	}
	joined := append(make([]byte, 0, 2*len(line)), trimRight(line)...)
	for folded(rest) {
		if line, rest, err = cutLine(rest); err != nil {
			return nil, nil, err
		}
		if len(joined)+len(line) > maxLine {
			return nil, nil, tooLarge(400, "header line")
		}
		joined = append(append(joined, ' '), trimBlanks(line)...)
	}
	return joined, rest, nil
}

func folded(rest []byte) bool { return len(rest) > 0 && blank(rest[0]) }

func blank(c byte) bool { return c == ' ' || c == '\t' }

func trimRight(s []byte) []byte {
	for len(s) > 0 && blank(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

func trimBlanks(s []byte) []byte {
	for len(s) > 0 && blank(s[0]) {
		s = s[1:]
	}
	return trimRight(s)
}

// canonizer writes the canonical form.
type canonizer struct {
	out   []byte
	lines int
	vias  int
}

func (c *canonizer) startLine(line []byte) error {
	if len(line) > maxLine {
		return tooLarge(414, "start line")
	}
	for _, b := range line {
		if isControl(b) {
			return malformed("start line")
		}
	}
	c.out = append(append(c.out, line...), '\r', '\n')
	return nil
}

func (c *canonizer) header(line []byte) error {
	if len(line) > maxLine {
		return tooLarge(400, "header line")
	}
	colon := bytes.IndexByte(line, ':')
	if colon < 0 {
		return malformed("header section")
	}
	name := trimRight(line[:colon])
	if len(name) > maxName || !all(string(name), isToken) {
		return malformed("header name")
	}
	v := trimBlanks(line[colon+1:])
	if h, isKnown := lookup(name); isKnown {
		return c.value(h, v)
	}
	err := c.value(header{name: string(appendTitle(nil, name))}, v)
	if errors.Is(err, ErrSyntax) {
		return malformed("header value") // the name is the peer's own word: it is not given back
	}
	return err
}

func (c *canonizer) value(h header, v []byte) error {
	if err := c.open(h); err != nil {
		return err
	}
	var err error
	if plain(h, v) {
		c.out = append(c.out, v...)
	} else {
		err = c.rewrite(h, v)
	}
	c.out = append(c.out, '\r', '\n')
	return err
}

// rewrite copies a value in canonical form.
func (c *canonizer) rewrite(h header, v []byte) error {
	switch h.shape {
	case text:
		return c.text(h, v)
	case words:
		return c.words(h, v)
	default:
		return c.structured(h, v)
	}
}

// open starts a header line, in place of a comma too.
func (c *canonizer) open(h header) error {
	if c.lines++; c.lines > maxLines {
		return tooLarge(400, "header section")
	}
	if h.shape == via {
		if c.vias++; c.vias > maxVias {
			return tooLarge(400, h.name)
		}
	}
	c.out = append(append(c.out, h.name...), ':', ' ')
	return nil
}

// special marks the bytes that may have to be rewritten. A value without any is copied as it is, as most are.
var special = makeSpecial()

func makeSpecial() (t [256]bool) {
	for b := range 256 {
		t[b] = isControl(byte(b)) || blank(byte(b)) || b == '"'
	}
	return t
}

func plain(h header, v []byte) bool {
	for _, b := range v {
		if special[b] {
			return false
		}
	}
	return !h.splits() || bytes.IndexByte(v, ',') < 0
}

// splits reports whether a comma begins a line of its own.
func (h header) splits() bool { return h.shape == addrList || h.shape == paramList || h.shape == via }

func (c *canonizer) text(h header, v []byte) error {
	for _, b := range v {
		if b == '\t' {
			b = ' '
		}
		if isControl(b) {
			return malformed(h.name)
		}
		c.out = append(c.out, b)
	}
	return nil
}

func (c *canonizer) words(h header, v []byte) error {
	for i, b := range v {
		switch {
		case blank(b) && blank(v[i-1]): // v is trimmed: i > 0
		case blank(b):
			c.out = append(c.out, ' ')
		case isControl(b):
			return malformed(h.name)
		default:
			c.out = append(c.out, b)
		}
	}
	return nil
}

// separators around which blanks go, per shape. Inside angle brackets nothing is touched: a URI with a blank is an error to report.
var separators = [...]string{list: ",", param: ";=,/", paramList: ";=,/", addr: ";=,<>", addrList: ";=,<>", via: ";=,/:"}

func (c *canonizer) structured(h header, v []byte) error {
	split := h.splits()
	brackets := h.shape == addr || h.shape == addrList
	angle := false // inside < >
	gap := false   // blanks were seen; they become one unless a separator is beside them
	glued := true  // the byte before swallows blanks
	for i := 0; i < len(v); i++ {
		b := v[i]
		if blank(b) {
			gap = true
			continue
		}
		sep := !angle && strings.IndexByte(separators[h.shape], b) >= 0
		if gap && !glued && !sep {
			c.out = append(c.out, ' ')
		}
		gap, glued = false, sep && b != '<'
		switch {
		case isControl(b):
			return malformed(h.name)
		case b == '"':
			n, err := c.quoted(h, v[i:])
			if err != nil {
				return err
			}
			i += n - 1
			continue
		case b == ',' && split && !angle:
			c.out = append(c.out, '\r', '\n')
			if err := c.open(h); err != nil {
				return err
			}
			continue
		case brackets && b == '<':
			angle = true
		case brackets && b == '>':
			angle, glued = false, true
		}
		c.out = append(c.out, b)
	}
	return nil
}

// quoted copies a quoted-string. RFC 3261 allows a control character behind a backslash; nothing here carries one further, so it
// becomes a blank.
func (c *canonizer) quoted(h header, v []byte) (int, error) {
	c.out = append(c.out, '"')
	for i := 1; i < len(v); i++ {
		b := v[i]
		switch {
		case b == '"':
			c.out = append(c.out, b)
			return i + 1, nil
		case b == '\\' && i+1 < len(v):
			i++
			c.out = append(c.out, '\\', printable(v[i]))
		case b == '\t':
			c.out = append(c.out, ' ')
		case isControl(b):
			return 0, malformed(h.name)
		default:
			c.out = append(c.out, b)
		}
	}
	return 0, malformed(h.name) // unbalanced
}

func printable(c byte) byte {
	if isControl(c) {
		return ' '
	}
	return c
}
