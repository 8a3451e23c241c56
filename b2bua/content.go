package b2bua

import (
	"strconv"
	"strings"

	"drawbridge/policy"
	"drawbridge/sip/wire"
)

// unreadable refuses an INVITE for what it carries or wants to get back: 415 for a body that cannot be read and may not be ignored
// (RFC 3261 section 8.2.3), 406 for a caller that takes no SDP (section 20.1). Whoever calls is told: no credentials would change it.
func unreadable(m *wire.Message) *policy.Decision {
	if status := unpack(m); status != 0 {
		return &policy.Decision{Status: status, Rule: "content/type"}
	}
	switch {
	case len(m.Body) > 0 && m.Encoded(), foreignBody(m):
		return &policy.Decision{Status: 415, Rule: "content/type"}
	case !wants(m.Values("Accept"), sdpType):
		return &policy.Decision{Status: 406, Rule: "content/accept"}
	}
	return nil
}

// contentHelp are the headers that tell a caller what a 415 would rather have had.
func contentHelp() []wire.Field {
	return []wire.Field{{Name: "Accept", Value: accept}, {Name: "Accept-Encoding", Value: "identity"}}
}

// foreignBody reports whether the body is no session description and the sender insists on it: it does unless it says otherwise.
func foreignBody(m *wire.Message) bool {
	return len(m.Body) > 0 && m.MediaType() != sdpType && parameter(m.Get("Content-Disposition"), "handling") != "optional"
}

// wants reports whether the values of an Accept header let a media type through. No header means SDP (RFC 3261 section 20.1), an empty
// one means nothing; a range that cannot be read is left out.
func wants(accepts []string, media string) bool {
	if len(accepts) == 0 {
		return true
	}
	kind, _, _ := strings.Cut(media, "/")
	for _, line := range accepts {
		for item := range strings.SplitSeq(line, ",") {
			name, _, _ := strings.Cut(item, ";")
			switch strings.ToLower(strings.TrimSpace(name)) {
			case media, kind + "/*", "*/*":
				if q, err := strconv.ParseFloat(parameter(item, "q"), 64); err != nil || q > 0 {
					return true
				}
			}
		}
	}
	return false
}

// parameter is the value of one parameter behind a header value, in lower case, "" when absent.
func parameter(value, name string) string {
	_, rest, _ := strings.Cut(value, ";")
	for p := range strings.SplitSeq(rest, ";") {
		key, v, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(key), name) {
			return strings.ToLower(strings.Trim(strings.TrimSpace(v), `"`))
		}
	}
	return ""
}
