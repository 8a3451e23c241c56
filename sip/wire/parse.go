package wire

import (
	"bytes"
	"math"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// codec is the header parser of sipgo. It judges the headers that are a number wherever they do not look like one; addresses, Via and Expires are read by our
// own parsers, because its own lose parameters, display names and quotes.
var codec = sip.HeadersParser(sip.DefaultHeadersParser())

// Parse reads the canonical form. The strings of the message share one copy of its header section, the body shares memory with canon.
func Parse(canon []byte) (*Message, error) {
	end := bytes.Index(canon, []byte("\r\n\r\n"))
	if end < 0 {
		return nil, malformed("header section")
	}
	p := newParser()
	p.apart = end > maxShared
	if err := p.head(canon[:end+2], string(canon[:end+2])); err != nil {
		return nil, err
	}
	body := canon[end+4:]
	if p.length > len(body) {
		return nil, malformed("Content-Length")
	}
	if p.length >= 0 {
		body = body[:p.length] // what follows is not ours: RFC 3261 section 18.3
	}
	if len(body) > 0 {
		p.m.Body = body
	}
	return &p.m.Message, nil
}

// parser holds what one Parse knows.
type parser struct {
	m      *frame
	left   Params // of the frame's room
	seen   uint64 // headers that may come once
	length int    // Content-Length, -1 when absent
	apart  bool   // values are copies of their own
	buf    [1]sip.Header
}

func newParser() parser {
	f := &frame{Message: Message{MaxForwards: -1, Expires: -1}}
	return parser{m: f, left: f.params[:], length: -1}
}

// head reads the start line and the header lines; text is the same as raw.
func (p *parser) head(raw []byte, text string) error {
	line, rest, err := cutLine(raw)
	if err != nil {
		return err
	}
	if err := parseStart(text[:len(line)], &p.m.Message, &p.left); err != nil {
		return err
	}
	if n := bytes.Count(rest, []byte{'\n'}) - typedLines; n > 0 {
		p.m.Fields = make([]Field, 0, n)
	}
	for len(rest) > 0 {
		at := len(text) - len(rest)
		if line, rest, err = cutLine(rest); err != nil {
			return err
		}
		if err := p.line(text[at : at+len(line)]); err != nil {
			return err
		}
	}
	return nil
}

// maxShared is the length of a header section whose values share one copy. In a longer one each value is a copy of its own, so that a
// tag that is kept for a call does not keep 60 kB.
const maxShared = 4096

// typedLines is how many header lines of an ordinary message have a typed place: Fields needs no room for them.
const typedLines = 8

func (p *parser) line(line string) error {
	colon := strings.IndexByte(line, ':')
	if colon < 1 {
		return malformed("header section")
	}
	h, isKnown := lookup(line[:colon])
	if !isKnown {
		h.name = line[:colon]
	}
	value := line[colon+1:]
	if p.apart {
		value = strings.Clone(value)
		if !isKnown {
			h.name = strings.Clone(h.name)
		}
	}
	return p.take(h, value)
}

// take puts a header into the message.
func (p *parser) take(h header, value string) error {
	value = strings.TrimSpace(value)
	if h.once != 0 {
		if p.seen&h.once != 0 {
			return malformed(h.name) // never resolved by position
		}
		p.seen |= h.once
	}
	switch {
	case !h.typed:
		p.m.Fields = append(p.m.Fields, Field{Name: h.name, Value: value})
		return nil
	case value == "": // only headers without typed place may have none
		return malformed(h.name)
	}
	if p.typed(h, value) != nil {
		return malformed(h.name)
	}
	return nil
}

// typed puts a header that has a place of its own into the message.
func (p *parser) typed(h header, value string) (err error) {
	m := p.m
	switch h.name {
	case "Via":
		return appendParsed(&m.Via, m.vias[:0], parseVia, value, &p.left)
	case "From":
		m.From, err = parseAddr(value, &p.left)
	case "To":
		m.To, err = parseAddr(value, &p.left)
	case "Route":
		return appendParsed(&m.Route, nil, parseAddr, value, &p.left)
	case "Record-Route":
		return appendParsed(&m.RecordRoute, nil, parseAddr, value, &p.left)
	case "Contact":
		if value == "*" {
			m.ContactStar = true
			return nil
		}
		return appendParsed(&m.Contact, m.contacts[:0], parseAddr, value, &p.left)
	case "Expires":
		var ok bool
		if m.Expires, ok = decimal(value, maxExpires); !ok {
			return syntax("delta-seconds")
		}
	case "Call-ID":
		m.CallID = value
	case "Content-Type":
		m.ContentType = value
	default:
		return p.number(h, value)
	}
	return err
}

// appendParsed reads one more value; the first goes into room.
func appendParsed[T any](to *[]T, room []T, parse func(string, *Params) (T, error), value string, params *Params) error {
	v, err := parse(value, params)
	if err != nil {
		return err
	}
	if *to == nil {
		*to = room
	}
	*to = append(*to, v)
	return nil
}

// number reads CSeq, Max-Forwards or Content-Length.
func (p *parser) number(h header, value string) error {
	digits, method, both := strings.Cut(value, " ")
	n, ok := decimal(digits, math.MaxInt32)
	switch {
	case !ok || method == "" && both || both != (h.name == "CSeq"):
		return p.decoded(h, value)
	case both:
		p.m.CSeq = CSeq{Seq: uint32(n), Method: methodOf(method)}
	case h.name == "Max-Forwards":
		p.m.MaxForwards = n
	default:
		p.length = n
	}
	return nil
}

// decoded reads what is no plain number with the codec.
func (p *parser) decoded(h header, value string) error {
	out, err := codec.ParseHeader(p.buf[:0], []byte(h.name+": "+value))
	if err != nil || len(out) != 1 {
		return syntax("number")
	}
	switch v := out[0].(type) {
	case *sip.CSeqHeader:
		p.m.CSeq = CSeq{Seq: v.SeqNo, Method: methodOf(string(v.MethodName))}
	case *sip.MaxForwardsHeader:
		p.m.MaxForwards = int(*v)
	case *sip.ContentLengthHeader:
		p.length = int(*v)
	}
	return nil
}
