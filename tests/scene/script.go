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
	began  string          // method of what this role was called with; its own tag stands in To there
	target string          // Request-URI of the INVITE
	last   string          // method of the request sent last
	open   string          // request in the dialog that has no final response, a re-INVITE no ACK: SIPp's name for its transaction
	sent   int             // requests in the dialog so far
	saved  map[string]bool // SIPp variables in use
	checks int             // regular expressions so far
	hears  map[string]int  // messages awaited, by method or status
}

// verbs are the words of a scene.
//
//	call, ring              the INVITE that begins it, sent or awaited
//	alone, asked METHOD ..  another request that begins something, sent or awaited
//	answer STATUS ..        a response to what began it
//	fork TAG STATUS ..      the same from another branch of a fork
//	ack SEQ, nack SEQ ..    the ACK to a 2xx, and to any other final response
//	cancel ..               of that INVITE
//	request METHOD SEQ ..   in the dialog
//	said METHOD             what the scene wrote itself was one of those
//	stray METHOD ..         in a dialog that does not exist
//	expect WHAT REGEXP ..   a status or a method; every expression is found in the message, or not found when it begins with "!"
//	learn STATUS NAME EXPR  a response of which the group in the expression is kept as [$NAME]
//	reliable STATUS ..      a provisional response that asks for a PRACK
//	prack SEQ ..            the PRACK to it
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
		"request": s.request, "alone": s.alone, "asked": s.begin, "said": s.said, "stray": s.stray,
		"expect": s.expect, "learn": s.learn, "reliable": s.reliable, "prack": s.prack, "maybe": s.maybe, "reply": s.reply, "pause": pause, "sdp": body,
	}
}

const (
	remote = "sip:[service]@[remote_ip]:[remote_port]"
	caller = "<sip:[caller]@carrier.test>"
	ownTag = ";tag=[pid]t[call_number]"
)

func (s *script) call(words ...string) string {
	s.last = "INVITE"
	s.target = orElse(split(words).uri, remote)
	return s.initial("INVITE", "INVITE", words)
}

func (s *script) cancel(words ...string) string {
	s.last = "CANCEL"
	return s.initial("CANCEL", "INVITE", words)
}

func (s *script) said(method string) string {
	s.last = method
	return ""
}

func (s *script) alone(method string, words ...string) string {
	s.last = method
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
	s.last = method
	s.sent++
	s.open = fmt.Sprintf("request%d", s.sent)
	words = append(words, `attribute=start_txn="`+s.open+`"`)
	return s.inside(method, method, seq, "[next_url]", words)
}

func (s *script) ack(seq int, words ...string) string {
	return s.inside("ACK", "ACK", seq, "[next_url]", s.closing(words))
}

// nack has the branch and the Request-URI of the INVITE it belongs to (RFC 3261 section 17.1.1.3).
func (s *script) nack(seq int, words ...string) string {
	uri := "[next_url]"
	if seq == 1 && s.began == "" {
		uri = s.target
	}
	return s.inside("ACK", "INVITE", seq, uri, s.closing(words))
}

// closing ends a re-INVITE with its ACK.
func (s *script) closing(words []string) []string {
	if s.open == "" {
		return words
	}
	words = append(words, `attribute=ack_txn="`+s.open+`"`)
	s.open = ""
	return words
}

