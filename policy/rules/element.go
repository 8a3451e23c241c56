package rules

import (
	"slices"
	"strings"

	"drawbridge/sip/wire"
)

// part is what of an element is meant.
type part uint8

const (
	whole part = iota
	user
	host
	display
	uriParam
	param
)

// place is where in a message an element is.
type place uint8

const (
	header place = iota // Message.Fields
	requestURI
	from
	to
	contact
	contentType
	phrase
	body
)

// element is a place in a message, or a part of one.
type element struct {
	place place
	name  string // canonical, of a header
	part  part
	param string // lower case
}

var places = map[string]place{"request-uri": requestURI, "from": from, "to": to, "contact": contact, "content-type": contentType, "reason-phrase": phrase, "body": body}

// sealed are headers that no row reads or writes: transactions, dialogs and connections stand on them, or they hold credentials.
var sealed = []string{
	"Via", "CSeq", "Call-ID", "Max-Forwards", "Content-Length", "Route", "Record-Route", "Expires", "RAck", "RSeq",
	"Authorization", "Proxy-Authorization", "WWW-Authenticate", "Proxy-Authenticate", "Authentication-Info", "Proxy-Authentication-Info",
}

// parseElement reads the name of an element. Errors: ErrElement, ErrSealed.
func parseElement(s string) (element, error) {
	name, rest, dotted := strings.Cut(s, ".")
	e := element{name: wire.CanonicalName(name)}
	if !token(name) {
		return e, ErrElement
	}
	if slices.Contains(sealed, e.name) {
		return e, ErrSealed
	}
	e.place = places[strings.ToLower(e.name)]
	if !dotted {
		return e, nil
	}
	kind, of, _ := strings.Cut(rest, ".")
	switch {
	case rest == "user":
		e.part = user
	case rest == "host":
		e.part = host
	case rest == "display" && e.place != requestURI:
		e.part = display
	case kind == "uri-param" && token(of):
		e.part, e.param = uriParam, strings.ToLower(of)
	case kind == "param" && token(of) && e.place != requestURI:
		e.part, e.param = param, strings.ToLower(of)
	default:
		return e, ErrElement
	}
	if e.place == body || e.place == phrase || e.place == contentType {
		return e, ErrElement // they have no parts
	}
	if e.param == "tag" && (e.place == from || e.place == to) {
		return e, ErrSealed
	}
	return e, nil
}

// writable reports whether a row may change the element.
func (e element) writable() bool {
	switch e.place {
	case contact, contentType:
		return false
	case from, to:
		return e.part != whole // the tag is in it
	default:
		return true
	}
}

// removable reports whether a row may take the element away.
func (e element) removable() bool {
	switch e.place {
	case header:
		return e.part == whole || e.part == param || e.part == uriParam || e.part == display
	case requestURI:
		return e.part == uriParam
	case from, to:
		return e.part == display || e.part == param || e.part == uriParam
	default:
		return false
	}
}

// first is the first value that the message has of the element, "" without one.
func (e element) first(m *wire.Message) string {
	out, found := "", false
	_ = e.each(m, func(v string) (string, bool) { // what is read is not refused
		if !found {
			out, found = v, true
		}
		return v, true
	}, false)
	return out
}

// each shows every value of the element to f, which returns what it becomes and whether it stays. With write the message is changed;
// its Fields have to be its own. Error: what f returned cannot stand there.
func (e element) each(m *wire.Message, f func(string) (string, bool), write bool) error {
	switch e.place {
	case requestURI:
		if m.IsRequest() {
			return e.eachURI(&m.URI, f, write)
		}
	case from:
		return e.eachAddr(&m.From, f, write)
	case to:
		return e.eachAddr(&m.To, f, write)
	case contact:
		for _, c := range m.Contact {
			_ = e.eachAddr(&c, f, false) // a copy is read
		}
	case contentType:
		if m.ContentType != "" {
			f(m.ContentType)
		}
	case phrase:
		if !m.IsRequest() {
			if v, keep := f(m.Reason); keep && write {
				m.Reason = v
			}
		}
	case body:
		if len(m.Body) > 0 {
			old := string(m.Body)
			if v, keep := f(old); keep && write && v != old {
				m.Body = []byte(v)
			}
		}
	case header:
		return e.eachField(m, f, write)
	}
	return nil
}

