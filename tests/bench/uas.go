package main

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"

	"drawbridge/tests/gateway"
)

// uas is a SIP phone that answers at once with the phones' SDP and remembers what it was offered.
type uas struct {
	conn   *net.UDPConn
	answer string
	loop   sync.WaitGroup

	mu     sync.Mutex
	offers map[string]string // dialled number to SDP
}

func openUAS(sdp string) (*uas, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(gateway.PhoneAddr, 0)))
	if err != nil {
		return nil, err
	}
	u := &uas{conn: conn, answer: sdp, offers: map[string]string{}}
	u.loop.Go(u.serve)
	return u, nil
}

func (u *uas) addr() netip.AddrPort { return u.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

func (u *uas) close() {
	u.conn.Close()
	u.loop.Wait()
}

func (u *uas) serve() {
	buf := make([]byte, 8192)
	for {
		n, from, err := u.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		if answer := u.request(string(buf[:n])); answer != "" {
			_, _ = u.conn.WriteToUDPAddrPort([]byte(answer), from) // the gateway repeats what is lost
		}
	}
}

// request answers INVITE, BYE and the like with 200; ACK with nothing.
func (u *uas) request(text string) string {
	head, body, _ := strings.Cut(text, "\r\n\r\n")
	method, rest, _ := strings.Cut(head, " ")
	if method == "ACK" || strings.HasPrefix(method, "SIP/") {
		return ""
	}
	var b strings.Builder
	b.WriteString("SIP/2.0 200 OK\r\n")
	for line := range strings.SplitSeq(head, "\r\n") {
		name, _, _ := strings.Cut(line, ":")
		switch name {
		case "Via", "From", "Call-ID", "CSeq":
			b.WriteString(line + "\r\n")
		case "To":
			if !strings.Contains(line, "tag=") {
				line += ";tag=bench"
			}
			b.WriteString(line + "\r\n")
		}
	}
	fmt.Fprintf(&b, "Contact: <sip:bench@%s>\r\n", u.addr())
	if method != "INVITE" {
		return b.String() + "Content-Length: 0\r\n\r\n"
	}
	u.keep(rest, body)
	fmt.Fprintf(&b, "Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", len(u.answer), u.answer)
	return b.String()
}

// keep stores the offer under the user part of the Request-URI.
func (u *uas) keep(uri, sdp string) {
	_, user, _ := strings.Cut(uri, ":")
	user, _, _ = strings.Cut(user, "@")
	u.mu.Lock()
	defer u.mu.Unlock()
	u.offers[user] = sdp
}

func (u *uas) offer(number string) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.offers[number]
}

// audioOf reads the address and port of an SDP's audio.
func audioOf(sdp string) (netip.AddrPort, error) {
	var host string
	var port uint16
	for line := range strings.SplitSeq(sdp, "\r\n") {
		if v, ok := strings.CutPrefix(line, "c=IN IP4 "); ok {
			host = v
		}
		if strings.HasPrefix(line, "m=audio ") {
			_, _ = fmt.Sscanf(line, "m=audio %d", &port)
		}
	}
	a, err := netip.ParseAddr(host)
	if err != nil || port == 0 {
		return netip.AddrPort{}, fmt.Errorf("no audio in SDP:\n%s", sdp)
	}
	return netip.AddrPortFrom(a, port), nil
}