// inside is a request of the dialog.
func (s *script) inside(method, transaction string, seq int, uri string, words []string) string {
	from, to := caller+ownTag, "<"+remote+">[peer_tag_param]"
	if s.began != "" {
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
func (s *script) ring(checks ...string) string { return s.begin("INVITE", checks...) }

func (s *script) begin(method string, checks ...string) string {
	s.began = method
	return s.await(method, "ring", checks)
}

func (s *script) answer(status any, words ...string) string {
	return respond(s.began, "ring", ownTag, status, words)
}

func (s *script) fork(tag string, status any, words ...string) string {
	return respond(s.began, "ring", ";tag="+tag, status, words)
}

func (s *script) reply(method string, status any, words ...string) string {
	return respond(method, method, "", status, words)
}

// respond answers the request that was kept under a name. Only final responses to an INVITE are repeated.
func respond(method, name, tag string, status any, words []string) string {
	code := fmt.Sprint(status)
	if code == "100" {
		tag = ""
	}
	kept := func(header string) string { return "[$" + name + "_" + header + "]" }
	return message(code >= "200" && method == "INVITE", []string{
		"SIP/2.0 " + code + " Said",
		"Via: " + kept("via"), "From: " + kept("from"), "To: " + kept("to") + tag, "Call-ID: " + kept("call-id"), "CSeq: " + kept("cseq"), contact,
	}, split(words))
}

// expect awaits a response or a request.
func (s *script) expect(what any, checks ...string) string {
	status, err := strconv.Atoi(fmt.Sprint(what))
	if err != nil {
		method := fmt.Sprint(what)
		return s.await(method, method, checks)
	}
	return s.response(status, s.verify(checks))
}

// response follows the peer's Contact where the response may set it.
func (s *script) response(status int, then []string) string {
	s.hears[strconv.Itoa(status)]++
	routes := ""
	if status > 100 && status < 300 && setsTarget(s.last) {
		routes = ` rrs="true"`
	}
	out := fmt.Sprintf(`<recv response="%d"%s%s>%s</recv>`, status, s.ofTransaction(), routes, actions(then))
	if status >= 200 && s.last != "INVITE" {
		s.open = ""
	}
	return out
}

func (s *script) learn(status int, name, expression string, checks ...string) string {
	keep := fmt.Sprintf(`<ereg regexp="%s" search_in="msg" check_it="true" assign_to="%s,%s"/>`,
		attribute(expression), s.variable(name+"_line"), s.variable(name))
	return s.response(status, append([]string{keep}, s.verify(checks)...))
}

// reliable keeps the RSeq of a response for its PRACK.
func (s *script) reliable(status int, checks ...string) string {
	return s.learn(status, "rseq", "RSeq: *([0-9]+)", append(checks, "Require:.*100rel")...)
}

func (s *script) prack(seq int, words ...string) string {
	if !split(words).has("RAck") {
		words = append([]string{"RAck: [$rseq] 1 INVITE"}, words...)
	}
	return s.inside("PRACK", "PRACK", seq, "[next_url]", words)
}

// await keeps of a request what its response repeats.
func (s *script) await(method, name string, checks []string) string {
	s.hears[method]++
	routes := ""
	if setsTarget(method) {
		routes = ` rrs="true"`
	}
	var keep []string
	if method != "ACK" {
		for _, h := range []string{"Via", "From", "To", "Call-ID", "CSeq"} {
			v := s.variable(name + "_" + strings.ToLower(h))
			keep = append(keep, fmt.Sprintf(`<ereg regexp="[^ ].*" search_in="hdr" header="%s:" check_it="true" assign_to="%s"/>`, h, v))
		}
	}
	return fmt.Sprintf(`<recv request="%s"%s>%s</recv>`, method, routes, actions(append(keep, s.verify(checks)...)))
}

// setsTarget tells of which requests the Contact counts (RFC 3261 section 12.2, RFC 3311, RFC 6665).
func setsTarget(method string) bool {
	return method == "INVITE" || method == "UPDATE" || method == "SUBSCRIBE"
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

func (s *script) maybe(statuses ...int) string {
	var b strings.Builder
	for _, st := range statuses {
		s.hears[strconv.Itoa(st)]++
		fmt.Fprintf(&b, `<recv response="%d"%s optional="true"/>`, st, s.ofTransaction())
	}
	return b.String()
}

// ofTransaction keeps SIPp from taking another response: the 200 of the INVITE may come again.
func (s *script) ofTransaction() string {
	if s.open == "" {
		return ""
	}
	return ` response_txn="` + s.open + `"`
}

func pause(ms any) string { return fmt.Sprintf(`<pause milliseconds="%v"/>`, ms) }

// document puts the role's steps into a scenario. SIPp wants every variable to be used.
func (s *script) document(name, steps string) string {
	used := ""
	if names := slices.Sorted(maps.Keys(s.saved)); len(names) > 0 {
		used = `<Reference variables="` + strings.Join(names, ",") + `"/>`
	}
	return `<?xml version="1.0" encoding="UTF-8"?>` + "\n<scenario name=\"" + name + "\">\n" + strings.TrimSpace(steps) + "\n" + used + "\n</scenario>\n"
}
