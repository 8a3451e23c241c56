package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// stage is where one scene is played. The first step that goes wrong ends it: the others do nothing.
type stage struct {
	c, e   *phone // who calls, who is called
	number string // what is dialled
	err    error
}

func (s *stage) fail(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf(format, args...)
	}
}

// dialog is a phone's view of one.
type dialog struct {
	*stage
	p             *phone
	callID        string
	local, remote string
	target        string
	route         []string
	seq           int
	sent          *message // the last request
	got           *message // the last one from the gateway
	proven        bool     // a challenge was answered
}

// dialog begins one of a phone's own.
func (s *stage) dialog(p *phone, to string) *dialog {
	d := &dialog{stage: s, p: p, callID: p.token() + "@" + p.host, seq: p.number()}
	d.local = "<sip:" + p.user + "@" + p.gateway + ">;tag=" + p.token()
	d.remote = "<sip:" + to + "@" + p.gateway + ">"
	d.target = "sip:" + to + "@" + p.gateway
	return d
}

// calls sends the request that begins something, called takes it.
func (s *stage) calls(method, body string, more ...header) *dialog {
	d := s.dialog(s.c, s.number)
	d.asks(method, body, more...)
	return d
}

// challenged tells a challenge to the dialog's first request.
func (d *dialog) challenged(m *message) bool {
	return m.get("Call-ID") == d.callID && (m.what() == "401" || m.what() == "407")
}

func (s *stage) called(method string) *dialog {
	d := &dialog{stage: s, p: s.e, seq: s.e.number()}
	m := d.awaits(func(m *message) bool { return m.what() == method && param(m.get("To"), "tag") == "" })
	if m == nil {
		s.fail("%s got no %s, %s last %s", s.e.name, method, s.c.name, s.c.last())
		return d
	}
	d.got, d.callID = m, m.get("Call-ID")
	d.remote, d.local = m.get("From"), m.get("To")+";tag="+d.p.token()
	d.target, d.route = m.contact(m.uri()), m.values("Record-Route")
	return d
}

// last is what the phone has heard last.
func (p *phone) last() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.heard) == 0 {
		return "nothing"
	}
	return p.heard[len(p.heard)-1].start
}

// asks sends a request: the first one, or one in the dialog. "sdp" is a body, "TYPE\nTEXT" another.
func (d *dialog) asks(method, body string, more ...header) {
	if d.err != nil {
		return
	}
	m := &message{start: method + " " + d.target + " SIP/2.0"}
	seq := d.seq
	if method != "ACK" {
		d.seq++
		seq = d.seq
		d.p.ground.number("CSeq", itoa(seq))
	}
	m.add("Via", d.p.via+";branch=z9hG4bK"+d.p.token()+";rport;x-"+d.p.word+"="+d.p.word)
	m.add("Max-Forwards", "70")
	for _, r := range d.route {
		m.add("Route", r)
	}
	m.add("From", d.local)
	m.add("To", d.remote)
	m.add("Call-ID", d.callID)
	m.add("CSeq", itoa(seq)+" "+method)
	m.add("Contact", d.p.contact+";x-"+d.p.word+"="+d.p.word)
	m.headers = append(m.headers, more...)
	d.put(m, body, "")
	if method != "ACK" {
		d.sent = m
	}
}

// answers the request that came last.
func (d *dialog) answers(status string, body string, more ...header) {
	if d.err != nil {
		return
	}
	m := &message{start: "SIP/2.0 " + status + " " + d.p.word}
	for _, name := range []string{"Via", "From", "Call-ID", "CSeq", "Record-Route"} {
		for _, v := range d.got.values(name) {
			m.add(name, v)
		}
	}
	to := d.got.get("To")
	if !strings.Contains(to, ";tag=") {
		to = d.local
	}
	m.add("To", to)
	m.add("Contact", d.p.contact)
	m.headers = append(m.headers, more...)
	d.put(m, body, d.got.body)
}

// put gives a message its body and its secrets, and sends it. offer is what an SDP of ours answers.
func (d *dialog) put(m *message, body, offer string) {
	switch kind, text, _ := strings.Cut(body, "\n"); {
	case body == "":
	case body == "sdp":
		m.add("Content-Type", "application/sdp")
		m.body = d.p.sdp(offer)
	case body == "mixed":
		m.add("Content-Type", "multipart/mixed;boundary="+d.p.word)
		m.body = d.p.own("--WORD\r\nContent-Type: application/sdp\r\nContent-ID: <WORD@HOST>\r\n\r\n") + d.p.sdp(offer) +
			d.p.own("--WORD\r\nContent-Type: application/x-WORD\r\n\r\nWORD\r\n--WORD--\r\n")
	default:
		m.add("Content-Type", kind)
		m.body = strings.ReplaceAll(d.p.own(text), "\n", "\r\n")
	}
	d.p.stuff(m)
	if err := d.p.write(m.text(d.p.spells)); err != nil {
		d.fail("%s: %w", d.p.name, err)
	}
}

