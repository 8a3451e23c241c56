package scene

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/template"
)

// script writes one role. It remembers what the verbs before have said, because a phone's next message depends on it.
type script struct {
	called bool            // this role is called: its own tag stands in To of the INVITE
	target string          // Request-URI of the INVITE
	asked  string          // method of the request sent last
	saved  map[string]bool // SIPp variables in use
	checks int             // regular expressions so far
}

// verbs are the words of a scene.
//
//	call, ring              the INVITE that begins it, sent or awaited
//	answer STATUS ..        a response to that INVITE
//	fork TAG STATUS ..      the same from another branch of a fork
//	ack SEQ, nack SEQ ..    the ACK to a 2xx, and to any other final response
//	cancel ..               of that INVITE
//	request METHOD SEQ ..   in the dialog
//	alone METHOD ..         outside any dialog
//	stray METHOD ..         in a dialog that does not exist
//	expect WHAT REGEXP ..   a status or a method; every expression is found in the message, or not found when it begins with "!"
//	maybe STATUS ..         responses that may come first
//	reply METHOD STATUS ..  to a request that was expected
//	pause MS
//	sdp LINE ..             a body, see body
//
// ".." are parts of the message: header lines, which replace those the verb would write, at most one body, made by sdp or written
// "body:TYPE\nLINES", and in a request "uri=.." and "branch=.." for what the verb would choose. The word "once" keeps SIPp
// from repeating what goes out.
func (s *script) verbs() template.FuncMap {
	return template.FuncMap{
		"call": s.call, "ring": s.ring, "answer": s.answer, "fork": s.fork, "ack": s.ack, "nack": s.nack, "cancel": s.cancel,
		"request": s.request, "alone": s.alone, "stray": s.stray,
		"expect": s.expect, "maybe": maybe, "reply": s.reply, "pause": pause, "sdp": body,
	}
}

const (
	remote = "sip:[service]@[remote_ip]:[remote_port]"
	caller = "<sip:[caller]@carrier.test>"
	ownTag = ";tag=[pid]t[call_number]"
)

func (s *script) call(words ...string) string {
	s.asked = "INVITE"
	s.target = orElse(split(words).uri, remote)
	return s.initial("INVITE", "INVITE", words)
}

func (s *script) cancel(words ...string) string { return s.initial("CANCEL", "INVITE", words) }

func (s *script) alone(method string, words ...string) string {
	return s.initial(method, method, words)
}

// initial has no tag in To.
func (s *script) initial(method, transaction string, words []string) string {
	return send(request{method, transaction, 1, orElse(s.target, remote), caller + ownTag, "<" + remote + ">"}, words)
}

func (s *script) stray(method string, words ...string) string {
	return send(request{method, method, 1, remote, caller + ownTag, "<" + remote + ">;tag=nobody"}, words)
}

func (s *script) request(method string, seq int, words ...string) string {
	s.asked = method
	return s.inside(method, method, seq, "[next_url]", words)
}

func (s *script) ack(seq int, words ...string) string {
	return s.inside("ACK", "ACK", seq, "[next_url]", words)
}

// nack has the branch and the Request-URI of the INVITE it belongs to (RFC 3261 section 17.1.1.3).
func (s *script) nack(seq int, words ...string) string {
	uri := "[next_url]"
	if seq == 1 && !s.called {
		uri = s.target
	}
	return s.inside("ACK", "INVITE", seq, uri, words)
}

// inside is a request of the dialog.
func (s *script) inside(method, transaction string, seq int, uri string, words []string) string {
	from, to := caller+ownTag, "<"+remote+">[peer_tag_param]"
	if s.called {
		from, to = "[$ring_to]"+ownTag, "[$ring_from]"
	}
	return send(request{method, transaction, seq, uri, from, to}, words)
}

// request is what a phone would send by itself. Its branch is named after the transaction: an ACK may belong to that of the INVITE.
type request struct {
	method, transaction string
	seq                 int
	uri, from, to       string
}

