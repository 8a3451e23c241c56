package topology

import (
	"slices"
	"strings"

	"drawbridge/sip/wire"
)

// content is a media type that crosses: as it is, or as far as scrub lets it.
type content struct {
	media string
	scrub func(body []byte, entity string) ([]byte, bool)
}

// keep lets a body cross whole: it is what one person says to another.
func keep(body []byte, _ string) ([]byte, bool) { return body, true }

// contents are the bodies that cross outside calls, by method. What is not here does not cross.
var contents = map[wire.Method][]content{
	wire.MESSAGE: {{"text/plain", keep}, {"application/im-iscomposing+xml", composing.scrub}},
	wire.INFO:    {{"application/dtmf-relay", keep}, {"application/dtmf", keep}},
	wire.PUBLISH: {{"application/pidf+xml", presence.scrub}},
	wire.NOTIFY: {
		{"application/dialog-info+xml", dialogInfo.scrub}, {"application/simple-message-summary", summary},
		{"application/pidf+xml", presence.scrub},
	},
}

// Accepts is the Accept value of a method's bodies; "" when it has none.
func Accepts(method wire.Method) string {
	var names []string
	for _, c := range contents[method] {
		names = append(names, c.media)
	}
	return strings.Join(names, ", ")
}

// Body is what crosses of a request's body. entity is the resource it speaks of, as the far side knows it. ok is false when the body, or
// a part that its sender insists on, cannot cross: the sender is owed a 415. The body of a method that has none is dropped.
func Body(m *wire.Message, entity string) (contentType string, body []byte, ok bool) {
	allowed := contents[m.Method]
	switch {
	case len(m.Body) == 0 || len(allowed) == 0:
		return "", nil, true
	case m.Encoded():
		return "", nil, false
	case strings.HasPrefix(m.MediaType(), "multipart/"):
		return oneOf(m, allowed, entity)
	}
	return cross(allowed, m.ContentType, m.Body, entity)
}

// cross lets one body through.
func cross(allowed []content, contentType string, body []byte, entity string) (string, []byte, bool) {
	v, err := wire.ParseValue(contentType)
	if err != nil {
		return "", nil, false
	}
	i := slices.IndexFunc(allowed, func(c content) bool { return strings.EqualFold(c.media, v.Text) })
	if i < 0 {
		return "", nil, false
	}
	out, ok := allowed[i].scrub(body, entity)
	clean := wire.Value{Text: allowed[i].media}
	if charset := strings.ToLower(v.Params.Get("charset")); charset == "utf-8" || charset == "us-ascii" {
		clean.Params.Set("charset", charset)
	}
	return clean.String(), out, ok
}

// oneOf takes the first part of a multipart that may cross, unless the sender insists on another one.
func oneOf(m *wire.Message, allowed []content, entity string) (contentType string, body []byte, ok bool) {
	parts, err := wire.Parts(m.ContentType, m.Body)
	if err != nil {
		return "", nil, false
	}
	for _, p := range parts {
		if !ok && p.Encoding == "" {
			if contentType, body, ok = cross(allowed, p.ContentType, p.Body, entity); ok {
				continue
			}
		}
		if p.Required() {
			return "", nil, false
		}
	}
	return contentType, body, ok
}

// summary scrubs an application/simple-message-summary (RFC 3842 section 5): what waits and how much of it, under the far side's account.
func summary(body []byte, entity string) ([]byte, bool) {
	var out strings.Builder
	waiting := false
	for line := range strings.Lines(string(body)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), ":")
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		switch {
		case !ok:
		case name == "messages-waiting":
			if value = strings.ToLower(value); value != "yes" && value != "no" {
				return nil, false
			}
			waiting = true
			out.WriteString("Messages-Waiting: " + value + "\r\nMessage-Account: " + entity + "\r\n")
		case slices.Contains(summaryLines, name) && strings.Trim(value, "0123456789/() ") == "":
			out.WriteString(strings.ToUpper(name[:1]) + name[1:] + ": " + value + "\r\n")
		}
	}
	return []byte(out.String()), waiting
}

// summaryLines are the message context classes of RFC 3458 that a summary counts.
var summaryLines = []string{"voice-message", "fax-message", "pager-message", "multimedia-message", "text-message", "none"}
