package wire

import (
	"slices"
	"strings"
	"testing"
)

// order is an INVITE in good order; tests change it line by line.
var order = []string{
	"INVITE sip:bob@example.com SIP/2.0",
	"Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK776",
	"Max-Forwards: 70",
	"From: <sip:alice@example.net>;tag=1928",
	"To: <sip:bob@example.com>",
	"Call-ID: a84b4c76e66710",
	"CSeq: 314159 INVITE",
	"Contact: <sip:alice@192.0.2.7>",
	"Content-Length: 0",
}

// invite returns order with edits: "Name: value" takes the place of the header it names or joins at the end, "+Name: value" joins at the
// end beside it, "-Name" removes it, "=text" is the start line.
func invite(edits ...string) []byte {
	return []byte(strings.Join(edited(order, edits), "\r\n") + "\r\n\r\n")
}

// answered is the 200 to order, with edits.
func answered(edits ...string) []byte {
	ok := slices.DeleteFunc(slices.Clone(order), func(l string) bool { return strings.HasPrefix(l, "Max-Forwards") })
	ok[0] = "SIP/2.0 200 OK"
	return []byte(strings.Join(edited(ok, edits), "\r\n") + "\r\n\r\n")
}

func edited(base, edits []string) []string {
	out := slices.Clone(base)
	for _, e := range edits {
		named := func(l string) bool { return strings.HasPrefix(l, nameIn(e)+":") }
		switch {
		case e[0] == '=':
			out[0] = e[1:]
		case e[0] == '+':
			out = append(out, e[1:])
		case e[0] == '-':
			out = slices.DeleteFunc(out, named)
		case slices.ContainsFunc(out, named):
			out[slices.IndexFunc(out, named)] = e
		default:
			out = append(out, e)
		}
	}
	return out
}

// nameIn is the long name of the header that an edit speaks of.
func nameIn(edit string) string {
	name, _, _ := strings.Cut(strings.TrimLeft(edit, "+-"), ":")
	return CanonicalName(strings.TrimRight(name, " \t"))
}

// read is for messages that must be accepted.
func read(t *testing.T, raw []byte) *Message {
	t.Helper()
	m, v := Read(raw, CanonOptions{})
	if v.Status != 0 {
		t.Fatalf("verdict %d %q for\n%s", v.Status, v.Reason, raw)
	}
	return m
}

// linesOf are the header lines of a message as it leaves the house, under one long name.
func linesOf(m *Message, name string) []string {
	var out []string
	head, _, _ := strings.Cut(string(m.Bytes()), "\r\n\r\n")
	for l := range strings.SplitSeq(head, "\r\n") {
		if strings.HasPrefix(l, name+":") {
			out = append(out, l)
		}
	}
	return out
}
