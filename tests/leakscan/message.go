package main

import (
	"slices"
	"strings"
)

// header is one line of a message.
type header struct{ name, value string }

// message is a SIP message as text. It knows nothing of the gateway's own parser, which could share a fault with it.
type message struct {
	start   string
	headers []header
	body    string
	raw     string // as it came
	from    *phone // whose scene it came in
}

// read takes a message apart. The gateway folds no lines.
func read(raw string) *message {
	m := &message{raw: raw}
	head, body, _ := strings.Cut(raw, "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	m.start, m.body = lines[0], body
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		m.add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	return m
}

func (m *message) add(name, value string) { m.headers = append(m.headers, header{name, value}) }

func (m *message) set(name, value string) {
	m.headers = slices.DeleteFunc(m.headers, func(h header) bool { return strings.EqualFold(h.name, name) })
	m.add(name, value)
}

// get is the first value of a header, values are all of them.
func (m *message) get(name string) string {
	if all := m.values(name); len(all) > 0 {
		return all[0]
	}
	return ""
}

func (m *message) values(name string) (all []string) {
	for _, h := range m.headers {
		if strings.EqualFold(h.name, name) {
			all = append(all, h.value)
		}
	}
	return all
}

// what is the method of a request, the status of a response.
func (m *message) what() string {
	if rest, ok := strings.CutPrefix(m.start, "SIP/2.0 "); ok {
		return rest[:3]
	}
	method, _, _ := strings.Cut(m.start, " ")
	return method
}

// method is the request's, or that of the request that a response is to.
func (m *message) method() string {
	_, method, _ := strings.Cut(m.get("CSeq"), " ")
	return method
}

func (m *message) request() bool { return !strings.HasPrefix(m.start, "SIP/2.0 ") }

func (m *message) uri() string { return strings.Fields(m.start)[1] }

// contact is where later requests of the dialog go, or otherwise if there is none.
func (m *message) contact(otherwise string) string {
	if c := m.get("Contact"); c != "" {
		return inside(c)
	}
	return otherwise
}

// inside is the URI within angle brackets.
func inside(v string) string {
	_, v, _ = strings.Cut(v, "<")
	v, _, _ = strings.Cut(v, ">")
	return v
}

// param is a parameter of a header's value.
func param(value, name string) string {
	_, rest, ok := strings.Cut(value, ";"+name+"=")
	if !ok {
		return ""
	}
	if end := strings.IndexAny(rest, ";> ,"); end >= 0 {
		rest = rest[:end]
	}
	return strings.Trim(rest, `"`)
}

// spelling is a way to write header lines that every parser has to understand.
type spelling int

const (
	plain spelling = iota
	odd            // short names, lower case, a blank before the colon
	folded
)

var short = map[string]string{
	"Contact": "m", "Subject": "s", "Referred-By": "b", "Refer-To": "r", "Event": "o", "Identity": "y", "Content-Type": "c", "Via": "v", "From": "f", "To": "t", "Call-ID": "i",
}

func (m *message) text(s spelling) string {
	var b strings.Builder
	b.WriteString(m.start + "\r\n")
	for _, h := range m.headers {
		name, value := h.name, h.value
		switch s {
		case odd:
			if c, ok := short[name]; ok {
				name = c
			}
			name = strings.ToLower(name) + " "
		case folded:
			value = "\r\n " + value
		case plain:
		}
		b.WriteString(name + ": " + value + "\r\n")
	}
	b.WriteString("Content-Length: " + itoa(len(m.body)) + "\r\n\r\n" + m.body)
	return b.String()
}
