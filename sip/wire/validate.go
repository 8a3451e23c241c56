package wire

import (
	"bytes"
	"slices"
	"strings"
)

// Verdict is what a message is owed. Status 0: nothing, it is fine. -1: drop in silence. Else: answer a request with it; Reason is
// its phrase and never quotes the message, Fields are the headers that go with it, Salvaged is the request to answer.
type Verdict struct {
	Status   int
	Reason   string
	Fields   []Field
	Salvaged *Message
}

// Drop is the verdict that asks for silence.
const Drop = -1

// AllowedMethods is the Allow value of the methods that this gateway serves.
const AllowedMethods = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, REGISTER, MESSAGE, SUBSCRIBE, NOTIFY, PUBLISH"

// understood are the option tags a peer may require.
var understood = []string{"timer", "100rel", "precondition", "replaces", "norefersub", "outbound", "path", "privacy"}

// bulk is the option tag of registrations for many numbers (RFC 6140); it means nothing elsewhere.
const bulk = "gin"

// Validate judges a parsed message: what the grammar cannot say, and what the gateway cannot serve whoever asks (RFC 3261 section 8.2).
// What depends on a dialog, a user or a body's content is for the layers above.
func Validate(m *Message) Verdict {
	if !m.IsRequest() {
		if defect(m) != "" {
			return Verdict{Status: Drop}
		}
		return Verdict{}
	}
	if m.Method == ACK {
		if defect(m) != "" {
			return Verdict{Status: Drop} // an ACK is never answered
		}
		return Verdict{}
	}
	return validateRequest(m)
}

func validateRequest(m *Message) Verdict {
	if len(m.Via) == 0 {
		return Verdict{Status: Drop} // an answer would find neither its way nor its transaction
	}
	part := defect(m)
	if part != "" && part != "CSeq method" {
		return owed(m, 400, "Bad "+part)
	}
	if !slices.Contains(methods, m.Method) {
		return owed(m, 501, "", Field{"Allow", AllowedMethods})
	}
	if part != "" {
		return owed(m, 400, "Bad "+part)
	}
	switch {
	case m.URI.Scheme == "sip", m.URI.Scheme == "sips", m.URI.Scheme == "tel", m.URI.Emergency():
	default:
		return owed(m, 416, "")
	}
	if m.Method != INVITE && m.Has("Replaces") { // RFC 3891 section 3
		return owed(m, 400, "Bad Replaces")
	}
	if tags := missing(m); len(tags) > 0 && m.Method != CANCEL {
		return owed(m, 420, "", Field{"Unsupported", strings.Join(tags, ", ")})
	}
	return Verdict{}
}

// owed builds a verdict. An empty reason is the status's own phrase.
func owed(m *Message, status int, reason string, fields ...Field) Verdict {
	if reason == "" {
		reason = ReasonPhrase(status)
	}
	return Verdict{Status: status, Reason: reason, Fields: fields, Salvaged: m}
}

// defect names the first part of the message that is missing, out of range or at odds with another, "" when there is none.
func defect(m *Message) string {
	switch {
	case len(m.Via) == 0 || len(m.Via) > maxVias:
		return "Via"
	case m.From.URI.Scheme == "":
		return "From"
	case m.To.URI.Scheme == "":
		return "To"
	case m.CallID == "" || strings.IndexByte(m.CallID, ' ') >= 0:
		return "Call-ID"
	case m.CSeq.Method == "" || m.CSeq.Seq >= 1<<31 || !all(string(m.CSeq.Method), isToken):
		return "CSeq"
	case m.MaxForwards < -1 || m.MaxForwards > maxForwards:
		return "Max-Forwards"
	case len(m.Route) > maxRoutes:
		return "Route"
	case len(m.RecordRoute) > maxRoutes:
		return "Record-Route"
	case !contactFits(m):
		return "Contact"
	case !bodyFits(m):
		return "body"
	case m.IsRequest() && m.CSeq.Method != m.Method:
		return "CSeq method"
	}
	return ""
}

// contactFits checks "*": it stands alone, in a REGISTER that removes everything (RFC 3261 section 10.2.2).
func contactFits(m *Message) bool {
	if !m.ContactStar {
		return true
	}
	return m.Method == REGISTER && len(m.Contact) == 0 && m.Expires == 0
}

// bodyFits bounds what later parsers will be given.
func bodyFits(m *Message) bool {
	if len(m.Body) == 0 {
		return true
	}
	switch t := m.MediaType(); {
	case t == "application/sdp":
		n := bytes.Count(m.Body, []byte("\nm="))
		return n <= maxMedia
	case strings.HasPrefix(t, "multipart/"):
		return partsFit(m.Body)
	}
	return true
}

// partsFit counts part headers without taking the body apart: one Content-Type each, nested ones included.
func partsFit(body []byte) bool {
	low := bytes.ToLower(body)
	return bytes.Count(low, []byte("\ncontent-type")) <= maxParts && bytes.Count(low, []byte("multipart/")) < maxNesting
}

// missing lists the option tags of Require and Proxy-Require that are not understood, each once. Behind the limit it stops: the answer
// must not outgrow the question.
func missing(m *Message) []string {
	var tags []string
	for _, f := range m.Fields {
		if f.Name != "Require" && f.Name != "Proxy-Require" {
			continue
		}
		for tag := range strings.SplitSeq(f.Value, ",") {
			tag = strings.ToLower(strings.TrimSpace(tag))
			if !all(tag, isToken) || slices.Contains(understood, tag) || tag == bulk && m.Method == REGISTER || slices.Contains(tags, tag) {
				continue
			}
			if tags = append(tags, tag); len(tags) == maxTags {
				return tags
			}
		}
	}
	return tags
}
