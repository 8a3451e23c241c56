package scene

import "strings"

// contact names where a phone is reached: whoever runs SIPp gives it the keyword.
const contact = "Contact: <sip:phone@[contact]>"

// parts are what a scene says of a message beyond its kind.
type parts struct {
	headers     []string
	body, kind  string // kind is the Content-Type
	uri, branch string // "": the verb's
	once        bool   // not repeated when nothing comes back
	attribute   string // of the element
}

func split(words []string) parts {
	var p parts
	for _, w := range words {
		switch {
		case strings.HasPrefix(w, "v=0"):
			p.body, p.kind = w, "application/sdp"
		case strings.HasPrefix(w, "body:"):
			p.kind, p.body, _ = strings.Cut(w[len("body:"):], "\n")
		case strings.HasPrefix(w, "uri="):
			p.uri = w[len("uri="):]
		case strings.HasPrefix(w, "branch="):
			p.branch = w[len("branch="):]
		case strings.HasPrefix(w, "attribute="):
			p.attribute = " " + w[len("attribute="):]
		case w == "once":
			p.once = true
		default:
			p.headers = append(p.headers, w)
		}
	}
	return p
}

// message is a <send> with a head, whose lines give way to those of p that have the same name. A repeated one goes out again until the
// next message comes in, and SIPp does nothing else meanwhile.
func message(repeated bool, head []string, p parts) string {
	var lines []string
	for i, line := range head {
		if i == 0 || !p.has(name(line)) {
			lines = append(lines, line)
		}
	}
	lines = append(lines, p.headers...)
	if p.body != "" {
		lines = append(lines, "Content-Type: "+p.kind)
	}
	lines = append(lines, "Content-Length: [len]", "")
	if p.body != "" {
		lines = append(lines, p.body)
	}
	attributes := p.attribute
	if repeated && !p.once {
		attributes += ` retrans="500"`
	}
	return "<send" + attributes + "><![CDATA[\n" + strings.Join(lines, "\n") + "\n]]></send>"
}

func (p parts) has(header string) bool {
	for _, h := range p.headers {
		if strings.EqualFold(name(h), header) {
			return true
		}
	}
	return false
}

func name(line string) string {
	n, _, _ := strings.Cut(line, ":")
	return strings.TrimSpace(n)
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
