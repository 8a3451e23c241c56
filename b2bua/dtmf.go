package b2bua

import (
	"strconv"
	"strings"
	"time"

	"drawbridge/sip/wire"
)

// Chosen here: what a digit in an INFO may ask for.
const (
	digitLength = 160 * time.Millisecond // when nothing is said
	minDigit    = 40 * time.Millisecond
	maxDigit    = 5 * time.Second
	maxDigits   = 64 // of one message
)

// digit is one DTMF key.
type digit struct {
	key      byte
	duration time.Duration
}

// informed serves an INFO: digits are played on the other leg, an empty one is a keepalive, anything else is not ours (RFC 6086).
func (l *sipLeg) informed(ev Request) []Event {
	m := ev.Msg
	if m.Has("Info-Package") {
		l.answer(ev, 469, wire.Field{Name: "Recv-Info", Value: ""})
		return nil
	}
	if len(m.Body) == 0 {
		l.answer(ev, 200)
		return nil
	}
	switch m.MediaType() {
	case "application/dtmf-relay", "application/dtmf":
		return l.dialled(ev)
	}
	l.answer(ev, 415, wire.Field{Name: "Accept", Value: acceptDTM})
	return nil
}

func (l *sipLeg) dialled(ev Request) []Event {
	digits := parseInfo(string(ev.Msg.Body))
	if len(digits) == 0 {
		l.answer(ev, 400)
		return nil
	}
	l.answer(ev, 200)
	return []Event{dialled{l.id, digits}}
}

// parseInfo reads the digits that an INFO asks for. The two kinds of body look so different that a peer's mistake about their names does no
// harm. nil when it asks for none.
func parseInfo(body string) []digit {
	if strings.Contains(body, "=") {
		return parseRelay(body)
	}
	return parseDigits(body)
}

// parseRelay reads application/dtmf-relay: "Signal=5" and "Duration=160" lines. nil when there is no key in it.
func parseRelay(body string) []digit {
	d := digit{duration: digitLength}
	for line := range strings.FieldsFuncSeq(body, func(r rune) bool { return r == '\r' || r == '\n' }) {
		name, value, _ := strings.Cut(line, "=")
		value = strings.TrimSpace(value)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "signal":
			d.key = keyOf(value)
		case "duration":
			if ms, err := strconv.ParseUint(value, 10, 16); err == nil {
				d.duration = min(max(time.Duration(ms)*time.Millisecond, minDigit), maxDigit)
			}
		}
	}
	if d.key == 0 {
		return nil
	}
	return []digit{d}
}

// parseDigits reads application/dtmf: the keys themselves. nil when one of them is none.
func parseDigits(body string) []digit {
	body = strings.TrimSpace(body)
	if len(body) > maxDigits {
		return nil
	}
	var ds []digit
	for i := range len(body) {
		k := keyOf(body[i : i+1])
		if k == 0 {
			return nil
		}
		ds = append(ds, digit{key: k, duration: digitLength})
	}
	return ds
}

// keyOf is the key that a value names, 0 when none: a character, or the event numbers 10 and 11 that some phones write.
func keyOf(s string) byte {
	switch s {
	case "10":
		return '*'
	case "11":
		return '#'
	}
	if len(s) != 1 {
		return 0
	}
	c := s[0]
	if c >= 'a' && c <= 'd' {
		c -= 'a' - 'A'
	}
	if strings.IndexByte("0123456789*#ABCD", c) < 0 {
		return 0
	}
	return c
}
