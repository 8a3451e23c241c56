package wire

import (
	"slices"
	"strings"
)

// Get returns the first value of a header without typed place, "" when absent. name is any case, long form.
func (m *Message) Get(name string) string {
	for i := range m.Fields {
		if strings.EqualFold(m.Fields[i].Name, name) {
			return m.Fields[i].Value
		}
	}
	return ""
}

// Values returns all values of a header without typed place, in order.
func (m *Message) Values(name string) []string {
	var v []string
	for i := range m.Fields {
		if strings.EqualFold(m.Fields[i].Name, name) {
			v = append(v, m.Fields[i].Value)
		}
	}
	return v
}

// Has reports whether a header without typed place is there.
func (m *Message) Has(name string) bool {
	return slices.ContainsFunc(m.Fields, func(f Field) bool { return strings.EqualFold(f.Name, name) })
}

// Add appends a header line under its canonical name. A header that has a typed place in Message is not written from here.
func (m *Message) Add(name, value string) {
	m.Fields = append(m.Fields, Field{Name: CanonicalName(name), Value: value})
}

// Set replaces every line of a header by one.
func (m *Message) Set(name, value string) {
	m.Del(name)
	m.Add(name, value)
}

// Del removes every line of a header.
func (m *Message) Del(name string) {
	name = CanonicalName(name)
	m.Fields = slices.DeleteFunc(m.Fields, func(f Field) bool { return strings.EqualFold(f.Name, name) })
}

// HasOption reports whether a comma list header (Supported, Require, Allow, ...) names tag. Option tags and methods are compared
// without regard to case: RFC 3261 section 7.3.1 makes tokens so, and a method in another case is none we could call.
func (m *Message) HasOption(header, tag string) bool {
	for i := range m.Fields {
		if !strings.EqualFold(m.Fields[i].Name, header) {
			continue
		}
		for item := range strings.SplitSeq(m.Fields[i].Value, ",") {
			if strings.EqualFold(strings.TrimSpace(item), tag) {
				return true
			}
		}
	}
	return false
}

// MediaType returns the Content-Type without parameters, in lower case: "application/sdp".
func (m *Message) MediaType() string {
	t, _, _ := strings.Cut(m.ContentType, ";")
	return strings.ToLower(strings.TrimSpace(t))
}
