package web

import (
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"

	"drawbridge/b2bua"
)

// typeHello is the one message type that never reaches the calls.
const typeHello b2bua.SignalType = "hello"

// message is a JSON signalling message, version 1, with every field of every type (docs/signalling-v1.md has the tables).
type message struct {
	Type b2bua.SignalType `json:"type"`

	// hello
	V        int      `json:"v,omitempty"`
	User     string   `json:"user,omitempty"`
	Password string   `json:"password,omitempty"` // client to gateway only
	Name     string   `json:"name,omitempty"`
	Numbers  []string `json:"numbers,omitempty"`

	// calls
	Call   string `json:"call,omitempty"`
	From   string `json:"from,omitempty"`
	To     string `json:"to,omitempty"`
	SDP    string `json:"sdp,omitempty"`
	Digits string `json:"digits,omitempty"`
	On     *bool  `json:"on,omitempty"`
	Stage  string `json:"stage,omitempty"`
	Status int    `json:"status,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// Limits of the fields, in bytes. A frame has 64 kB in all.
const (
	maxCall   = 64
	maxNumber = 128
	maxDigits = 64
	maxReason = 200
	maxUser   = 128
)

// decodeMessage reads one frame. An error is always a *fault; the call it names is valid.
func decodeMessage(raw []byte) (message, error) {
	var m message
	if !utf8.Valid(raw) {
		return message{}, &fault{status: 400, reason: "not UTF-8"}
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return message{}, &fault{status: 400, reason: "not a message: JSON object of the documented fields expected"}
	}
	if m.Call != "" && !isToken(m.Call, maxCall) {
		return message{}, &fault{status: 400, reason: "call: up to 64 letters, digits, '.', '_' and '-' expected"}
	}
	return m, nil
}

// signal checks a client's message for its type and turns it into a Signal. Fields that the type does not have are dropped.
func (m message) signal() (b2bua.Signal, error) {
	s := b2bua.Signal{Type: m.Type, Call: m.Call}
	bad := func(status int, reason string) (b2bua.Signal, error) {
		return b2bua.Signal{}, &fault{status: status, reason: reason, call: m.Call}
	}
	switch m.Type {
	case b2bua.SignalCall, b2bua.SignalRinging, b2bua.SignalAnswer, b2bua.SignalDTMF, b2bua.SignalHold, b2bua.SignalBye:
	case typeHello:
		return bad(400, "hello: said already")
	case b2bua.SignalStage, b2bua.SignalError:
		return bad(405, "this type is the gateway's")
	default:
		return bad(501, "unknown type")
	}
	if m.Call == "" {
		return bad(400, "call is missing")
	}
	switch m.Type {
	case b2bua.SignalCall:
		if !isNumber(m.To) {
			return bad(400, "to: a number or a user name expected")
		}
		s.To, s.SDP = m.To, m.SDP
	case b2bua.SignalAnswer:
		s.SDP = m.SDP
	case b2bua.SignalDTMF:
		if !isDigits(m.Digits) {
			return bad(400, "digits: 0-9, *, #, A-D expected")
		}
		s.Digits = strings.ToUpper(m.Digits)
	case b2bua.SignalHold:
		if m.On == nil {
			return bad(400, "on is missing")
		}
		s.On, s.SDP = *m.On, m.SDP
	case b2bua.SignalBye:
		if m.Status != 0 && (m.Status < 400 || m.Status > 699) {
			return bad(400, "status: 0 or 400 to 699 expected")
		}
		if !isText(m.Reason, maxReason) {
			return bad(400, "reason: one short line expected")
		}
		s.Status, s.Reason = m.Status, m.Reason
	case b2bua.SignalRinging: // the call is all it says
	case b2bua.SignalStage, b2bua.SignalError: // refused above
	}
	if needsSDP(m.Type) && !isSDP(m.SDP) {
		return bad(400, "sdp is missing or not SDP")
	}
	return s, nil
}

func needsSDP(t b2bua.SignalType) bool {
	return t == b2bua.SignalCall || t == b2bua.SignalAnswer || t == b2bua.SignalHold
}

// encodeSignal writes a gateway's message.
func encodeSignal(s b2bua.Signal) []byte {
	m := message{Type: s.Type, Call: s.Call, From: s.From, To: s.To, SDP: s.SDP, Digits: s.Digits, Stage: s.Stage, Status: s.Status, Reason: s.Reason}
	if s.Type == b2bua.SignalHold {
		m.On = &s.On
	}
	return m.encode()
}

func (m message) encode() []byte {
	b, err := json.Marshal(m)
	if err != nil {
		return []byte(`{"type":"error","status":500}`) // strings, numbers and booleans always marshal
	}
	return b
}

// isToken: letters, digits, '.', '_' and '-'.
func isToken(s string, most int) bool {
	return s != "" && len(s) <= most && !strings.ContainsFunc(s, func(r rune) bool {
		return !isAlnum(r) && !strings.ContainsRune("._-", r)
	})
}

// isNumber: what a person dials or a user name; nothing that means something in a SIP URI or header.
func isNumber(s string) bool {
	return strings.TrimSpace(s) != "" && len(s) <= maxNumber && !strings.ContainsFunc(s, func(r rune) bool {
		return !isAlnum(r) && !strings.ContainsRune("+*#._-()/ ", r)
	})
}

func isAlnum(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

func isDigits(s string) bool {
	return s != "" && len(s) <= maxDigits && strings.Trim(s, "0123456789*#ABCDabcd") == ""
}

// isText: one line without control characters; may be empty.
func isText(s string, most int) bool {
	return len(s) <= most && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// isSDP looks at the first line only and refuses control characters; media/offer parses it.
func isSDP(s string) bool {
	return strings.HasPrefix(s, "v=0") && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\r' && r != '\n' && r != '\t' || r == 0x7f })
}
