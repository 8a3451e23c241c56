package wire

import (
	"bytes"
	"maps"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// field carries a typed value through the codec. The embedded interface is nil: only its method set is needed.
type field[T any] struct {
	sip.Header
	name  string
	value T
}

func (f *field[T]) Name() string { return f.name }

// codec is the header parser of sipgo with our address and Via parsers in it: its own lose parameters, display names and quotes.
var codec = makeCodec()

func makeCodec() sip.HeadersParser {
	p := sip.HeadersParser(maps.Clone(sip.DefaultHeadersParser()))
	for _, name := range []string{"From", "To", "Route", "Record-Route"} {
		p[strings.ToLower(name)] = registered(name, ParseAddr)
	}
	p["contact"] = registered("Contact", parseContact)
	p["via"] = registered("Via", ParseVia)
	p["expires"] = registered("Expires", parseExpires)
	delete(p, "refer-to") // kept as text until someone asks: ParseAddr
	delete(p, "referred-by")
	return p
}

func registered[T any](name string, parse func(string) (T, error)) sip.HeaderParser {
	return func(_ []byte, text string) (sip.Header, error) {
		v, err := parse(text)
		if err != nil {
			return nil, err
		}
		return &field[T]{name: name, value: v}, nil
	}
}

// star marks "Contact: *", which is no address.
var star = Addr{URI: URI{Scheme: "*"}}

func parseContact(s string) (Addr, error) {
	if s == "*" {
		return star, nil
	}
	return ParseAddr(s)
}

type seconds int

func parseExpires(s string) (seconds, error) {
	n, ok := decimal(s, maxExpires)
	if !ok {
		return 0, syntax("delta-seconds")
	}
	return seconds(n), nil
}

// Parse reads the canonical form. Header values are copied, the body shares memory with canon.
func Parse(canon []byte) (*Message, error) {
	line, rest, err := cutLine(canon)
	if err != nil {
		return nil, err
	}
	p := parser{m: &Message{MaxForwards: -1, Expires: -1}, length: -1}
	if err := parseStart(string(line), p.m); err != nil {
		return nil, err
	}
	p.room(rest)
	for {
		if line, rest, err = cutLine(rest); err != nil {
			return nil, err
		}
		if len(line) == 0 {
			break
		}
		if err := p.line(line); err != nil {
			return nil, err
		}
	}
	if p.length > len(rest) {
		return nil, malformed("Content-Length")
	}
	if p.length >= 0 {
		rest = rest[:p.length] // what follows is not ours: RFC 3261 section 18.3
	}
	if len(rest) > 0 {
		p.m.Body = rest
	}
	return p.m, nil
}

// parser holds what one Parse knows.
type parser struct {
	m      *Message
	seen   uint64 // headers that may come once
	length int    // Content-Length, -1 when absent
	buf    [1]sip.Header
}

// room sizes Fields once: about as many header lines as there are, less the usual typed ones.
func (p *parser) room(rest []byte) {
	if end := bytes.Index(rest, []byte("\r\n\r\n")); end >= 0 {
		if n := bytes.Count(rest[:end], []byte{'\n'}) - 8; n > 0 {
			p.m.Fields = make([]Field, 0, n)
		}
	}
}

func (p *parser) line(line []byte) error {
	colon := bytes.IndexByte(line, ':')
	if colon < 1 {
		return malformed("header section")
	}
	h, isKnown := lookup(line[:colon])
	if isKnown && h.once != 0 {
		if p.seen&h.once != 0 {
			return malformed(h.name) // never resolved by position
		}
		p.seen |= h.once
	}
	if len(line) == colon+1 || len(line) == colon+2 { // the codec refuses some empty values, accepts others: decide here
		return p.empty(h, string(line[:colon]))
	}
	out, err := codec.ParseHeader(p.buf[:0], line)
	if err != nil || len(out) != 1 {
		return malformed(h.name)
	}
	return p.place(h, out[0])
}

// empty takes a header line without a value. Only headers without typed place may have none.
func (p *parser) empty(h header, name string) error {
	if h.typed {
		return malformed(h.name)
	}
	if h.name == "" {
		h.name = name
	}
	p.m.Fields = append(p.m.Fields, Field{Name: h.name})
	return nil
}

// place puts a parsed header into its place in the message.
func (p *parser) place(h header, v sip.Header) error {
	m := p.m
	switch v := v.(type) {
	case *field[Via]:
		m.Via = append(m.Via, v.value)
	case *field[Addr]:
		return p.address(v.name, v.value)
	case *field[seconds]:
		m.Expires = int(v.value)
	case *sip.CallIDHeader:
		m.CallID = string(*v)
	case *sip.CSeqHeader:
		m.CSeq = CSeq{Seq: v.SeqNo, Method: methodOf(string(v.MethodName))}
	case *sip.MaxForwardsHeader:
		m.MaxForwards = int(*v)
	case *sip.ContentLengthHeader:
		p.length = int(*v)
	case *sip.ContentTypeHeader:
		m.ContentType = string(*v)
	default:
		name := h.name
		if name == "" {
			name = v.Name()
		}
		m.Fields = append(m.Fields, Field{Name: name, Value: v.Value()})
	}
	return nil
}

func (p *parser) address(name string, a Addr) error {
	m := p.m
	switch name {
	case "From":
		m.From = a
	case "To":
		m.To = a
	case "Route":
		m.Route = append(m.Route, a)
	case "Record-Route":
		m.RecordRoute = append(m.RecordRoute, a)
	case "Contact":
		if a.URI.Scheme == star.URI.Scheme {
			m.ContactStar = true
			return nil
		}
		m.Contact = append(m.Contact, a)
	}
	return nil
}
