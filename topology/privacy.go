package topology

import (
	"slices"
	"strings"

	"drawbridge/sip/wire"
)

// Private reports whether the caller asks not to be named (RFC 3323 section 4.2, RFC 3325 section 9.3).
func Private(m *wire.Message) bool { return asks(m.Values("Privacy"), "id", "user", "header") }

// historyPrivate reports whether those who have forwarded the call are not to be named (RFC 7044 section 10.1.1).
func historyPrivate(m *wire.Message) bool {
	return asks(m.Values("Privacy"), "history", "header", "session")
}

// asks reports whether one of the words is among the values of a Privacy header.
func asks(values []string, words ...string) bool {
	for _, v := range values {
		for word := range strings.FieldsFuncSeq(v, func(r rune) bool { return r == ';' || r == ',' || r == ' ' }) {
			if slices.Contains(words, strings.ToLower(word)) {
				return true
			}
		}
	}
	return false
}

// anonymous is the From of a caller who is not named (RFC 3323 section 4.1.1.3).
func anonymous() wire.Addr {
	return wire.Addr{Display: "Anonymous", URI: wire.URI{Scheme: "sip", User: "anonymous", Host: "anonymous.invalid"}}
}
