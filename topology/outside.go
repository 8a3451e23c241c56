package topology

import (
	"slices"
	"strconv"
	"strings"

	"drawbridge/sip/wire"
)

// maxTag bounds an entity tag that crosses. Chosen here: those of the presence servers in use stay below 64.
const maxTag = 128

// priorities are the values of RFC 3261 section 20.26.
var priorities = []string{"emergency", "urgent", "normal", "non-urgent"}

// Outside returns the skeleton of a request outside any call towards the far side: Request-URI, Max-Forwards, From and To as for an
// INVITE, and the few headers that the method is about. The body is Body's business.
func Outside(in *wire.Message, far Far) *wire.Message {
	m := skeleton(in.Method, in, far)
	switch in.Method {
	case wire.MESSAGE: // RFC 3428
		m.Expires = in.Expires
		if s := display(in.Get("Subject")); s != "" {
			m.Add("Subject", s)
		}
		if p := strings.ToLower(in.Get("Priority")); slices.Contains(priorities, p) {
			m.Add("Priority", p)
		}
	case wire.PUBLISH: // RFC 3903
		m.Expires = in.Expires
		addEvent(m, in)
		addTag(m, "SIP-If-Match", in.Get("SIP-If-Match"))
	case wire.SUBSCRIBE: // RFC 6665
		m.Expires = in.Expires
		addEvent(m, in)
	default: // OPTIONS and INFO say nothing but themselves
	}
	return m
}

// addEvent names the package. The id belongs to the near side's dialog; the far side's has one subscription only.
func addEvent(m, in *wire.Message) {
	if e, ok := ParseEvent(in.Get("Event")); ok {
		m.Add("Event", e.Package)
		if in.Method == wire.SUBSCRIBE {
			m.Add("Accept", e.Media())
		}
	}
}

// addTag passes an entity tag on: it means something to its maker only, so it crosses as it is or not at all.
func addTag(m *wire.Message, name, tag string) {
	if v, err := wire.ParseValue(tag); err == nil && v.Text == tag && len(tag) <= maxTag {
		m.Add(name, tag)
	}
}

// OutsideStatus is the status that the near side is told for a final one of the far side, outside calls. What speaks of the body, the
// event or the lifetime crosses as itself: these are the near side's own. The rest is as for a call.
func OutsideStatus(status int, trunk bool) int {
	switch status {
	case 405, 501:
		return 405
	case 412, 413, 415, 423, 489:
		return status
	}
	return ToCaller(status, Q850(status), trunk)
}

// OutsideAnswer fills the answer to in with what crosses of the far side's answer.
func OutsideAnswer(answer, far *wire.Message, method wire.Method) {
	switch {
	case answer.Status/100 == 2:
		if method == wire.PUBLISH {
			addTag(answer, "SIP-ETag", far.Get("SIP-ETag"))
			answer.Expires = far.Expires
		}
	case answer.Status == 423:
		addSeconds(answer, "Min-Expires", far.Get("Min-Expires"))
	case answer.Status == 489:
		answer.Add("Allow-Events", AllowEvents)
	}
	if answer.Status >= 300 && far.Status != 503 { // that one speaks of a target, not of us
		addSeconds(answer, "Retry-After", far.Get("Retry-After"))
	}
}

// addSeconds passes a number of seconds on, without the comment that may stand behind it.
func addSeconds(m *wire.Message, name, value string) {
	if end := strings.IndexAny(value, " (;"); end >= 0 {
		value = value[:end]
	}
	if n := seconds(value); n >= 0 {
		m.Add(name, strconv.Itoa(n))
	}
}
