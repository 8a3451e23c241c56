package wire

import (
	"bytes"
	"strings"
)

// Part is one part of a multipart body.
type Part struct {
	ContentType string // "text/plain" when the part names none (RFC 2046 section 5.1)
	Disposition string // Content-Disposition, "" when absent
	ID          string // Content-ID, "" when absent
	Encoding    string // Content-Encoding and Content-Transfer-Encoding that change the bytes, "" when there is none
	Body        []byte // shares the message's
}

// Required reports whether the sender insists that the part is understood (RFC 3261 section 20.11, handling=required).
func (p Part) Required() bool {
	v, err := ParseValue(p.Disposition)
	return err == nil && strings.EqualFold(v.Params.Get("handling"), "required")
}

// MediaType is the part's type without parameters, in lower case.
func (p Part) MediaType() string {
	t, _, _ := strings.Cut(p.ContentType, ";")
	return strings.ToLower(strings.TrimSpace(t))
}

// Parts takes a multipart body apart (RFC 2046 section 5.1.1), one level deep: a nested multipart is a part like any other. Preamble and
// epilogue are dropped. Errors: ErrSyntax without a boundary, a part or a closing line; ErrLimit.
func Parts(contentType string, body []byte) ([]Part, error) {
	v, err := ParseValue(contentType)
	if err != nil {
		return nil, err
	}
	boundary := v.Params.Get("boundary")
	if boundary == "" || len(boundary) > maxBoundary {
		return nil, syntax("boundary")
	}
	_, rest, found := cutDelimiter(body, boundary)
	if !found {
		return nil, syntax("multipart")
	}
	var parts []Part
	for {
		if bytes.HasPrefix(rest, []byte("--")) { // the closing line
			return parts, nil
		}
		_, after, ok := bytes.Cut(rest, []byte("\n"))
		if !ok {
			return nil, syntax("multipart")
		}
		one, next, ok := cutDelimiter(after, boundary)
		switch {
		case !ok:
			return nil, syntax("multipart")
		case len(parts) == maxParts:
			return nil, overLimit("multipart")
		}
		p, err := parsePart(one)
		if err != nil {
			return nil, err
		}
		parts, rest = append(parts, p), next
	}
}

// cutDelimiter cuts body at the next line that begins with the boundary; after starts behind it.
func cutDelimiter(body []byte, boundary string) (before, after []byte, found bool) {
	mark := []byte("--" + boundary)
	for from := 0; ; {
		i := bytes.Index(body[from:], mark)
		if i < 0 {
			return nil, nil, false
		}
		at := from + i
		if at == 0 {
			return nil, body[len(mark):], true
		}
		if body[at-1] == '\n' {
			return bytes.TrimSuffix(body[:at-1], []byte("\r")), body[at+len(mark):], true
		}
		from = at + len(mark)
	}
}

// parsePart splits a part's header section from its body. A part may have no header at all; folded lines are no use to anybody here.
func parsePart(one []byte) (Part, error) {
	p := Part{ContentType: "text/plain"}
	for {
		line, rest, more := bytes.Cut(one, []byte("\n"))
		if line = bytes.TrimSuffix(line, []byte("\r")); len(line) == 0 || !more {
			p.Body = rest
			return p, nil
		}
		name, value, ok := strings.Cut(strings.ReplaceAll(string(line), "\t", " "), ":")
		if !ok || len(line) > maxLine || hasControl(value) {
			return p, syntax("part header")
		}
		value = squeeze(value)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "content-type", "c":
			p.ContentType = value
		case "content-disposition":
			p.Disposition = value
		case "content-id":
			p.ID = value
		case "content-encoding", "e", "content-transfer-encoding":
			if !strings.EqualFold(value, "identity") && !strings.EqualFold(value, "binary") && !strings.EqualFold(value, "8bit") &&
				!strings.EqualFold(value, "7bit") {
				p.Encoding = value
			}
		}
		one = rest
	}
}

// JoinParts writes a multipart body. No part may contain the boundary.
func JoinParts(boundary string, parts []Part) []byte {
	var b bytes.Buffer
	for _, p := range parts {
		b.WriteString("--" + boundary + "\r\nContent-Type: " + p.ContentType + "\r\n")
		if p.Disposition != "" {
			b.WriteString("Content-Disposition: " + p.Disposition + "\r\n")
		}
		if p.ID != "" {
			b.WriteString("Content-ID: " + p.ID + "\r\n")
		}
		b.WriteString("\r\n")
		b.Write(p.Body)
		b.WriteString("\r\n")
	}
	b.WriteString("--" + boundary + "--\r\n")
	return b.Bytes()
}

// squeeze takes out the blanks outside quotes: part headers have not been through Canon, and no value read here has any.
func squeeze(s string) string {
	if strings.IndexByte(s, ' ') < 0 {
		return s
	}
	b, quoted := make([]byte, 0, len(s)), false
	for i := range len(s) {
		if s[i] == '"' && (i == 0 || s[i-1] != '\\') {
			quoted = !quoted
		}
		if s[i] != ' ' || quoted {
			b = append(b, s[i])
		}
	}
	return string(b)
}

// Encoded reports whether the body arrives in an encoding that nobody here undoes (RFC 3261 section 20.12).
func (m *Message) Encoded() bool {
	for _, v := range m.Values("Content-Encoding") {
		for one := range strings.SplitSeq(v, ",") {
			if one = strings.TrimSpace(one); one != "" && !strings.EqualFold(one, "identity") {
				return true
			}
		}
	}
	return false
}
