package wire

import "strconv"

// Append writes the message. Content-Length is computed. Whatever the fields hold, the output has no line break but the ones this
// function writes: control characters become blanks, names lose what is no token character, URIs are escaped. A Field that names a
// header with a typed place is left out.
func (m *Message) Append(dst []byte) []byte {
	dst = m.appendStart(dst)
	names := &long
	if m.Compact {
		names = &short
	}
	for i := range m.Via {
		dst = append(m.Via[i].Append(append(dst, names.via...)), '\r', '\n')
	}
	dst = appendAddrs(dst, "Route: ", m.Route)
	dst = appendAddrs(dst, "Record-Route: ", m.RecordRoute)
	if m.MaxForwards >= 0 {
		dst = appendNumber(dst, "Max-Forwards: ", m.MaxForwards)
	}
	if m.From.URI.Scheme != "" {
		dst = append(m.From.Append(append(dst, names.from...)), '\r', '\n')
	}
	if m.To.URI.Scheme != "" {
		dst = append(m.To.Append(append(dst, names.to...)), '\r', '\n')
	}
	dst = appendLine(dst, names.callID, m.CallID)
	if m.CSeq.Method != "" {
		dst = strconv.AppendUint(append(dst, "CSeq: "...), uint64(m.CSeq.Seq), 10)
		dst = append(appendToken(append(dst, ' '), string(m.CSeq.Method)), '\r', '\n')
	}
	if m.ContactStar {
		dst = append(dst, "Contact: *\r\n"...)
	}
	dst = appendAddrs(dst, names.contact, m.Contact)
	if m.Expires >= 0 {
		dst = appendNumber(dst, "Expires: ", m.Expires)
	}
	dst = m.appendFields(dst)
	dst = appendLine(dst, names.contentType, m.ContentType)
	dst = appendNumber(dst, names.contentLength, len(m.Body))
	dst = append(dst, '\r', '\n')
	return append(dst, m.Body...)
}

// Bytes returns the message as Append writes it.
func (m *Message) Bytes() []byte { return m.Append(make([]byte, 0, 768+len(m.Body))) }

// names are how the headers with a typed place are written.
type names struct{ via, from, to, callID, contact, contentType, contentLength string }

var (
	long  = names{"Via: ", "From: ", "To: ", "Call-ID: ", "Contact: ", "Content-Type: ", "Content-Length: "}
	short = names{"v: ", "f: ", "t: ", "i: ", "m: ", "c: ", "l: "} // RFC 3261 section 7.3.3
)

func (m *Message) appendStart(dst []byte) []byte {
	if m.IsRequest() {
		dst = appendToken(dst, string(m.Method))
		dst = m.URI.appendRequest(append(dst, ' '))
		return append(dst, " SIP/2.0\r\n"...)
	}
	dst = append(dst, "SIP/2.0 "...)
	dst = strconv.AppendInt(dst, int64(m.Status), 10)
	dst = appendText(append(dst, ' '), m.Reason)
	return append(dst, '\r', '\n')
}

func (m *Message) appendFields(dst []byte) []byte {
	for i := range m.Fields {
		f := &m.Fields[i]
		h, isKnown := lookup(f.Name)
		if h.typed || !all(f.Name, isToken) {
			continue
		}
		name := f.Name
		switch {
		case isKnown && m.Compact && h.short != "":
			name = h.short
		case isKnown:
			name = h.name
		}
		dst = appendText(append(append(dst, name...), ':', ' '), f.Value)
		dst = append(dst, '\r', '\n')
	}
	return dst
}

func appendAddrs(dst []byte, prefix string, as []Addr) []byte {
	for i := range as {
		dst = append(as[i].Append(append(dst, prefix...)), '\r', '\n')
	}
	return dst
}

func appendLine(dst []byte, prefix, value string) []byte {
	if value == "" {
		return dst
	}
	return append(appendText(append(dst, prefix...), value), '\r', '\n')
}

func appendNumber(dst []byte, prefix string, n int) []byte {
	return append(strconv.AppendInt(append(dst, prefix...), int64(n), 10), '\r', '\n')
}