// awaits the next message of the phone that is meant; what else comes belongs to something that is over.
func (d *dialog) awaits(meant func(*message) bool) *message {
	if d.err != nil {
		return nil
	}
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for {
		select {
		case m := <-d.p.in:
			if meant(m) {
				return m
			}
		case <-limit.C:
			return nil
		}
	}
}

const patience = 4 * time.Second

// gets awaits a status or a method in the dialog. Provisional responses before it are passed over, challenges answered.
func (d *dialog) gets(what string) *message {
	m := d.awaits(func(m *message) bool {
		return m.get("Call-ID") == d.callID && (m.what() == what || m.what()[0] > '1' && m.what() <= "7" && m.method() == d.sent.method())
	})
	switch {
	case d.err != nil:
		return &message{}
	case m == nil:
		d.fail("%s got no %s to %s", d.p.name, what, d.sent.what())
		return &message{}
	}
	d.took(m)
	if m.what() == what {
		return m
	}
	if d.p.password != "" && d.challenged(m) && !d.proven {
		d.again(m)
		return d.gets(what)
	}
	d.fail("%s got %s instead of %s to %s", d.p.name, m.start, what, d.sent.what())
	return &message{}
}

// took keeps the dialog up to date, and acknowledges what has failed.
func (d *dialog) took(m *message) {
	if m.request() {
		d.got = m
		if m.method() == "INVITE" || m.method() == "UPDATE" {
			d.target = m.contact(d.target)
		}
		return
	}
	d.p.ground.number("CSeq", itoa(d.seq))
	if m.what() < "300" && (m.method() == "INVITE" || m.method() == "SUBSCRIBE") {
		d.remote, d.target = m.get("To"), m.contact(d.target)
		d.route = m.values("Record-Route")
		slices.Reverse(d.route)
	}
	if m.what() >= "300" && m.method() == "INVITE" {
		ack := &message{start: "ACK " + d.sent.uri() + " SIP/2.0", headers: []header{{"Via", d.sent.get("Via")}, {"Max-Forwards", "70"}}}
		for _, name := range []string{"From", "Call-ID"} {
			ack.add(name, d.sent.get(name))
		}
		for _, r := range d.sent.values("Route") {
			ack.add("Route", r)
		}
		ack.add("To", m.get("To"))
		seq, _, _ := strings.Cut(m.get("CSeq"), " ")
		ack.add("CSeq", seq+" ACK")
		d.put(ack, "", "")
	}
}

// again repeats the request with credentials.
func (d *dialog) again(challenge *message) {
	name, value := "Authorization", challenge.get("WWW-Authenticate")
	if challenge.what() == "407" {
		name, value = "Proxy-Authorization", challenge.get("Proxy-Authenticate")
	}
	auth, err := d.p.credentials(value, d.sent.what(), d.sent.uri())
	if err != nil {
		d.fail("%s: %w", d.p.name, err)
		return
	}
	d.seq++
	d.p.ground.number("CSeq", itoa(d.seq))
	m := d.sent
	m.set("CSeq", itoa(d.seq)+" "+m.what())
	m.set("Via", d.p.via+";branch=z9hG4bK"+d.p.token()+";rport")
	m.set(name, auth)
	d.proven = true
	if err := d.p.write(m.text(d.p.spells)); err != nil {
		d.fail("%s: %w", d.p.name, err)
	}
}

// cancels takes the last INVITE back.
func (d *dialog) cancels(more ...header) {
	if d.err != nil {
		return
	}
	m := &message{start: "CANCEL " + d.sent.uri() + " SIP/2.0", headers: []header{{"Via", d.sent.get("Via")}, {"Max-Forwards", "70"}}}
	for _, name := range []string{"From", "To", "Call-ID"} {
		m.add(name, d.sent.get(name))
	}
	seq, _, _ := strings.Cut(d.sent.get("CSeq"), " ")
	m.add("CSeq", seq+" CANCEL")
	m.headers = append(m.headers, more...)
	d.put(m, "", "")
}

func spaceless(s string) string { return strings.NewReplacer(", ", ";", ",", ";", " ", ";").Replace(s) }
