package tests

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"drawbridge/tests/gateway"
)

// TestOutsideCalls: a message, a subscription and its state from trunk to trunk through the binary, over UDP.
func TestOutsideCalls(t *testing.T) {
	near, far := newTeller(t), newTeller(t)
	gw := gateway.Start(t, gateway.Config{
		Trunks: []gateway.Trunk{{Name: "near", Target: near.addr}, {Name: "far", Target: far.addr}},
		Routes: []gateway.Route{{From: "carrier", To: "+4970*", Via: "far"}},
	})
	near.gateway, far.gateway = gw.SIP, gw.SIP

	near.ask("MESSAGE", 1, "", "Content-Type: text/plain", "hello")
	m := far.hear("MESSAGE sip:+4970123@")
	if !strings.HasSuffix(m, "\r\n\r\nhello") || strings.Contains(m, "near-call") || strings.Contains(m, near.addr.String()) {
		t.Errorf("the far side has got\n%s", m)
	}
	far.answer(m, "202 Accepted", "")
	near.hear("SIP/2.0 202 ")

	near.ask("SUBSCRIBE", 1, "", "Event: message-summary\r\nExpires: 600", "")
	m = far.hear("SUBSCRIBE sip:+4970123@")
	far.answer(m, "200 OK", "Expires: 300")
	ok := near.hear("SIP/2.0 200 ")
	if !strings.Contains(ok, "Expires: 300\r\n") {
		t.Errorf("the subscriber has got\n%s", ok)
	}
	gateway.Eventually(t, 5*time.Second, "the subscription is counted", func() bool { return gw.Metrics(t).Value(t, "drawbridge_subscriptions") == 1 })

	far.notify(m, "terminated;reason=noresource", "Messages-Waiting: yes\r\nMessage-Account: sip:x@"+far.addr.String()+"\r\n")
	n := near.hear("NOTIFY sip:")
	if !strings.Contains(n, "Subscription-State: terminated;reason=noresource\r\n") || !strings.Contains(n, "Messages-Waiting: yes\r\n") || strings.Contains(n, far.addr.String()) {
		t.Errorf("the subscriber is told\n%s", n)
	}
	near.answer(n, "200 OK", "")
	gateway.Eventually(t, 5*time.Second, "nothing is left", func() bool {
		v := gw.Metrics(t)
		return v.Value(t, "drawbridge_subscriptions") == 0 && v.Value(t, "drawbridge_errands") == 0
	})
}

// teller is a SIP user agent that says what it is told to.
type teller struct {
	t       *testing.T
	conn    *net.UDPConn
	addr    netip.AddrPort
	gateway netip.AddrPort
}

func newTeller(t *testing.T) *teller {
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(gateway.PhoneAddr, 0)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &teller{t: t, conn: c, addr: c.LocalAddr().(*net.UDPAddr).AddrPort()}
}

// ask sends a first request; tag is that of the To.
func (p *teller) ask(method string, seq int, tag, headers, body string) {
	p.send(fmt.Sprintf("%s sip:+4970123@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKnear%s%d;rport\r\nMax-Forwards: 70\r\nFrom: <sip:4711@near.test>;tag=neartag\r\n"+
		"To: <sip:+4970123@%s>%s\r\nCall-ID: near-call-%s\r\nCSeq: %d %s\r\nContact: <sip:4711@%s>\r\n%s\r\nContent-Length: %d\r\n\r\n%s",
		method, p.gateway, p.addr, method, seq, p.gateway, tag, method, seq, method, p.addr, headers, len(body), body))
}

// notify sends a NOTIFY in the dialog that a SUBSCRIBE has asked for.
func (p *teller) notify(subscribe, state, body string) {
	target := regexp.MustCompile(`Contact: <(.*)>`).FindStringSubmatch(subscribe)[1]
	p.send(fmt.Sprintf("NOTIFY %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKfarnotify;rport\r\nMax-Forwards: 70\r\nFrom: %s;tag=fartag\r\nTo: %s\r\n"+
		"Call-ID: %s\r\nCSeq: 9 NOTIFY\r\nContact: <sip:far@%s>\r\nEvent: message-summary\r\nSubscription-State: %s\r\n"+
		"Content-Type: application/simple-message-summary\r\nContent-Length: %d\r\n\r\n%s",
		target, p.addr, line(subscribe, "To"), line(subscribe, "From"), line(subscribe, "Call-ID"), p.addr, state, len(body), body))
	p.hear("SIP/2.0 200 ")
}

// answer answers a request, under a tag of its own where it has none.
func (p *teller) answer(m, status, headers string) {
	to := line(m, "To")
	if !strings.Contains(to, "tag=") {
		to += ";tag=fartag"
	}
	if headers != "" {
		headers += "\r\n"
	}
	p.send(fmt.Sprintf("SIP/2.0 %s\r\nVia: %s\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s\r\nContact: <sip:far@%s>\r\n%sContent-Length: 0\r\n\r\n",
		status, line(m, "Via"), line(m, "From"), to, line(m, "Call-ID"), line(m, "CSeq"), p.addr, headers))
}

func line(m, name string) string {
	_, rest, _ := strings.Cut(m, "\r\n"+name+": ")
	value, _, _ := strings.Cut(rest, "\r\n")
	return value
}

func (p *teller) send(m string) {
	if _, err := p.conn.WriteToUDPAddrPort([]byte(m), p.gateway); err != nil {
		p.t.Fatal(err)
	}
}

// hear waits for a message that begins so; others are passed over.
func (p *teller) hear(start string) string {
	p.t.Helper()
	buf := make([]byte, 64<<10)
	_ = p.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	for {
		n, err := p.conn.Read(buf)
		if err != nil {
			p.t.Fatalf("no %q: %v", start, err)
		}
		if m := string(buf[:n]); strings.HasPrefix(m, start) {
			return m
		}
	}
}
