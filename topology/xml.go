package topology

import (
	"bytes"
	"encoding/xml"
	"errors"
	"hash/fnv"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits of a document that crosses. Chosen here: far beyond what presence and busy lamps need.
const (
	maxDepth    = 16
	maxElements = 1024
	maxWord     = 32 // characters
)

// A form says which text may stand in an attribute or element.
type form uint8

const (
	nothing  form = iota
	word          // letters and hyphens: a state
	number        // digits
	moment        // RFC 3339
	remark        // what a person may read as a short note
	identity      // an id of the near side: crosses as a hash, the same one each time
	resource      // replaced by the name of the resource on the far side
)

// document is an XML vocabulary that crosses: the elements that do, and of each what. Elements and attributes that are not here are
// dropped with all that is in them. Nothing is copied: the far side's document is written anew.
type document struct {
	space    string
	root     string
	elements map[string]element
}

type element struct {
	text       form
	attributes []attribute
}

type attribute struct {
	name string
	form form
}

// presence is PIDF (RFC 3863) without contacts, devices and places.
var presence = document{
	space: "urn:ietf:params:xml:ns:pidf", root: "presence",
	elements: map[string]element{
		"presence": {attributes: []attribute{{"entity", resource}}},
		"tuple":    {attributes: []attribute{{"id", identity}}},
		"status":   {}, "basic": {text: word}, "note": {text: remark}, "timestamp": {text: moment},
	},
}

// dialogInfo is RFC 4235 without the parties and their identifiers: that somebody rings or talks, not with whom.
var dialogInfo = document{
	space: "urn:ietf:params:xml:ns:dialog-info", root: "dialog-info",
	elements: map[string]element{
		"dialog-info": {attributes: []attribute{{"version", number}, {"state", word}, {"entity", resource}}},
		"dialog":      {attributes: []attribute{{"id", identity}, {"direction", word}}},
		"state":       {text: word, attributes: []attribute{{"event", word}, {"code", number}}},
		"duration":    {text: number},
	},
}

// composing is RFC 3994: somebody is typing.
var composing = document{
	space: "urn:ietf:params:xml:ns:im-iscomposing", root: "isComposing",
	elements: map[string]element{
		"isComposing": {}, "state": {text: word}, "lastactive": {text: moment}, "refresh": {text: number},
	},
}

// scrub writes the document that the far side may see. ok is false for what is no such document, has a DTD, or is over a limit.
func (d document) scrub(body []byte, entity string) (out []byte, ok bool) {
	in := xml.NewDecoder(bytes.NewReader(body)) // strict: it knows no entity but XML's own five
	w := writer{doc: d, entity: entity}
	w.out.WriteString(xml.Header)
	for n := 0; ; n++ {
		token, err := in.Token()
		switch {
		case errors.Is(err, io.EOF):
			return w.out.Bytes(), w.rooted
		case err != nil || n > 4*maxElements:
			return nil, false
		}
		if !w.take(token) {
			return nil, false
		}
	}
}

// writer builds the far side's document from the near side's tokens.
type writer struct {
	doc    document
	entity string
	out    bytes.Buffer
	open   []string // elements that cross and have not ended
	skip   int      // depth inside an element that does not cross
	rooted bool
}

// take adds one token; false ends the document.
func (w *writer) take(token xml.Token) bool {
	switch t := token.(type) {
	case xml.Directive:
		return false // a DTD: nothing that crosses needs one
	case xml.StartElement:
		return w.start(t)
	case xml.EndElement:
		if w.skip > 0 {
			w.skip--
			return true
		}
		last := len(w.open) - 1
		w.out.WriteString("</" + w.open[last] + ">")
		w.open = w.open[:last]
	case xml.CharData:
		if w.skip == 0 && len(w.open) > 0 {
			text := w.doc.elements[w.open[len(w.open)-1]].text
			w.escape(w.value(text, strings.TrimSpace(string(t))))
		}
	}
	return true
}

func (w *writer) start(t xml.StartElement) bool {
	name := t.Name.Local
	e, known := w.doc.elements[name]
	switch {
	case w.skip > 0 || len(w.open) > 0 && (!known || t.Name.Space != w.doc.space || name == w.doc.root):
		w.skip++
		return w.skip < maxElements
	case len(w.open) == 0 && (w.rooted || name != w.doc.root || t.Name.Space != w.doc.space):
		return false
	case len(w.open) == maxDepth:
		return false
	}
	w.out.WriteString("<" + name)
	if len(w.open) == 0 {
		w.rooted = true
		w.out.WriteString(` xmlns="` + w.doc.space + `"`)
	}
	for _, a := range e.attributes {
		w.attribute(a, t.Attr)
	}
	w.out.WriteByte('>')
	w.open = append(w.open, name)
	return true
}

func (w *writer) attribute(a attribute, attrs []xml.Attr) {
	i := slices.IndexFunc(attrs, func(x xml.Attr) bool { return x.Name.Space == "" && x.Name.Local == a.name })
	if i < 0 {
		return
	}
	if v := w.value(a.form, attrs[i].Value); v != "" {
		w.out.WriteString(" " + a.name + `="`)
		w.escape(v)
		w.out.WriteByte('"')
	}
}

func (w *writer) escape(s string) { _ = xml.EscapeText(&w.out, []byte(s)) } // a Buffer never fails

// value is what crosses of a text, "" when nothing does.
func (w *writer) value(f form, s string) string {
	switch f {
	case word:
		if len(s) <= maxWord && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-") == "" {
			return s
		}
	case number:
		if n := seconds(s); n >= 0 {
			return strconv.Itoa(n)
		}
	case moment:
		if _, err := time.Parse(time.RFC3339, s); err == nil {
			return s
		}
	case remark:
		return display(s)
	case identity:
		h := fnv.New64a()
		h.Write([]byte(s))
		return "i" + strconv.FormatUint(h.Sum64(), 16)
	case resource:
		return w.entity
	case nothing:
	}
	return ""
}
