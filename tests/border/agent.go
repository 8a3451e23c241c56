package main

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"drawbridge/tests/gateway"
)

// agent is the SIP user agent of a trunk, over UDP: it places many calls at once, and rings for those it gets until it is told to do
// something else. One goroutine hears, one says again what nobody has answered.
type agent struct {
	conn    *net.UDPConn
	addr    netip.AddrPort
	gateway netip.AddrPort

	mu      sync.Mutex
	placed  map[string]*placed // by Call-ID
	got     map[string]*got
	most    int // calls that it had at a time
	serial  int
	answers bool // every call at once
	done    chan struct{}
}

// placed is a call of ours.
type placed struct {
	number string
	invite []byte
	last   string // the newest response
	status int
	asked  time.Time // when the INVITE went out last
	over   bool      // we have hung up
}

// got is a call that we ring for.
type got struct {
	number string
	invite string
	over   bool
}

func newAgent() (*agent, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(gateway.PhoneAddr, 0)))
	if err != nil {
		return nil, err
	}
	_ = conn.SetReadBuffer(8 << 20) // a thousand calls at once; the system may allow less
	return &agent{
		conn: conn, addr: conn.LocalAddr().(*net.UDPAddr).AddrPort(), placed: map[string]*placed{}, got: map[string]*got{}, done: make(chan struct{}),
	}, nil
}

// serve hears until close.
func (a *agent) serve(gw netip.AddrPort) {
	a.gateway = gw
	go a.repeat()
	go func() {
		defer close(a.done)
		buf := make([]byte, 65_536)
		for {
			n, _, err := a.conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			a.hear(string(buf[:n]))
		}
	}()
}

func (a *agent) close() {
	_ = a.conn.Close()
	if a.gateway.IsValid() {
		<-a.done
	}
}

// repeat says an INVITE again that nothing has come back for (RFC 3261 section 17.1.1.2, without growing pauses).
func (a *agent) repeat() {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-a.done:
			return
		case now := <-tick.C:
			a.mu.Lock()
			for _, c := range a.placed {
				if c.status == 0 && now.Sub(c.asked) > 500*time.Millisecond {
					c.asked = now
					a.say(c.invite)
				}
			}
			a.mu.Unlock()
		}
	}
}

func (a *agent) say(b []byte) { _, _ = a.conn.WriteToUDPAddrPort(b, a.gateway) } // lost like any datagram

// call sends an INVITE. Its Call-ID comes back.
func (a *agent) call(number string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.serial++
	id := fmt.Sprintf("border-%d-%d", a.addr.Port(), a.serial)
	invite := a.request("INVITE", id, number, "", offerOf(a.addr.Addr()))
	a.placed[id] = &placed{number: number, invite: invite, asked: time.Now()}
	a.say(invite)
	return id
}

func (a *agent) request(method, id, number, toTag, body string) []byte {
	if toTag != "" {
		toTag = ";tag=" + toTag
	}
	seq, branch := 1, id
	if method == "BYE" {
		seq, branch = 2, id+"-bye"
	}
	var b bytes.Buffer
	f := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	f("%s sip:%s@%s SIP/2.0", method, number, a.gateway)
	f("Via: SIP/2.0/UDP %s;branch=z9hG4bK%s", a.addr, branch)
	f("Max-Forwards: 70")
	f("From: <sip:4711@%s>;tag=%s", a.addr.Addr(), id)
	f("To: <sip:%s@%s>%s", number, a.gateway.Addr(), toTag)
	f("Call-ID: %s", id)
	f("CSeq: %d %s", seq, method)
	f("Contact: <sip:border@%s>", a.addr)
	if body != "" {
		f("Content-Type: application/sdp")
	}
	f("Content-Length: %d\r\n", len(body))
	b.WriteString(body)
	return b.Bytes()
}

func offerOf(at netip.Addr) string {
	return fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n", at, at)
}

// hear takes one message.
func (a *agent) hear(m string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	first, _, _ := strings.Cut(m, "\r\n")
	id := field(m, "Call-ID")
	if rest, response := strings.CutPrefix(first, "SIP/2.0 "); response {
		status, _ := strconv.Atoi(rest[:min(3, len(rest))])
		a.answered(id, m, status)
		return
	}
	method, rest, _ := strings.Cut(first, " ")
	switch method {
	case "INVITE":
		if a.got[id] == nil {
			number, _, _ := strings.Cut(strings.TrimPrefix(rest, "sip:"), "@")
			a.got[id] = &got{number: number, invite: m}
			a.most = max(a.most, a.upLocked())
		}
		if a.answers {
			a.respond(m, "200 OK", offerOf(a.addr.Addr()))
			return
		}
		a.respond(m, "180 Ringing", "")
	case "CANCEL":
		a.respond(m, "200 OK", "")
		a.finish(id, "487 Request Terminated")
	case "BYE":
		a.respond(m, "200 OK", "")
		if c := a.got[id]; c != nil {
			c.over = true
		}
	}
}

