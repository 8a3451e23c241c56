package tests

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"drawbridge/tests/gateway"
	"drawbridge/tests/phone"
)

// TestCallsOverTCP: phones that share a connection and phones that have one for each call, to a phone over TCP, from TCP to UDP and back.
func TestCallsOverTCP(t *testing.T) {
	phone.Need(t, "sipp")
	tcp, udp := gateway.FreeUDP(t, gateway.PhoneAddr), gateway.FreeUDP(t, gateway.PhoneAddr)
	at := func(port int) netip.AddrPort { return netip.AddrPortFrom(gateway.PhoneAddr, uint16(port)) }
	gw := gateway.Start(t, gateway.Config{
		Trunks: []gateway.Trunk{{Name: "stream", Target: at(tcp), Transport: "tcp"}, {Name: "datagram", Target: at(udp)}},
		Routes: []gateway.Route{{From: "carrier", To: "+4970*", Via: "stream"}, {From: "carrier", To: "+4971*", Via: "datagram"}},
	})
	const calls = 20
	for _, tt := range []struct{ name, caller, callee, number string }{
		{"one connection, TCP to TCP", "t1", "t1", "+4970123"},
		{"a connection each, TCP to TCP", "tn", "t1", "+4970123"},
		{"UDP to TCP", "", "t1", "+4970123"},
		{"TCP to UDP", "tn", "", "+4971123"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			port := tcp
			if tt.callee == "" {
				port = udp
			}
			n := len(gw.CDRs(t))
			uas := phone.Start(t, phone.Scenario{Name: "uas_answer", Port: port, Over: tt.callee, Calls: calls})
			uac := phone.Start(t, phone.Scenario{
				Name: "uac_bye", Over: tt.caller, Target: gw.SIP, Number: tt.number, Calls: calls, Rate: 20, Talk: 200 * time.Millisecond,
			})
			uac.Wait(t)
			uas.Wait(t)
			gateway.Eventually(t, 5*time.Second, "the call records", func() bool { return len(gw.CDRs(t)) == n+calls })
			for _, c := range gw.CDRs(t)[n:] {
				if c.Answer == nil || c.Cause.Q850 != 16 {
					t.Errorf("%+v", c.Cause)
				}
			}
		})
	}
	gateway.Eventually(t, 5*time.Second, "the phones' connections end", func() bool {
		return gw.Metrics(t).Value(t, "drawbridge_sip_connections") == 0
	})
}

// TestTCPConnectionBreaks in the middle of a call: the call goes on, and its BYE comes over another connection. SIPp would answer on the
// old one, so the phone that is called is written out here.
func TestTCPConnectionBreaks(t *testing.T) {
	phone.Need(t, "sipp")
	ln, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(gateway.PhoneAddr, 0)))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	at := ln.Addr().(*net.TCPAddr).AddrPort()
	gw := gateway.Start(t, gateway.Config{
		Trunks: []gateway.Trunk{{Name: "stream", Target: at, Transport: "tcp"}},
		Routes: []gateway.Route{{From: "carrier", To: "*", Via: "stream"}},
	})
	uac := phone.Start(t, phone.Scenario{Name: "uac_bye", Target: gw.SIP, Number: "+4970123", Talk: 2 * time.Second})
	first := accept(t, ln)
	first.serve(t, "INVITE", at)
	first.serve(t, "ACK", at)
	first.Close()
	gateway.Eventually(t, 5*time.Second, "the connection ends", func() bool {
		return gw.Metrics(t).Value(t, "drawbridge_sip_connections") == 0
	})
	second := accept(t, ln)
	defer second.Close()
	second.serve(t, "BYE", at)
	uac.Wait(t)
	if c := gw.NextCDR(t, 0); c.Answer == nil || c.Cause.Q850 != 16 || c.Cause.By != "a" || c.DurationMS < 1500 {
		t.Errorf("%+v", c)
	}
}

// tcpPhone is one connection of a phone.
type tcpPhone struct {
	net.Conn
	in *bufio.Reader
}

func accept(t *testing.T, ln *net.TCPListener) tcpPhone {
	t.Helper()
	if err := ln.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	c, err := ln.Accept()
	if err == nil {
		err = c.SetDeadline(time.Now().Add(20 * time.Second))
	}
	if err != nil {
		t.Fatal(err)
	}
	return tcpPhone{c, bufio.NewReader(c)}
}

// serve reads the request that must come next and answers it 200, an INVITE with its own SDP: the gateway's would do for no other.
func (p tcpPhone) serve(t *testing.T, method string, contact netip.AddrPort) {
	t.Helper()
	head := textproto.NewReader(p.in)
	line, err := head.ReadLine()
	if err != nil || !strings.HasPrefix(line, method+" ") {
		t.Fatalf("%q, %v; want %s", line, err, method)
	}
	h, err := head.ReadMIMEHeader()
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(h.Get("Content-Length"))
	if err == nil {
		_, err = io.CopyN(io.Discard, p.in, int64(n))
	}
	if err != nil || method == "ACK" {
		return
	}
	body := ""
	if method == "INVITE" {
		body = "v=0\r\no=- 1 1 IN IP4 127.0.2.1\r\ns=-\r\nc=IN IP4 127.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"
	}
	to := h.Get("To")
	if !strings.Contains(to, "tag=") {
		to += ";tag=phone"
	}
	if _, err := fmt.Fprintf(p, "SIP/2.0 200 OK\r\nVia: %s\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s\r\nContact: <sip:phone@%s;transport=tcp>\r\n"+
		"Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", h.Get("Via"), h.Get("From"), to, h.Get("Call-ID"), h.Get("Cseq"), contact, len(body), body); err != nil {
		t.Fatal(err)
	}
}

