package wire

import (
	"strings"
	"unsafe"
)

// Glance is what of an INVITE an answer is made of that costs next to nothing; of an ACK it is the To alone, and what stands behind that is not
// looked at. Values stand as they came; none of
// them has a control character. They are raw's own memory: they hold until raw is used for something else.
type Glance struct {
	Method        Method
	Vias          [glanceVias]string // values, topmost first
	Host          string             // of the topmost Via: sent-by
	Port          int                // 0 when absent
	Branch        string
	Rport         bool // the topmost Via asks for received and rport (RFC 3581)
	From, FromTag string
	To, ToTag     string
	CallID, CSeq  string
	vias          int
}

// glanceVias is how many Via lines a request may have to be looked at so.
const glanceVias = 8

// Look reads no more of a request than it takes to turn it away. ok is false for anything out of the ordinary, which is not to say that it
// is wrong: it has to be read (see Read).
func Look(raw []byte) (g Glance, ok bool) {
	if len(raw) == 0 {
		return g, false
	}
	text := unsafe.String(&raw[0], len(raw))
	switch {
	case strings.HasPrefix(text, "INVITE "):
		g.Method = INVITE
	case strings.HasPrefix(text, "ACK "):
		g.Method = ACK
	default:
		return g, false
	}
	line, rest, ok := glanceLine(text)
	if !ok || !strings.HasSuffix(line, " "+version) {
		return g, false
	}
	for {
		if line, rest, ok = glanceLine(rest); !ok {
			return g, false
		}
		if line == "" {
			return g, g.whole()
		}
		if !g.line(line) {
			return g, false
		}
		if g.ToTag != "" && g.Method == ACK {
			return g, true
		}
	}
}

func glanceLine(s string) (line, rest string, ok bool) {
	i := strings.IndexByte(s, '\n')
	if i < 1 || s[i-1] != '\r' || i > maxLine {
		return "", "", false
	}
	return s[:i-1], s[i+1:], true
}

// whole reports whether everything is there that an answer needs; of an ACK that is the To tag.
func (g *Glance) whole() bool {
	return g.Method != ACK && g.vias > 0 && g.FromTag != "" && g.To != "" && g.CallID != "" && g.CSeq != ""
}

// line takes a header line, false when it is folded, comes twice, or cannot be given back as it is.
func (g *Glance) line(line string) bool {
	first := lower(line[0])
	if blank(first) {
		return false
	}
	switch first {
	case 'v', 'f', 't', 'i', 'c':
	default:
		return true
	}
	colon := strings.IndexByte(line, ':')
	if colon < 1 || blank(line[colon-1]) {
		return false
	}
	name, value := line[:colon], strings.Trim(line[colon+1:], " ")
	is := func(long string) bool { return len(name) == len(long) && strings.EqualFold(name, long) }
	switch {
	case first == 't' && (colon == 1 || is("To")):
		return glanceOnce(&g.To, value) && glanceTag(value, &g.ToTag)
	case g.Method == ACK:
		return true
	case first == 'v' && (colon == 1 || is("Via")):
		return g.via(value)
	case first == 'f' && (colon == 1 || is("From")):
		return glanceOnce(&g.From, value) && glanceTag(value, &g.FromTag)
	case first == 'i' && colon == 1 || is("Call-ID"):
		return glanceOnce(&g.CallID, value) && strings.IndexByte(value, ' ') < 0
	case is("CSeq"):
		number, method, _ := strings.Cut(value, " ")
		_, digits := decimal(number, 1<<31-1)
		return glanceOnce(&g.CSeq, value) && digits && method == string(g.Method)
	}
	return true
}

func glanceOnce(to *string, value string) bool {
	if *to != "" || value == "" || hasControl(value) {
		return false
	}
	*to = value
	return true
}

// via takes one Via line.
func (g *Glance) via(value string) bool {
	if g.vias == glanceVias || hasControl(value) || strings.IndexByte(value, ',') >= 0 {
		return false
	}
	g.Vias[g.vias] = value
	if g.vias++; g.vias > 1 {
		return true
	}
	_, rest, ok := strings.Cut(value, " ")
	if !ok || !strings.HasPrefix(value, version+"/") || !cuttable(rest) {
		return false
	}
	sentBy, params, _ := strings.Cut(rest, ";")
	var err error
	if g.Host, g.Port, err = parseHostPort(sentBy); err != nil {
		return false
	}
	for params != "" {
		var param string
		param, params, _ = strings.Cut(params, ";")
		switch name, v, _ := strings.Cut(param, "="); name {
		case "branch":
			if g.Branch != "" || v == "" {
				return false
			}
			g.Branch = v
		case "rport":
			if g.Rport || v != "" {
				return false
			}
			g.Rport = true
		case "alias", "ttl", "maddr", "keep", "":
			return false
		default:
			if strings.EqualFold(name, "received") || strings.EqualFold(name, "branch") || len(name) >= 5 && strings.EqualFold(name[:5], "rport") {
				return false
			}
		}
	}
	return g.Branch != ""
}

// cuttable reports whether parameters can be cut at each semicolon.
func cuttable(params string) bool {
	return strings.IndexByte(params, '"') < 0 && strings.IndexByte(params, ' ') < 0
}

// glanceTag finds the tag behind an address.
func glanceTag(value string, to *string) bool {
	params := value
	if i := strings.LastIndexByte(value, '>'); i >= 0 {
		params = value[i+1:]
	}
	if !cuttable(params) {
		return false
	}
	if tag, only := strings.CutPrefix(params, ";tag="); only && *to == "" && all(tag, isToken) {
		*to = tag
		return true
	}
	_, params, _ = strings.Cut(params, ";")
	for params != "" {
		var param string
		param, params, _ = strings.Cut(params, ";")
		name, v, _ := strings.Cut(param, "=")
		if !strings.EqualFold(name, "tag") {
			continue
		}
		if *to != "" || !all(v, isToken) {
			return false
		}
		*to = v
	}
	return true
}

// Refusal appends the response to a request that was looked at: status line, Via with the source where that is asked for, From, To with
// toTag, Call-ID and CSeq as they came. fields are whole lines, each with its end.
func (g *Glance) Refusal(dst []byte, status, source, port string, toTag, fields []byte) []byte {
	dst = append(append(append(dst, version+" "...), status...), "\r\nVia: "...)
	if !g.Rport {
		dst = append(dst, g.Vias[0]...)
	} else {
		at := strings.Index(g.Vias[0], ";rport") + len(";rport")
		dst = append(append(append(dst, g.Vias[0][:at]...), '='), port...)
		dst = append(append(append(dst, ";received="...), source...), g.Vias[0][at:]...)
	}
	for _, v := range g.Vias[1:g.vias] {
		dst = append(append(dst, "\r\nVia: "...), v...)
	}
	dst = append(append(dst, "\r\nFrom: "...), g.From...)
	dst = append(append(append(append(dst, "\r\nTo: "...), g.To...), ";tag="...), toTag...)
	dst = append(append(dst, "\r\nCall-ID: "...), g.CallID...)
	dst = append(append(dst, "\r\nCSeq: "...), g.CSeq...)
	return append(append(append(dst, "\r\n"...), fields...), "Content-Length: 0\r\n\r\n"...)
}
