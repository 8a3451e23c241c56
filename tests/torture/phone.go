package main

import (
	"fmt"
	"net"
	"strings"
	"sync"
)

// phone answers every call at once: what the corpora offer reaches the end of a call, not only its beginning.
type phone struct {
	conn net.PacketConn
	loop sync.WaitGroup
}

func openPhone(at string) (*phone, error) {
	conn, err := net.ListenPacket("udp", at)
	if err != nil {
		return nil, err
	}
	p := &phone{conn: conn}
	p.loop.Go(p.serve)
	return p, nil
}

func (p *phone) close() {
	p.conn.Close()
	p.loop.Wait()
}

func (p *phone) serve() {
	buf := make([]byte, 64<<10)
	for {
		n, from, err := p.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		if answer := p.answer(string(buf[:n])); answer != "" {
			_, _ = p.conn.WriteTo([]byte(answer), from) // the gateway repeats what is lost
		}
	}
}

const phoneSDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 25072 RTP/AVP 8 0\r\n"

// answer is 200 to every request of the gateway, whose headers are known to be in order.
func (p *phone) answer(request string) string {
	head, _, _ := strings.Cut(request, "\r\n\r\n")
	method, _, _ := strings.Cut(head, " ")
	if method == "ACK" || strings.HasPrefix(method, "SIP/") {
		return ""
	}
	var b strings.Builder
	b.WriteString("SIP/2.0 200 OK\r\n")
	for line := range strings.SplitSeq(head, "\r\n") {
		name, _, _ := strings.Cut(line, ":")
		switch name {
		case "Via", "From", "Call-ID", "CSeq", "Record-Route":
			b.WriteString(line + "\r\n")
		case "To":
			if !strings.Contains(line, ";tag=") {
				line += ";tag=phone"
			}
			b.WriteString(line + "\r\n")
		}
	}
	fmt.Fprintf(&b, "Contact: <sip:phone@%s>\r\n", p.conn.LocalAddr())
	if method == "INVITE" {
		fmt.Fprintf(&b, "Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", len(phoneSDP), phoneSDP)
		return b.String()
	}
	return b.String() + "Content-Length: 0\r\n\r\n"
}