// eachField is each for headers without a typed place.
func (e element) eachField(m *wire.Message, f func(string) (string, bool), write bool) error {
	for i := 0; i < len(m.Fields); i++ {
		if m.Fields[i].Name != e.name {
			continue
		}
		old := m.Fields[i].Value
		v, keep, err := e.field(old, f, write)
		switch {
		case err != nil:
			return err
		case !write:
		case !keep || v == "" && old != "":
			m.Fields = slices.Delete(m.Fields, i, i+1)
			i--
		default:
			m.Fields[i].Value = v
		}
	}
	return nil
}

// field is each for one header line.
func (e element) field(value string, f func(string) (string, bool), write bool) (string, bool, error) {
	if e.part == whole {
		v, keep := f(value)
		return v, keep, nil
	}
	shown, touched := f, false
	f = func(old string) (string, bool) {
		v, keep := shown(old)
		touched = touched || v != old || !keep
		return v, keep
	}
	if a, err := wire.ParseAddr(value); err == nil {
		err := e.eachAddr(&a, f, write)
		if !touched {
			return value, true, nil // as it was written
		}
		return a.String(), true, err
	}
	v, err := wire.ParseValue(value)
	if err != nil || e.part != param {
		return value, true, nil //nolint:nilerr // it has no such part
	}
	eachParam(&v.Params, e.param, f, write)
	if !touched {
		return value, true, nil
	}
	return v.String(), true, nil
}

func (e element) eachAddr(a *wire.Addr, f func(string) (string, bool), write bool) error {
	switch e.part {
	case whole:
		f(a.String())
	case display:
		v, keep := f(a.Display)
		if !keep {
			v = ""
		}
		if write {
			a.Display = v
		}
	case param:
		eachParam(&a.Params, e.param, f, write)
	default:
		return e.eachURI(&a.URI, f, write)
	}
	return nil
}

func (e element) eachURI(u *wire.URI, f func(string) (string, bool), write bool) error {
	switch e.part {
	case whole:
		old := u.String()
		v, _ := f(old)
		if !write || v == old {
			return nil
		}
		parsed, err := wire.ParseURI(v)
		if err != nil {
			return err
		}
		*u = parsed
	case user:
		number := &u.User
		if u.Opaque != "" {
			number = &u.Opaque // tel:
		}
		if v, _ := f(*number); write {
			*number = v
		}
	case host:
		if v, _ := f(u.Host); write && u.Opaque == "" {
			u.Host = v
		}
	case uriParam:
		eachParam(&u.Params, e.param, f, write)
	default: // the others are the address's
	}
	return nil
}

func eachParam(p *wire.Params, name string, f func(string) (string, bool), write bool) {
	old, there := p.Lookup(name)
	if !there {
		return
	}
	v, keep := f(old)
	switch {
	case !write:
	case keep:
		p.Set(name, v)
	default:
		p.Del(name)
	}
}

// put gives every such element the value. A header that is not there is made, and a parameter of a header that is; a part of a header
// that is not there stays away, and nothing is changed.
func (e element) put(m *wire.Message, value string) (changed bool, err error) {
	switch {
	case e.part == whole && e.place == header:
		changed = m.Get(e.name) != value || len(m.Values(e.name)) != 1
		m.Set(e.name, value)
		return changed, nil
	case e.part == param || e.part == uriParam:
		err = e.list(m, func(p *wire.Params) {
			old, there := p.Lookup(e.param)
			changed = changed || !there || old != value
			p.Set(e.param, value)
		})
		return changed, err
	}
	err = e.each(m, func(old string) (string, bool) {
		changed = changed || old != value
		return value, true
	}, true)
	return changed, err
}

// list shows the parameters that the element is among, or would be.
func (e element) list(m *wire.Message, f func(*wire.Params)) error {
	of := func(a *wire.Addr) {
		if e.part == uriParam {
			f(&a.URI.Params)
		} else {
			f(&a.Params)
		}
	}
	switch e.place {
	case requestURI:
		if m.IsRequest() {
			f(&m.URI.Params)
		}
	case from:
		of(&m.From)
	case to:
		of(&m.To)
	case header:
		for i := range m.Fields {
			l := &m.Fields[i]
			if l.Name != e.name {
				continue
			}
			if a, err := wire.ParseAddr(l.Value); err == nil {
				of(&a)
				l.Value = a.String()
			} else if v, err := wire.ParseValue(l.Value); err == nil && e.part == param {
				f(&v.Params)
				l.Value = v.String()
			} else {
				return ErrElement
			}
		}
	default: // the others have no parameters, or are not written
	}
	return nil
}

// token reports a name of RFC 3261 section 25.1, without the dot, which divides an element from its part.
func token(s string) bool {
	return s != "" && len(s) <= 64 && !strings.ContainsFunc(s, func(c rune) bool {
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune("-_!%*+`'~", c))
	})
}
