package wire

import "strings"

const version = "SIP/2.0"

// parseStart reads the start line into m. RFC 3261 section 7.1 and 7.2 allow exactly one blank between its parts and none elsewhere,
// and the version in any case.
func parseStart(line string, m *Message, room *Params) error {
	if first, rest, ok := strings.Cut(line, " "); ok && strings.EqualFold(first, version) {
		return parseStatusLine(rest, m)
	}
	method, rest, _ := strings.Cut(line, " ")
	target, proto, ok := strings.Cut(rest, " ")
	if !ok || !all(method, isToken) || target == "" {
		return malformed("start line")
	}
	switch {
	case strings.EqualFold(proto, version):
	case sipVersion(proto):
		return &Error{Status: 505, Part: "start line", Err: ErrSyntax}
	default:
		return malformed("start line")
	}
	if len(target) > maxURI {
		return tooLarge(414, "Request-URI")
	}
	u, err := parseURI(target, room)
	if err != nil || u.Headers != "" { // headers are not allowed here: RFC 3261 section 19.1.1, table 1
		return malformed("Request-URI")
	}
	m.Method, m.URI = methodOf(method), u
	return nil
}

// parseStatusLine reads code SP reason. The reason may be empty, the blank before it may not be missing.
func parseStatusLine(s string, m *Message) error {
	code, reason, ok := strings.Cut(s, " ")
	n, digits := decimal(code, 699)
	if !ok || !digits || len(code) != 3 || n < 100 {
		return malformed("start line")
	}
	m.Status, m.Reason = n, reason
	return nil
}

// sipVersion matches SIP/1*DIGIT.1*DIGIT in any case.
func sipVersion(s string) bool {
	if len(s) < 5 || !strings.EqualFold(s[:4], "SIP/") {
		return false
	}
	major, minor, ok := strings.Cut(s[4:], ".")
	return ok && digitsOnly(major) && digitsOnly(minor)
}

func digitsOnly(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// methods are those this gateway recognises; the transaction users decide which of them they serve.
var methods = []Method{INVITE, ACK, BYE, CANCEL, REGISTER, OPTIONS, INFO, PRACK, UPDATE, REFER, MESSAGE, SUBSCRIBE, NOTIFY, PUBLISH}

// methodOf returns the shared constant for a known method, so that a stored Method holds no message in memory.
func methodOf(s string) Method {
	for _, m := range methods {
		if string(m) == s {
			return m
		}
	}
	return Method(s)
}
