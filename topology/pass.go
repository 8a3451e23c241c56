package topology

import (
	"bytes"
	"slices"
	"strings"

	"drawbridge/sip/wire"
)

// Pass is what may cross besides what this package lets through of itself. Names are as the configuration has them.
type Pass struct {
	Headers []string // of requests that begin something, and of the answers to an INVITE
	Bodies  []string // media types of the parts of an INVITE's body
	SDP     []string // attributes of the first offer and its answer
}

// Passes are what a place of the border lets in and out.
type Passes struct{ In, Out Pass }

// Empty reports whether nothing is let through.
func (p Passes) Empty() bool { return p.In.Empty() && p.Out.Empty() }

// Empty reports whether nothing is let through.
func (p Pass) Empty() bool { return len(p.Headers)+len(p.Bodies)+len(p.SDP) == 0 }

// Through is what crosses from a place that lets p in to one that lets q out. A nil place lets nothing through.
func Through(p, q *Passes) Pass {
	if p == nil || q == nil {
		return Pass{}
	}
	return Pass{both(p.In.Headers, q.Out.Headers), both(p.In.Bodies, q.Out.Bodies), both(p.In.SDP, q.Out.SDP)}
}

// both are the names in two lists.
func both(a, b []string) (out []string) {
	for _, name := range a {
		if listed(b, name) && !listed(out, name) {
			out = append(out, name)
		}
	}
	return out
}

func listed(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}

// Fields are the header lines of m that may cross.
func (p Pass) Fields(m *wire.Message) (out []wire.Field) {
	for _, name := range p.Headers {
		for _, v := range m.Values(name) {
			out = append(out, wire.Field{Name: wire.CanonicalName(name), Value: v})
		}
	}
	return out
}

// Add puts fields into a message, but for headers that it has already.
func Add(m *wire.Message, fields []wire.Field) {
	had := m.Fields
	for _, f := range fields {
		if !slices.ContainsFunc(had, func(h wire.Field) bool { return h.Name == f.Name }) {
			m.Fields = append(m.Fields, f)
		}
	}
}

// Parts are the parts of a multipart body that may cross, as they are.
func (p Pass) Parts(parts []wire.Part) (out []wire.Part) {
	for _, part := range parts {
		if part.Encoding == "" && listed(p.Bodies, part.MediaType()) {
			out = append(out, part)
		}
	}
	return out
}

// Enclose makes the body of m the first part of a multipart with further ones. The boundary is a token that no part has in it.
func Enclose(m *wire.Message, boundary string, parts []wire.Part) {
	if len(parts) == 0 {
		return
	}
	parts = append([]wire.Part{{ContentType: m.ContentType, Body: m.Body}}, parts...)
	m.ContentType, m.Body = "multipart/mixed;boundary="+boundary, wire.JoinParts(boundary, parts)
}

// Attributes are attribute lines of a session description, each without its end.
type Attributes struct{ Session, Audio []string }

// None reports whether there are none.
func (a Attributes) None() bool { return len(a.Session) == 0 && len(a.Audio) == 0 }

// maxAttributes bounds the lines that cross of one description. Chosen here.
const maxAttributes = 32

// Attributes are those of a description, and of its first audio, that may cross.
func (p Pass) Attributes(sdp []byte) (out Attributes) {
	if len(p.SDP) == 0 {
		return out
	}
	in, audios := &out.Session, 0
	for line := range bytes.Lines(sdp) {
		line = bytes.TrimRight(line, "\r\n")
		if bytes.HasPrefix(line, []byte("m=")) {
			if in = new([]string); bytes.HasPrefix(line, []byte("m=audio ")) {
				if audios++; audios == 1 {
					in = &out.Audio
				}
			}
			continue
		}
		value, ok := bytes.CutPrefix(line, []byte("a="))
		if name, _, _ := strings.Cut(string(value), ":"); ok && len(*in) < maxAttributes && listed(p.SDP, name) && !bytes.ContainsAny(line, "\r\n\x00") {
			*in = append(*in, string(line))
		}
	}
	return out
}

// Write puts attributes into a description of ours: those of the session before its media, those of the audio behind its own.
func (a Attributes) Write(sdp []byte) []byte {
	if a.None() || len(sdp) == 0 {
		return sdp
	}
	var out bytes.Buffer
	media, audio := 0, false
	write := func(lines []string) {
		for _, l := range lines {
			out.WriteString(l + "\r\n")
		}
	}
	for line := range bytes.Lines(sdp) {
		if bytes.HasPrefix(line, []byte("m=")) {
			if media++; media == 1 {
				write(a.Session)
			}
			if audio {
				write(a.Audio)
				a.Audio = nil
			}
			audio = bytes.HasPrefix(line, []byte("m=audio "))
		}
		out.Write(line)
	}
	if audio {
		write(a.Audio)
	}
	return out.Bytes()
}