// TestRawTCP: keepalive, a message in single bytes, two in one piece, and a mistake that ends the connection with a 400.
func TestRawTCP(t *testing.T) {
	gw := gateway.Start(t, gateway.Config{
		Trunks: []gateway.Trunk{{Name: "acme", Target: netip.AddrPortFrom(gateway.PhoneAddr, 5060)}},
		Routes: []gateway.Route{{From: "carrier", To: "*", Via: "acme"}},
	})
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(gateway.PhoneAddr, 0))}
	c, err := d.DialContext(t.Context(), "tcp", gw.SIP.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	var heard strings.Builder
	until := func(all ...string) { // in any order: the answers to two requests come from two shards
		t.Helper()
		buf := make([]byte, 4096)
		for slices.ContainsFunc(all, func(what string) bool { return !strings.Contains(heard.String(), what) }) {
			n, err := c.Read(buf)
			heard.Write(buf[:n])
			if err != nil {
				t.Fatalf("%v before %q in %q", err, all, heard.String())
			}
		}
	}
	options := func(branch, tail string) string {
		return "OPTIONS sip:drawbridge SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.2.1;branch=z9hG4bK" + branch + "\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\n" +
			"Call-ID: " + branch + "\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n" + tail + "\r\n"
	}
	for _, b := range options("single", "l: 0\r\n") + ping {
		if _, err := c.Write([]byte(string(b))); err != nil {
			t.Fatal(err)
		}
	}
	until("Call-ID: single\r\n")
	_, _ = c.Write([]byte(options("one", "l: 0\r\n") + options("two", "l: 0\r\n")))
	until("Call-ID: one\r\n", "Call-ID: two\r\n")
	_, _ = c.Write([]byte(options("broken", "l: zero\r\n") + options("never", "l: 0\r\n")))
	rest, _ := io.ReadAll(c)
	heard.Write(rest)
	if !strings.Contains(heard.String(), "SIP/2.0 400 Bad Content-Length\r\n") || strings.Contains(heard.String(), "never") {
		t.Errorf("heard %q", heard.String())
	}
}

// TestTCPAbuse: connections that say nothing, trickle, or lie about their length hold up nobody, and strangers are not spoken to.
func TestTCPAbuse(t *testing.T) {
	gw := gateway.Start(t, gateway.Config{
		Trunks: []gateway.Trunk{{Name: "acme", Target: netip.AddrPortFrom(gateway.PhoneAddr, 5060)}},
		Routes: []gateway.Route{{From: "carrier", To: "*", Via: "acme"}},
	})
	reach := func(from netip.Addr) (net.Conn, error) {
		d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))}
		c, err := d.DialContext(t.Context(), "tcp", gw.SIP.String())
		if err != nil {
			return nil, err
		}
		t.Cleanup(func() { _ = c.Close() })
		return c, c.SetDeadline(time.Now().Add(20 * time.Second))
	}
	dial := func(from netip.Addr) net.Conn {
		c, err := reach(from)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	const head = "OPTIONS sip:drawbridge SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.2.1;branch=z9hG4bKprobe\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\n" +
		"Call-ID: probe\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n"
	for range 100 {
		dial(gateway.PhoneAddr)
		c := dial(gateway.PhoneAddr)
		_, _ = io.WriteString(c, head+"X: y")
	}
	for _, tail := range []string{"Content-Length: 100000000000000000000\r\n\r\n", strings.Repeat("X: y\r\n", 20_000)} {
		c := dial(gateway.PhoneAddr)
		_, _ = io.WriteString(c, head+tail) // it may be closed in the middle
		answer, _ := io.ReadAll(c)
		if !strings.HasPrefix(string(answer), "SIP/2.0 513 ") {
			t.Errorf("heard %.60q", answer)
		}
	}
	if stranger, err := reach(netip.MustParseAddr("127.0.3.1")); err == nil { // it may be reset before it knows that it was connected
		_, _ = io.WriteString(stranger, head+"l: 0\r\n\r\n")
		if answer, err := io.ReadAll(stranger); len(answer) != 0 {
			t.Errorf("a stranger heard %q, %v", answer, err)
		}
	}
	gateway.Eventually(t, 5*time.Second, "the stranger is counted", func() bool {
		return gw.Metrics(t).Sum("drawbridge_refused_total", `kind="unknown-source"`) == 1
	})
	began := time.Now()
	probe := dial(gateway.PhoneAddr)
	_, _ = io.WriteString(probe, head+"l: 0\r\n\r\n")
	answer, err := bufio.NewReader(probe).ReadString('\n')
	if took := time.Since(began); !strings.HasPrefix(answer, "SIP/2.0 200 ") || took > openLimit {
		t.Errorf("the probe heard %q, %v after %v", answer, err, took)
	}
	if n := gw.Metrics(t).Value(t, "drawbridge_sip_connections"); n > 300 {
		t.Errorf("%v connections", n)
	}
}

// openLimit is when the gateway gives up the first of the idle connections: a probe that waited for that would take as long.
const openLimit = 10 * time.Second

const ping = "\r\n\r\n"
