package wire

import (
	"bytes"
	"unsafe"
)

// direct reads a message without the detour over its canonical form: of most messages most lines are canonical already, and only those that
// are not are rewritten, each by itself. ok is false for whatever is out of the ordinary or wrong: then Canon and Parse say what it is. The
// result is the one that they would give. The message shares one copy of raw.
func direct(raw []byte) (m *Message, ok bool) {
	end := bytes.Index(raw, []byte("\r\n\r\n"))
	if end < 0 || end > maxShared || len(raw) > MaxMessage {
		return nil, false
	}
	own := bytes.Clone(raw)
	d := director{p: newParser()}
	if !d.head(own[:end+2]) {
		return nil, false
	}
	body := own[end+4:]
	if d.p.length > len(body) {
		return nil, false
	}
	if d.p.length >= 0 {
		body = body[:d.p.length] // what follows is not ours: RFC 3261 section 18.3
	}
	if len(body) > 0 {
		d.p.m.Body = body
	}
	return &d.p.m.Message, true
}

// director is a parser and the counts that Canon keeps.
type director struct {
	p     parser
	lines int
	vias  int
}

func (d *director) head(raw []byte) bool {
	text := unsafe.String(&raw[0], len(raw)) // nobody writes to the copy
	line, rest, err := cutLine(raw)
	if err != nil || hasControl(text[:len(line)]) || parseStart(text[:len(line)], &d.p.m.Message, &d.p.left) != nil {
		return false
	}
	if n := bytes.Count(rest, []byte{'\n'}) - typedLines; n > 0 {
		d.p.m.Fields = make([]Field, 0, n)
	}
	for len(rest) > 0 {
		at := len(text) - len(rest)
		if line, rest, err = cutLine(rest); err != nil || folded(rest) || !d.line(line, text[at:at+len(line)]) {
			return false
		}
	}
	return true
}

// line takes one header line.
func (d *director) line(raw []byte, text string) bool {
	colon := bytes.IndexByte(raw, ':')
	if colon < 1 || colon > maxName || blank(raw[colon-1]) {
		return false
	}
	h, known := lookup(raw[:colon])
	if !known {
		if !all(text[:colon], isToken) || CanonicalName(text[:colon]) != text[:colon] {
			return false
		}
		h.name = text[:colon]
	}
	value := trimBlanks(raw[colon+1:])
	if !canonical(h, value) {
		return d.rewrite(h, value)
	}
	if d.lines++; d.lines > maxLines || h.shape == via && !d.another() {
		return false
	}
	from := len(raw) - len(bytes.TrimLeft(raw[colon+1:], " \t"))
	return d.p.take(h, text[from:from+len(value)]) == nil
}

func (d *director) another() bool {
	d.vias++
	return d.vias <= maxVias
}

// rewrite takes a line in canonical form, or the several that it becomes.
func (d *director) rewrite(h header, value []byte) bool {
	c := canonizer{lines: d.lines, vias: d.vias}
	if c.value(h, value) != nil {
		return false
	}
	d.lines, d.vias = c.lines, c.vias
	text := string(c.out)
	for rest := c.out; len(rest) > 0; {
		at := len(text) - len(rest)
		line, next, err := cutLine(rest)
		if err != nil || d.p.take(h, text[at+len(h.name)+2:at+len(line)]) != nil {
			return false
		}
		rest = next
	}
	return true
}

// canonical reports whether Canon would leave a value as it is, as far as that is seen at a glance: blanks stand alone between two words.
func canonical(h header, v []byte) bool {
	for i, b := range v {
		switch {
		case !special[b]:
		case b != ' ':
			return false
		case h.shape == text:
		case i == 0 || i == len(v)-1 || special[v[i-1]] || special[v[i+1]] || h.separates(v[i-1]) || h.separates(v[i+1]):
			return false
		}
	}
	return !h.splits() || bytes.IndexByte(v, ',') < 0
}

// separates reports whether blanks go beside b.
func (h header) separates(b byte) bool {
	for i := range len(separators[h.shape]) {
		if separators[h.shape][i] == b {
			return true
		}
	}
	return false
}
