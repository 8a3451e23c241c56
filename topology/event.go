package topology

import (
	"slices"
	"strconv"
	"strings"

	"drawbridge/sip/wire"
)

// Event is an event package and the id that tells subscriptions to it apart (RFC 6665 section 8.2.1).
type Event struct{ Package, ID string }

// packages are the event packages that cross the border, each with the one media type of its state. A package that is not here would tell
// the far side what it is not to know: reg (RFC 3680) lists contacts, conference (RFC 4575) the addresses of its members.
var packages = []struct{ name, media string }{
	{"dialog", "application/dialog-info+xml"},                 // RFC 4235: busy lamps
	{"message-summary", "application/simple-message-summary"}, // RFC 3842: message waiting
	{"presence", "application/pidf+xml"},                      // RFC 3856
}

// AllowEvents is the Allow-Events value of the packages that cross.
const AllowEvents = "dialog, message-summary, presence"

// ParseEvent reads an Event header. ok is false when it is missing, malformed or names a package that does not cross.
func ParseEvent(value string) (e Event, ok bool) {
	v, err := wire.ParseValue(value)
	e = Event{Package: strings.ToLower(v.Text), ID: v.Params.Get("id")}
	return e, err == nil && e.Media() != ""
}

// String is the event as a header value.
func (e Event) String() string {
	v := wire.Value{Text: e.Package}
	if e.ID != "" {
		v.Params.Set("id", e.ID)
	}
	return v.String()
}

// Media is the type of the package's state, "" when the package does not cross.
func (e Event) Media() string {
	for _, p := range packages {
		if p.name == e.Package {
			return p.media
		}
	}
	return ""
}

// State is a Subscription-State (RFC 6665 section 8.2.3).
type State struct {
	Word       string // active, pending or terminated
	Expires    int    // seconds; -1 when absent
	Reason     string // one of the registered words, "" otherwise
	RetryAfter int    // seconds; -1 when absent
}

// The states and reasons of RFC 6665 section 4.1.3 and RFC 5839.
var (
	stateWords   = []string{"active", "pending", "terminated"}
	stateReasons = []string{"deactivated", "probation", "rejected", "timeout", "giveup", "noresource", "invariant"}
)

// ParseState reads a Subscription-State. An unknown state counts as active, an unknown reason is left out (RFC 6665 section 4.1.3).
func ParseState(value string) (s State, ok bool) {
	v, err := wire.ParseValue(value)
	if err != nil {
		return State{}, false
	}
	s = State{Word: strings.ToLower(v.Text), Expires: seconds(v.Params.Get("expires")), RetryAfter: seconds(v.Params.Get("retry-after"))}
	if !slices.Contains(stateWords, s.Word) {
		s.Word = stateWords[0]
	}
	if r := strings.ToLower(v.Params.Get("reason")); slices.Contains(stateReasons, r) {
		s.Reason = r
	}
	return s, true
}

// Terminated reports the end of the subscription.
func (s State) Terminated() bool { return s.Word == "terminated" }

// String is the state as a header value.
func (s State) String() string {
	v := wire.Value{Text: s.Word}
	if s.Expires >= 0 && !s.Terminated() {
		v.Params.Set("expires", strconv.Itoa(s.Expires))
	}
	if s.Reason != "" {
		v.Params.Set("reason", s.Reason)
	}
	if s.RetryAfter >= 0 {
		v.Params.Set("retry-after", strconv.Itoa(s.RetryAfter))
	}
	return v.String()
}

// seconds reads a delta-seconds value, -1 when it is none.
func seconds(s string) int {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return -1
	}
	return int(n)
}
