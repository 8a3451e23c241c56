package shield

import "strings"

// Class is a kind of offence. Each has a rule.
type Class uint8

// The classes. Unanswered, Scanner and Signal are this gateway's own beside those of the taxonomy.
const (
	Abuse      Class = iota // connections and handshakes that lead nowhere
	Malformed               // what cannot be read
	Auth                    // wrong credentials
	Unanswered              // challenges that nobody answers, registrations that cannot be: whoever tries out names has no password
	Establish               // calls and registrations that cannot be: unknown sources, forbidden or missing numbers
	Abnormal                // what belongs to no transaction or dialog
	Scanner                 // tools that name themselves
	Signal                  // more messages than anybody needs
	numClasses
)

var classNames = [numClasses]string{
	"connection-abuse", "malformed", "auth-fail", "auth-ignored", "establish-fail", "abnormal-flow", "scanner", "max-signal",
}

func (c Class) String() string { return classNames[c] }

// ClassOf finds a class by its name.
func ClassOf(name string) (Class, bool) {
	for c, n := range classNames {
		if n == name {
			return Class(c), true
		}
	}
	return 0, false
}

// Classes lists the names, in order.
func Classes() []string { return append([]string(nil), classNames[:]...) }

// Offence is one thing that a source has done. Reason is a word of the taxonomy.
type Offence struct {
	Class  Class
	Reason string
}

// Unheeded is a challenge that has brought no answer yet.
var Unheeded = Offence{Unanswered, "auth-challenge-ignored"}

// refusals are the kinds of telemetry.Refused that are somebody's fault.
var refusals = map[string]Offence{
	"tls":            {Abuse, "abuse-tls-auth-fail"},
	"tls-peer":       {Abuse, "abuse-tls-auth-fail"},
	"ws-origin":      {Abuse, "abuse-websocket-fail"},
	"ws-subprotocol": {Abuse, "abuse-websocket-fail"},
	"ws-limit":       {Abuse, "abuse-connection-limit"},
	"stream-limit":   {Abuse, "abuse-connection-limit"},
	"unproved":       {Abuse, "abuse-no-proof"},
	"json-hello":     {Auth, "auth-establish-fail"},
	"malformed":      {Malformed, "malformed-parse-error"},
	"unknown-source": {Establish, "establish-classify-fail"},
	"stray":          {Abnormal, "flow-no-match-transaction"},
}

// Refusal says what a refusal of an edge is; false for one that is nobody's fault.
func Refusal(kind, detail string) (Offence, bool) {
	o, ok := refusals[kind]
	if ok && o.Class == Malformed {
		switch {
		case strings.Contains(detail, "too large"):
			o.Reason = "malformed-invalid-msg-len"
		case strings.HasPrefix(detail, "5"), strings.HasPrefix(detail, "416"), strings.HasPrefix(detail, "420"):
			o.Reason = "malformed-message-policy" // well formed, and not for us
		}
	}
	return o, ok
}

// Rejection says what a request is that policy or authentication has refused.
func Rejection(rule string, status int) (Offence, bool) {
	switch {
	case (rule == "auth/wrong" || rule == "auth/guesses") && status != 400:
		return Offence{Auth, "auth-establish-fail"}, true
	case rule == "register/identity":
		return Offence{Auth, "auth-identity"}, true
	}
	return Offence{}, false
}

// Answer says what the final answer to a request from outside means for its source. good is a source that has proved itself: it has
// registered, or its call was answered.
func Answer(method string, status int) (o Offence, bad, good bool) {
	switch {
	case status < 300:
		return Offence{}, false, method == "REGISTER" || method == "INVITE"
	case status == 401 || status == 407:
		return Unheeded, true, false
	case method == "REGISTER" && (status == 403 || status == 404): // for no domain of ours: a phone asks in vain once a minute, a scan at once
		return Offence{Unanswered, "establish-local-reject"}, true, false
	case status == 403:
		return Offence{Establish, "establish-local-reject"}, true, false
	case status == 404 || status == 484 || status == 604:
		return Offence{Establish, "establish-route-fail"}, true, false
	case status == 481:
		return Offence{Abnormal, "flow-no-match-dialog"}, true, false
	}
	return Offence{}, false, false
}