// answered takes a response to a call of ours, and acknowledges what is final.
func (a *agent) answered(id, m string, status int) {
	c := a.placed[id]
	if c == nil || !strings.HasSuffix(field(m, "CSeq"), "INVITE") {
		return
	}
	c.last, c.status = m, max(c.status, status)
	if status < 200 {
		return
	}
	ack := a.request("ACK", id, c.number, tagOf(m), "")
	if status < 300 { // the ACK of a 2xx is a transaction of its own
		ack = bytes.Replace(ack, []byte("z9hG4bK"+id), []byte("z9hG4bK"+id+"-ack"), 1)
		ack = bytes.Replace(ack, []byte("ACK sip:"+c.number+"@"+a.gateway.String()), []byte("ACK "+contactOf(m)), 1)
	}
	a.say(ack)
}

// respond answers a request of the gateway's.
func (a *agent) respond(m, status, body string) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "SIP/2.0 %s\r\n", status)
	for line := range strings.SplitSeq(m, "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		switch strings.ToLower(name) {
		case "via", "from", "call-id", "cseq":
			b.WriteString(line + "\r\n")
		case "to":
			if !strings.Contains(value, ";tag=") {
				line += ";tag=b" + field(m, "Call-ID")
			}
			b.WriteString(line + "\r\n")
		}
		if line == "" {
			break
		}
	}
	fmt.Fprintf(&b, "Contact: <sip:border@%s>\r\n", a.addr)
	if body != "" {
		b.WriteString("Content-Type: application/sdp\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	a.say(b.Bytes())
}

// finish gives a call that rings its final response.
func (a *agent) finish(id, status string) {
	c := a.got[id]
	if c == nil || c.over {
		return
	}
	body := ""
	if strings.HasPrefix(status, "2") {
		body = offerOf(a.addr.Addr())
	} else {
		c.over = true
	}
	a.respond(c.invite, status, body)
}

// each tells every call that rings here what its final response is; "" leaves it.
func (a *agent) each(what func(i int) string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := 0
	for id, c := range a.got {
		if c.over {
			continue
		}
		if status := what(i); status != "" {
			a.finish(id, status)
		}
		i++
	}
}

// hangUp ends the calls of ours that are not over: BYE for those that were answered, CANCEL for the others.
func (a *agent) hangUp() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for id, c := range a.placed {
		a.end(id, c)
	}
}

// leave ends the calls that were placed to us, with a prefix: their callers hear a BYE.
func (a *agent) leave(prefix string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for id, c := range a.got {
		if c.over || !strings.HasPrefix(c.number, prefix) {
			continue
		}
		c.over = true
		var b bytes.Buffer
		f := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
		f("BYE %s SIP/2.0", contactOf(c.invite))
		f("Via: SIP/2.0/UDP %s;branch=z9hG4bK%s-left", a.addr, id)
		f("Max-Forwards: 70")
		f("From: %s;tag=b%s", field(c.invite, "To"), id)
		f("To: %s", field(c.invite, "From"))
		f("Call-ID: %s", id)
		f("CSeq: 1 BYE")
		f("Content-Length: 0\r\n")
		a.say(b.Bytes())
	}
}

// hangUpOne ends one call of ours.
func (a *agent) hangUpOne(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.end(id, a.placed[id])
}

func (a *agent) end(id string, c *placed) {
	switch {
	case c.status >= 300, c.over:
	case c.status >= 200:
		c.over = true
		bye := a.request("BYE", id, c.number, tagOf(c.last), "")
		a.say(bytes.Replace(bye, []byte("BYE sip:"+c.number+"@"+a.gateway.String()), []byte("BYE "+contactOf(c.last)), 1))
	default:
		a.say(a.request("CANCEL", id, c.number, "", ""))
	}
}

// statuses counts the calls of ours to numbers with a prefix by their final status, 0 for those without.
func (a *agent) statuses(prefix string) map[int]int {
	a.mu.Lock()
	defer a.mu.Unlock()
	by := map[int]int{}
	for _, c := range a.placed {
		switch {
		case !strings.HasPrefix(c.number, prefix):
		case c.status < 200:
			by[0]++
		default:
			by[c.status]++
		}
	}
	return by
}

// up is how many calls ring or talk here.
func (a *agent) up() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.upLocked()
}

func (a *agent) upLocked() int {
	n := 0
	for _, c := range a.got {
		if !c.over {
			n++
		}
	}
	return n
}

// field is the value of a header, "" when there is none.
func field(m, name string) string {
	head, _, _ := strings.Cut(m, "\r\n\r\n")
	for line := range strings.SplitSeq(head, "\r\n") {
		if n, value, ok := strings.Cut(line, ":"); ok && strings.EqualFold(strings.TrimSpace(n), name) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func tagOf(m string) string {
	_, tag, _ := strings.Cut(field(m, "To"), ";tag=")
	tag, _, _ = strings.Cut(tag, ";")
	return tag
}

func contactOf(m string) string {
	_, uri, _ := strings.Cut(field(m, "Contact"), "<")
	uri, _, _ = strings.Cut(uri, ">")
	return uri
}
