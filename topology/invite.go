package topology

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"drawbridge/sip/wire"
)

// displayLimit bounds a caller's display name, in characters. Chosen here: longer than a name, too short for a letter.
const displayLimit = 64

// Far is the side that an INVITE is built for.
type Far struct {
	Target wire.URI // Request-URI: the trunk's or the registered contact's
	Host   string   // host part of From and To on that side
	Caller string   // user part of From: who has been authenticated, never what the message claims
	Callee string   // user part of To

	Private bool // the caller is not to be named, whatever its request says
}

// Invite returns the skeleton of the INVITE towards the far side: Request-URI, Max-Forwards, From and To. Nothing else of the caller's
// INVITE crosses; tags, Call-ID, CSeq, Contact and body are the new dialog's own.
func Invite(in *wire.Message, far Far) *wire.Message { return skeleton(wire.INVITE, in, far) }

// skeleton is what every request to the far side begins with.
func skeleton(method wire.Method, in *wire.Message, far Far) *wire.Message {
	m := wire.NewRequest(method, far.Target)
	if in.MaxForwards > 0 {
		m.MaxForwards = in.MaxForwards - 1
	}
	m.From = wire.Addr{Display: display(in.From.Display), URI: wire.URI{Scheme: "sip", User: far.Caller, Host: far.Host}}
	m.To = wire.Addr{URI: wire.URI{Scheme: "sip", User: far.Callee, Host: far.Host}}
	if far.Private || Private(in) {
		m.From = anonymous()
		m.Add("Privacy", "id")
	}
	return m
}

// display keeps what a person would read as a name. Something with a host or an address in it is none.
func display(s string) string {
	if utf8.RuneCountInString(s) > displayLimit {
		return ""
	}
	return plain(named(s))
}

// plain is display without its limit.
func plain(s string) string {
	if !utf8.ValidString(s) || strings.ContainsAny(s, "@:/") {
		return ""
	}
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) || dotted(s) {
		return ""
	}
	return s
}

// dotted reports whether s holds something like an IPv4 address.
func dotted(s string) bool {
	for word := range strings.FieldsSeq(s) {
		if strings.Count(word, ".") >= 3 && strings.IndexFunc(word, unicode.IsDigit) >= 0 {
			return true
		}
	}
	return false
}
