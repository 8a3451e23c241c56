package topology

import (
	"strings"

	"drawbridge/sip/wire"
)

// Private reports whether the caller asks not to be named (RFC 3323 section 4.2, RFC 3325 section 9.3).
func Private(m *wire.Message) bool {
	for _, v := range m.Values("Privacy") {
		for word := range strings.FieldsFuncSeq(v, func(r rune) bool { return r == ';' || r == ',' || r == ' ' }) {
			switch strings.ToLower(word) {
			case "id", "user", "header":
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
