package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"
)

// peer is a gateway of a carrier, over UDP: it answers OPTIONS, lets calls ring until they are cancelled, and can fall silent.
type peer struct {
	conn    *net.UDPConn
	dead    atomic.Bool
	options atomic.Int64 // answered
	rung    atomic.Int64 // calls
}

func listen(at netip.Addr) (*net.UDPConn, error) {
	return net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, 0)))
}

func newPeer(at netip.Addr) (*peer, error) {
	conn, err := listen(at)
	if err != nil {
		return nil, err
	}
	p := &peer{conn: conn}
	go p.serve()
	return p, nil
}

func (p *peer) addr() netip.AddrPort { return p.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

// serve ends when the socket is closed.
func (p *peer) serve() {
	buf := make([]byte, 65536)
	for {
		n, from, err := p.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		if p.dead.Load() {
			continue
		}
		m := string(buf[:n])
		for _, answer := range p.answers(m) {
			_, _ = p.conn.WriteToUDPAddrPort([]byte(answer), from) // it asks again
		}
	}
}

func (p *peer) answers(m string) []string {
	switch method, _, _ := strings.Cut(m, " "); method {
	case "OPTIONS":
		p.options.Add(1)
		return []string{answer(m, "200 OK", "OPTIONS")}
	case "INVITE":
		p.rung.Add(1)
		return []string{answer(m, "180 Ringing", "INVITE")}
	case "CANCEL":
		return []string{answer(m, "200 OK", "CANCEL"), answer(m, "487 Request Terminated", "INVITE")}
	}
	return nil
}

// answer is a response to m, as if m had that method: an INVITE and its CANCEL are alike but for it.
func answer(m, status, method string) string {
	var b strings.Builder
	b.WriteString("SIP/2.0 " + status + "\r\n")
	for line := range strings.SplitSeq(m, "\r\n") {
		switch name, _, _ := strings.Cut(line, ":"); name {
		case "Via", "From", "Call-ID":
			b.WriteString(line + "\r\n")
		case "To":
			b.WriteString(line + ";tag=peer\r\n")
		case "CSeq":
			n, _, _ := strings.Cut(strings.TrimPrefix(line, "CSeq: "), " ")
			b.WriteString("CSeq: " + n + " " + method + "\r\n")
		}
	}
	b.WriteString("Contact: <sip:peer@127.0.0.1>\r\nContent-Length: 0\r\n\r\n")
	return b.String()
}

// caller places calls as a trunk.
type caller struct {
	conn    *net.UDPConn
	gateway netip.AddrPort
	calls   int
}

const dialLimit = 60 * time.Second

var errNoAnswer = errors.New("no answer")

// ring calls a number until it rings or is refused, and gives up. status is that of the first answer but 100.
func (c *caller) ring(ctx context.Context, number string) (status string, after time.Duration, err error) {
	c.calls++
	start := time.Now()
	invite := c.request("INVITE", number)
	if err := c.send(invite); err != nil {
		return "", 0, err
	}
	status, response, err := c.await(ctx, invite, func(status string) bool { return status != "100" })
	after = time.Since(start)
	if err != nil {
		return "", after, err
	}
	if status[0] == '1' {
		if err := c.send(c.request("CANCEL", number)); err != nil {
			return status, after, err
		}
		if _, response, err = c.await(ctx, "", func(status string) bool { return status[0] > '2' }); err != nil {
			return status, after, err
		}
	}
	ack := c.request("ACK", number)
	if _, to, ok := strings.Cut(response, "\r\nTo: "); ok {
		to, _, _ = strings.Cut(to, "\r\n")
		ack = strings.Replace(ack, "\r\nTo: <sip:"+number+"@carrier.test>", "\r\nTo: "+to, 1)
	}
	return status, after, c.send(ack)
}

func (c *caller) send(m string) error {
	_, err := c.conn.WriteToUDPAddrPort([]byte(m), c.gateway)
	return err
}

// await reads responses until one is wanted; m is sent again while nobody answers.
func (c *caller) await(ctx context.Context, m string, wanted func(status string) bool) (status, response string, err error) {
	buf := make([]byte, 65536)
	heard := m == ""
	for start, wait := time.Now(), 500*time.Millisecond; time.Since(start) < dialLimit && ctx.Err() == nil; {
		_ = c.conn.SetReadDeadline(time.Now().Add(wait)) // cannot fail on an open socket
		n, _, err := c.conn.ReadFromUDPAddrPort(buf)
		switch {
		case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
			if !heard {
				if err := c.send(m); err != nil {
					return "", "", err
				}
				wait = min(2*wait, 4*time.Second)
			}
			continue
		case err != nil:
			return "", "", err
		}
		text := string(buf[:n])
		if !strings.HasPrefix(text, "SIP/2.0 ") || !strings.Contains(text, c.callID()) {
			continue
		}
		heard = true
		if status := text[8:11]; wanted(status) {
			return status, text, nil
		}
	}
	return "", "", errNoAnswer
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

func (c *caller) callID() string { return fmt.Sprintf("call-%d@%s", c.calls, c.conn.LocalAddr()) }

func (c *caller) request(method, number string) string {
	at := c.conn.LocalAddr().String()
	body := ""
	if method == "INVITE" {
		host, _, _ := strings.Cut(at, ":")
		body = "v=0\r\no=- 1 1 IN IP4 " + host + "\r\ns=-\r\nc=IN IP4 " + host + "\r\nt=0 0\r\nm=audio 30000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
	}
	m := fmt.Sprintf("%s sip:%s@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK-%d;rport\r\nMax-Forwards: 70\r\n"+
		"From: <sip:+4930111@carrier.test>;tag=%d\r\nTo: <sip:%s@carrier.test>\r\nCall-ID: %s\r\nCSeq: 1 %s\r\nContact: <sip:caller@%s>\r\n",
		method, number, c.gateway, at, c.calls, c.calls, number, c.callID(), method, at)
	if body != "" {
		m += "Content-Type: application/sdp\r\n"
	}
	return m + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
}
