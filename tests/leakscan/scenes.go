package main

// scene is one way to use the border.
type scene struct {
	name string
	play func(s *stage)
}

// talk brings a call to where both talk.
func talk(s *stage, offer, answer string, more ...header) (a, b *dialog) {
	a = s.calls("INVITE", offer, more...)
	b = s.called("INVITE")
	b.answers("180", "")
	a.gets("180")
	b.answers("183", answer)
	b.answers("200", answer)
	a.gets("200")
	a.asks("ACK", "")
	b.gets("ACK")
	return a, b
}

// ends hangs up.
func ends(d, other *dialog) {
	d.asks("BYE", "", header{"Reason", d.p.own(`SIP;cause=200;text="WORD at HOST"`)}, header{"Reason", d.p.own(`Q.850;cause=16;text="WORD"`)})
	other.gets("BYE")
	other.answers("200", "")
	d.gets("200")
}

// scenes are played one after the other, in every direction.
func scenes() []scene {
	all := []scene{
		{"call", func(s *stage) { a, b := talk(s, "sdp", "sdp"); ends(a, b) }},
		{"callee hangs up", func(s *stage) { a, b := talk(s, "sdp", "sdp"); ends(b, a) }},
		{"body of several parts", func(s *stage) { a, b := talk(s, "mixed", "sdp"); ends(a, b) }},
		{"private", func(s *stage) { a, b := talk(s, "sdp", "sdp", header{"Privacy", "id;header;user"}); ends(a, b) }},
		{"digits", digits},
		{"hold", hold},
		{"cancel", cancel},
		{"message", message3428},
		{"options", options},
		{"publish", publish},
		{"subscription", subscription},
		{"transfer", transfer},
	}
	for _, status := range []string{
		"302", "400", "401", "403", "404", "406", "407", "408", "410", "415", "420", "433", "480", "484", "486", "488", "500", "503", "504", "580", "600", "603", "606",
	} {
		all = append(all, scene{"refused with " + status, refused(status)})
	}
	return all
}

func digits(s *stage) {
	a, b := talk(s, "sdp", "sdp")
	a.asks("INFO", "application/dtmf-relay\nSignal=5\nDuration=160\nX-WORD=WORD\n")
	a.awaits(func(m *message) bool { return m.method() == "INFO" && m.what() >= "200" }) // refused where digits go as audio
	ends(a, b)
}

// hold changes the session from both sides. What the other side is told of it is the gateway's business; what comes is answered.
func hold(s *stage) {
	a, b := talk(s, "sdp", "sdp")
	for _, d := range []*dialog{a, b} {
		other := map[*dialog]*dialog{a: b, b: a}[d]
		d.asks("INVITE", "sdp")
		d.gets("200")
		d.asks("ACK", "")
		other.asks("UPDATE", "", header{"Supported", "timer"})
		other.gets("200")
	}
	ends(a, b)
}

func cancel(s *stage) {
	a := s.calls("INVITE", "sdp")
	b := s.called("INVITE")
	b.answers("180", "")
	a.gets("180")
	a.cancels(header{"Reason", s.c.own(`SIP;cause=200;text="WORD at HOST"`)})
	b.gets("CANCEL")
	invite := b.got
	b.answers("200", "")
	b.got = b.first(invite)
	b.answers("487", "")
	b.gets("ACK")
	a.gets("487")
}

// first is the INVITE that a CANCEL takes back.
func (d *dialog) first(cancel *message) *message {
	d.p.mu.Lock()
	defer d.p.mu.Unlock()
	for _, m := range d.p.heard {
		if m.what() == "INVITE" && m.get("Call-ID") == d.callID {
			return m
		}
	}
	return cancel
}