func send(r request, words []string) string {
	p := split(words)
	branch := orElse(p.branch, fmt.Sprintf("%s-%d", r.transaction, r.seq))
	return message(r.method != "ACK", []string{
		r.method + " " + orElse(p.uri, r.uri) + " SIP/2.0",
		"Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=z9hG4bK-[pid]-[call_number]-" + branch + ";rport",
		"From: " + r.from, "To: " + r.to, "Call-ID: [call_id]", fmt.Sprintf("CSeq: %d %s", r.seq, r.method), contact, "Max-Forwards: 70",
	}, p)
}

// ring awaits the INVITE that begins the call.
func (s *script) ring(checks ...string) string {
	s.called = true
	return s.await("INVITE", "ring", checks)
}

func (s *script) answer(status any, words ...string) string {
	return respond("ring", ownTag, status, words)
}

func (s *script) fork(tag string, status any, words ...string) string {
	return respond("ring", ";tag="+tag, status, words)
}

func (s *script) reply(method string, status any, words ...string) string {
	return respond(method, "", status, words)
}

// respond answers the request that was kept under a name. Only final responses to an INVITE are repeated.
func respond(name, tag string, status any, words []string) string {
	code := fmt.Sprint(status)
	if code == "100" {
		tag = ""
	}
	kept := func(header string) string { return "[$" + name + "_" + header + "]" }
	return message(code >= "200" && (name == "ring" || name == "INVITE"), []string{
		"SIP/2.0 " + code + " Said",
		"Via: " + kept("via"), "From: " + kept("from"), "To: " + kept("to") + tag, "Call-ID: [call_id]", "CSeq: " + kept("cseq"), contact,
	}, split(words))
}

// expect awaits a response or a request.
func (s *script) expect(what any, checks ...string) string {
	status, err := strconv.Atoi(fmt.Sprint(what))
	if err != nil {
		method := fmt.Sprint(what)
		return s.await(method, method, checks)
	}
	routes := ""
	if status > 100 && status < 300 && (s.asked == "INVITE" || s.asked == "UPDATE") {
		routes = ` rrs="true"`
	}
	return fmt.Sprintf(`<recv response="%d"%s>%s</recv>`, status, routes, actions(s.verify(checks)))
}

// await keeps of a request what its response repeats.
func (s *script) await(method, name string, checks []string) string {
	routes := ""
	if method == "INVITE" || method == "UPDATE" {
		routes = ` rrs="true"`
	}
	var keep []string
	if method != "ACK" {
		for _, h := range []string{"Via", "From", "To", "CSeq"} {
			v := s.variable(name + "_" + strings.ToLower(h))
			keep = append(keep, fmt.Sprintf(`<ereg regexp="[^ ].*" search_in="hdr" header="%s:" check_it="true" assign_to="%s"/>`, h, v))
		}
	}
	return fmt.Sprintf(`<recv request="%s"%s>%s</recv>`, method, routes, actions(append(keep, s.verify(checks)...)))
}

// verify looks for each expression in the whole message.
func (s *script) verify(checks []string) []string {
	var out []string
	for _, c := range checks {
		way := "check_it"
		if rest, ok := strings.CutPrefix(c, "!"); ok {
			way, c = "check_it_inverse", rest
		}
		s.checks++
		v := s.variable("check" + strconv.Itoa(s.checks))
		out = append(out, fmt.Sprintf(`<ereg regexp="%s" search_in="msg" %s="true" assign_to="%s"/>`, attribute(c), way, v))
	}
	return out
}

func (s *script) variable(name string) string {
	s.saved[name] = true
	return name
}

func attribute(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(s)
}

func actions(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return "<action>" + strings.Join(list, "") + "</action>"
}

func maybe(statuses ...int) string {
	var b strings.Builder
	for _, st := range statuses {
		fmt.Fprintf(&b, `<recv response="%d" optional="true"/>`, st)
	}
	return b.String()
}

func pause(ms int) string { return fmt.Sprintf(`<pause milliseconds="%d"/>`, ms) }

// document puts the role's steps into a scenario. SIPp wants every variable to be used.
func (s *script) document(name, steps string) string {
	used := ""
	if names := slices.Sorted(maps.Keys(s.saved)); len(names) > 0 {
		used = `<Reference variables="` + strings.Join(names, ",") + `"/>`
	}
	return `<?xml version="1.0" encoding="UTF-8"?>` + "\n<scenario name=\"" + name + "\">\n" + strings.TrimSpace(steps) + "\n" + used + "\n</scenario>\n"
}
