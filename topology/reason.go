package topology

import (
	"strconv"
	"strings"
)

// Q.850 causes that are used by name.
const (
	CauseNormal       = 16
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

// Reason writes a Reason header value (RFC 3326): the SIP status when there is one, the Q.850 cause otherwise. text is our own; a quote
// or control character in it is left out.
func Reason(status, cause int, text string) string {
	proto, value := "SIP", status
	if status == 0 {
		proto, value = "Q.850", cause
	}
	clean := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '"' || r == '\\' {
			return -1
		}
		return r
	}, text)
	return proto + ";cause=" + strconv.Itoa(value) + `;text="` + clean + `"`
}

// CauseOf reads the Q.850 cause out of Reason header values; their text stays on its side of the border. ok is false when there is none.
func CauseOf(values []string) (cause int, ok bool) {
	for _, v := range values {
		for one := range strings.SplitSeq(v, ",") {
			proto, params, _ := strings.Cut(one, ";")
			if !strings.EqualFold(strings.TrimSpace(proto), "Q.850") {
				continue
			}
			for p := range strings.SplitSeq(params, ";") {
				name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
				if n, err := strconv.Atoi(value); strings.EqualFold(name, "cause") && err == nil && n > 0 && n < 128 {
					return n, true
				}
			}
		}
	}
	return 0, false
}
