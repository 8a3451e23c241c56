package dialog

import (
	"strings"

	"drawbridge/sip/wire"
)

// Replaces names the dialog that a new one takes the place of (RFC 3891), seen from whom it is sent to.
type Replaces struct {
	ID        ID
	EarlyOnly bool // only while it rings
}

// ParseReplaces reads the value of a Replaces header: Call-ID, to-tag (the receiver's own) and from-tag, each exactly once.
// Error: ErrMismatch.
func ParseReplaces(s string) (Replaces, error) {
	callID, rest, _ := strings.Cut(s, ";")
	v, err := wire.ParseValue("x;" + rest) // a Call-ID may hold what no token does
	if callID = strings.TrimSpace(callID); err != nil || callID == "" || strings.ContainsAny(callID, " ,<>\"") {
		return Replaces{}, ErrMismatch
	}
	to, from := v.Params.Get("to-tag"), v.Params.Get("from-tag")
	if to == "" || from == "" {
		return Replaces{}, ErrMismatch
	}
	if from == "0" { // a peer that sends no tags (RFC 3891 section 7.1)
		from = ""
	}
	_, early := v.Params.Lookup("early-only")
	return Replaces{ID: ID{CallID: callID, LocalTag: to, RemoteTag: from}, EarlyOnly: early}, nil
}

// String writes the value for a header.
func (r Replaces) String() string {
	from := r.ID.RemoteTag
	if from == "" {
		from = "0"
	}
	s := r.ID.CallID + ";to-tag=" + r.ID.LocalTag + ";from-tag=" + from
	if r.EarlyOnly {
		s += ";early-only"
	}
	return s
}

// EscapedReplaces finds the Replaces among the headers of a Refer-To URI (RFC 3891 section 3, RFC 3261 section 19.1.1). found is false when
// there is none; a second one, or one that cannot be read, is an error.
func EscapedReplaces(headers string) (r Replaces, found bool, err error) {
	for one := range strings.SplitSeq(headers, "&") {
		name, value, _ := strings.Cut(one, "=")
		if !strings.EqualFold(wire.Unescape(name), "Replaces") {
			continue
		}
		if found {
			return r, true, ErrMismatch
		}
		found = true
		if r, err = ParseReplaces(wire.Unescape(value)); err != nil {
			return r, true, err
		}
	}
	return r, found, nil
}
