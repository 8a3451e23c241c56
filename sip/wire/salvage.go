package wire

import (
	"bytes"
	"strings"
)

// salvage finds enough of a request that did not parse to answer it: the Via values, From, To, Call-ID and CSeq, first of each.
// What is malformed in them is left out, so an answer never carries the malformed text back.
func salvage(raw []byte) (*Message, bool) {
	raw = bytes.TrimLeft(raw[:min(len(raw), MaxMessage)], "\r\n")
	start, rest := looseLine(raw)
	method, _, _ := strings.Cut(start, " ")
	if !all(method, isToken) {
		return nil, false // a response starts with SIP/2.0: '/' is no token
	}
	w := wreck{m: &Message{Method: methodOf(method), MaxForwards: -1, Expires: -1}}
	for range maxLines {
		var line string
		if line, rest = looseFolded(rest); line == "" {
			break
		}
		w.line(line)
	}
	m := w.m
	ok := len(m.Via) > 0 && m.From.URI.Scheme != "" && m.To.URI.Scheme != "" && m.CallID != "" && m.CSeq.Method != ""
	return m, ok
}

// looseLine takes a line off whatever ends it.
func looseLine(s []byte) (string, []byte) {
	line, rest, _ := bytes.Cut(s, []byte{'\n'})
	return string(bytes.TrimRight(line[:min(len(line), maxLine)], "\r")), rest
}

// looseFolded takes a line off with its continuations. What goes beyond the limit of a line is cut off and not looked at.
func looseFolded(s []byte) (string, []byte) {
	line, rest := looseLine(s)
	if !folded(rest) {
		return line, rest
	}
	joined := []byte(line)
	for folded(rest) {
		var more string
		if more, rest = looseLine(rest); len(joined)+len(more) < maxLine {
			joined = append(append(joined, ' '), more...)
		}
	}
	return string(joined), rest
}

// wreck is what has been saved so far.
type wreck struct {
	m   *Message
	cut bool // a Via could not be read: those below it would be a way around the hop that it named
}

func (w *wreck) line(line string) {
	m := w.m
	name, value, ok := strings.Cut(line, ":")
	if !ok {
		return
	}
	h, _ := lookup(strings.TrimRight(name, " \t"))
	value = strings.Trim(value, " \t")
	switch {
	case h.name == "Via":
		w.vias(value)
	case h.name == "From" && m.From.URI.Scheme == "":
		m.From = salvageAddr(value)
	case h.name == "To" && m.To.URI.Scheme == "":
		m.To = salvageAddr(value)
	case h.name == "Call-ID" && m.CallID == "" && !strings.ContainsFunc(value, unprintable):
		m.CallID = value
	case h.name == "CSeq" && m.CSeq.Method == "":
		m.CSeq = salvageCSeq(value, m.Method)
	}
}

func unprintable(r rune) bool { return r <= ' ' || r == 0x7f }

func (w *wreck) vias(value string) {
	for value != "" && !w.cut && len(w.m.Via) < maxVias {
		part := value
		if i := indexUnquoted(value, ','); i >= 0 {
			part, value = value[:i], value[i+1:]
		} else {
			value = ""
		}
		v, ok := salvageVia(part)
		if w.cut = !ok; ok {
			w.m.Via = append(w.m.Via, v)
		}
	}
}

// salvageVia keeps the value if it parses, else the transport, the host and those parameters that do. The answer goes back along the
// flow, so a sent-by that is only half readable does no harm.
func salvageVia(s string) (Via, bool) {
	if canon, err := canonValue("Via", s); err == nil {
		if v, err := ParseVia(canon); err == nil {
			return v, true
		}
	}
	proto, rest, _ := strings.Cut(strings.TrimSpace(s), " ")
	if i := strings.LastIndexByte(proto, '/'); i >= 0 {
		proto = proto[i+1:]
	}
	sentBy, params, _ := strings.Cut(rest, ";")
	sentBy = strings.TrimSpace(sentBy)
	v := Via{Transport: strings.ToUpper(proto)}
	var err error
	if v.Host, v.Port, err = parseHostPort(sentBy); err != nil {
		host, _, _ := strings.Cut(sentBy, ":")
		if v.Host, _, err = parseHostPort(host); err != nil {
			return Via{}, false
		}
	}
	for p := range strings.SplitSeq(params, ";") {
		q, rest, err := parseParam(strings.TrimSpace(p))
		if len(v.Params) == maxParams {
			break
		}
		if _, twice := v.Params.Lookup(q.Name); err == nil && rest == "" && !twice {
			v.Params = append(v.Params, q)
		}
	}
	return v, all(proto, isToken)
}

// salvageAddr keeps the address if it parses, else a placeholder with the tag.
func salvageAddr(s string) Addr {
	if canon, err := canonValue("To", s); err == nil {
		if a, err := ParseAddr(canon); err == nil {
			return a
		}
	}
	a := Addr{URI: URI{Scheme: "sip", Host: "anonymous.invalid"}}
	if i := strings.LastIndex(s, ";tag="); i >= 0 {
		if tag, _, _ := strings.Cut(s[i+5:], ";"); all(tag, isToken) {
			a.Params = Params{{Name: "tag", Value: tag}}
		}
	}
	return a
}

// canonValue runs one value through Canon's rules for its header.
func canonValue(name, v string) (string, error) {
	h, _ := lookup(name)
	c := canonizer{}
	if err := c.value(h, trimBlanks([]byte(v))); err != nil {
		return "", err
	}
	return string(c.out[len(h.name)+2 : len(c.out)-2]), nil
}

// salvageCSeq reads number and method. A number out of range becomes the largest: transactions are matched by branch and method.
func salvageCSeq(s string, method Method) CSeq {
	number, name := s, ""
	if i := strings.IndexAny(s, " \t"); i >= 0 {
		number, name = s[:i], strings.Trim(s[i:], " \t")
	}
	if all(name, isToken) {
		method = methodOf(name)
	}
	if !digitsOnly(number) {
		return CSeq{}
	}
	n, ok := decimal(number, 1<<31-1)
	if !ok {
		n = 1<<31 - 1
	}
	return CSeq{Seq: uint32(n), Method: method}
}
