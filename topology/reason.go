package topology

import (
	"strconv"
	"strings"
)

// Q.850 causes that are used by name.
const (
	CauseNormal       = 16
	CauseElsewhere    = 26
	causeInterworking = 127
)

// q850 maps SIP statuses to ITU-T Q.850 causes (RFC 3398 section 8.2.6.1).
var q850 = map[int]int{
	400: 41, 401: 21, 402: 21, 403: 21, 404: 1, 405: 63, 406: 79, 407: 21, 408: 102, 410: 22, 413: 127, 414: 127, 415: 79, 416: 127,
	420: 127, 421: 127, 422: 127, 423: 127, 480: 18, 481: 41, 482: 25, 483: 25, 484: 28, 485: 1, 486: 17, 487: 16, 488: 88,
	500: 41, 501: 79, 502: 38, 503: 41, 504: 102, 505: 127, 513: 127, 600: 17, 603: 21, 604: 1, 606: 88,
}

// Q850 returns the Q.850 cause of a final SIP status; 127 (interworking) stands for what the table lacks.
func Q850(status int) int {
	if v, ok := q850[status]; ok {
		return v
	}
	if status < 300 {
		return CauseNormal
	}
	return causeInterworking
}

// statuses maps Q.850 causes to SIP statuses (RFC 3398 section 7.2.4.1).
var statuses = map[int]int{
	1: 404, 2: 404, 3: 404, 16: 480, 17: 486, 18: 408, 19: 480, 20: 480, 21: 403, 22: 410, 23: 410, 26: 404, 27: 502, 28: 484, 29: 501, 31: 480,
	34: 503, 38: 503, 41: 503, 42: 503, 47: 503, 55: 403, 57: 403, 58: 503, 65: 488, 70: 488, 79: 501, 87: 403, 88: 503, 102: 504, 111: 500, 127: 500,
}

// StatusOf returns the SIP status of a Q.850 cause; 500 stands for what the table lacks.
func StatusOf(cause int) int {
	if v, ok := statuses[cause]; ok {
		return v
	}
	return 500
}

// Reason writes a Reason header value (RFC 3326, RFC 6432): the SIP status when there is one, and the Q.850 cause. text is our own; a quote
// or control character in it is left out.
func Reason(status, cause int, text string) string {
	clean := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '"' || r == '\\' {
			return -1
		}
		return r
	}, text)
	inQ850 := "Q.850;cause=" + strconv.Itoa(cause)
	text = `;text="` + clean + `"`
	if status == 0 {
		return inQ850 + text
	}
	return "SIP;cause=" + strconv.Itoa(status) + text + ", " + inQ850
}

// ReasonAs is Reason in the form that a peer wants: pass (or ""), q850 or sip for that part alone, none.
func ReasonAs(form string, status, cause int, text string) string {
	switch form {
	case "none":
		return ""
	case "q850":
		return Reason(0, cause, text)
	case "sip":
		value, _, both := strings.Cut(Reason(status, cause, text), ", Q.850;")
		if !both {
			return ""
		}
		return value
	}
	return Reason(status, cause, text)
}

// CauseOf reads the Q.850 cause out of Reason header values; their text stays on its side of the border. ok is false when there is none.
func CauseOf(values []string) (cause int, ok bool) {
	if cause, ok = reasonIn(values, "Q.850"); !ok || cause > 127 {
		return 0, false
	}
	return cause, true
}

// Elsewhere reports whether the Reason of a CANCEL says that somebody else has answered the call (RFC 3326 section 3.1): a phone that
// is told shows no missed call.
func Elsewhere(values []string) bool {
	status, sip := reasonIn(values, "SIP")
	cause, q850 := reasonIn(values, "Q.850")
	return sip && status == 200 || q850 && cause == CauseElsewhere
}

// reasonIn finds the cause of a protocol.
func reasonIn(values []string, protocol string) (cause int, ok bool) {
	for _, v := range values {
		for one := range strings.SplitSeq(v, ",") {
			proto, params, _ := strings.Cut(one, ";")
			if !strings.EqualFold(strings.TrimSpace(proto), protocol) {
				continue
			}
			for p := range strings.SplitSeq(params, ";") {
				name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
				if n, err := strconv.Atoi(value); strings.EqualFold(name, "cause") && err == nil && n > 0 {
					return n, true
				}
			}
		}
	}
	return 0, false
}