// refused ends a call with a status and all that may stand beside it.
func refused(status string) func(s *stage) {
	return func(s *stage) {
		a := s.calls("INVITE", "sdp")
		b := s.called("INVITE")
		more := []header{{"Reason", s.e.own(`Q.850;cause=34;text="WORD at HOST"`)}, {"Retry-After", s.e.own(`3 (WORD);duration=60`)}}
		switch status {
		case "401":
			more = append(more, header{"WWW-Authenticate", s.e.own(`Digest realm="WORD", nonce="WORD", opaque="WORD", domain="sip:HOST"`)})
		case "407":
			more = append(more, header{"Proxy-Authenticate", s.e.own(`Digest realm="WORD", nonce="WORD", opaque="WORD"`)})
		case "420":
			more = append(more, header{"Unsupported", s.e.word})
		case "415":
			more = append(more, header{"Accept", s.e.own("application/x-WORD")})
		}
		b.answers(status, "", more...)
		b.awaits(func(m *message) bool { return m.what() == "ACK" && m.get("Call-ID") == b.callID })
		a.awaits(func(m *message) bool { // whatever it is mapped to
			if m.get("Call-ID") != a.callID || m.what() < "200" || m.request() {
				return false
			}
			a.took(m)
			return true
		})
	}
}

func message3428(s *stage) {
	a := s.calls("MESSAGE", "text/plain\nhello")
	b := s.called("MESSAGE")
	b.answers("200", "text/plain\nWORD at HOST")
	a.gets("200")
}

func options(s *stage) {
	a := s.calls("OPTIONS", "", header{"Accept", "application/sdp"})
	b := s.called("OPTIONS")
	b.answers("200", "sdp")
	a.gets("200")
}

func publish(s *stage) {
	a := s.calls("PUBLISH", "application/pidf+xml\n"+pidf, header{"Event", s.c.own("presence;x=WORD")}, header{"Expires", "600"})
	b := s.called("PUBLISH")
	b.answers("200", "", header{"SIP-ETag", "x1"}, header{"Expires", "600"})
	a.gets("200")
}

const pidf = `<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:WORD@HOST"><tuple id="WORD"><status><basic>open</basic></status>` +
	`<contact>sip:WORD@HOST</contact><note>WORD at HOST</note></tuple></presence>`

const dialogInfo = `<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="0" state="full" entity="sip:WORD@HOST"><dialog id="WORD" call-id="WORD" ` +
	`local-tag="WORD" remote-tag="WORD"><state>confirmed</state><remote><identity display="WORD">sip:WORD@HOST</identity><target uri="sip:WORD@HOST"/></remote></dialog></dialog-info>`

func subscription(s *stage) {
	a := s.calls("SUBSCRIBE", "", header{"Event", s.c.own("dialog;id=WORD;call-id=WORD")}, header{"Expires", "600"}, header{"Accept", "application/dialog-info+xml"})
	b := s.called("SUBSCRIBE")
	b.answers("200", "", header{"Expires", "600"})
	a.gets("200")
	for _, state := range []string{"active;expires=599;x=WORD", "terminated;reason=noresource;x=WORD"} {
		b.asks("NOTIFY", "application/dialog-info+xml\n"+dialogInfo, header{"Event", "dialog"}, header{"Subscription-State", s.e.own(state)})
		a.gets("NOTIFY")
		a.answers("200", "")
		b.gets("200")
	}
}

// transfer moves the callee to a number that nobody has.
func transfer(s *stage) {
	a, b := talk(s, "sdp", "sdp")
	a.asks("REFER", "", header{"Refer-To", s.c.own("<sip:+493099@HOST;x-WORD=WORD?X-WORD=WORD&Subject=WORD>")}, header{"Referred-By", s.c.own("<sip:WORD@HOST>")},
		header{"Refer-Sub", "true"})
	a.gets("202")
	a.awaits(func(m *message) bool {
		if m.what() != "NOTIFY" || m.get("Call-ID") != a.callID {
			return false
		}
		a.took(m)
		a.answers("200", "")
		return len(m.body) > 14 && m.body[8] > '1' // a final status in the fragment
	})
	ends(a, b)
}
