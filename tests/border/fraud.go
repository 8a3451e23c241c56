package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"

	"drawbridge/tests/gateway"
)

// fraudRules are those of requirements.md SEC-12, with a shorter call.
const fraudRules = `numbers: {country: DE}
fraud:
  - name: somalia
    prefixes: ["+252"]
    warning: {per_minute: 3}
    critical: {per_minute: 6}
  - name: long
    prefixes: ["+960"]
    critical: {duration: 3s}`

// somalia is one number, in the ways in which people have hidden it.
var somalia = []string{
	"+25261555", "0025261555", "01125261555", "%32%35%3261555", "+252-61.555", "25261555;phone-context=+", "%2B25261555",
}

// tollFraud steals an account and calls Somalia.
func tollFraud(ctx context.Context, r *report, binary, dir string) error {
	t, err := newThief(binary, dir)
	if err != nil {
		return err
	}
	defer t.close()
	t.burst(ctx, r)
	return t.longCall(ctx, r)
}

// thief calls through a gateway that watches; the carrier rings for every number, but for what begins with 960: it answers that.
type thief struct {
	g       *gateway.Gateway
	caller  *caller
	carrier *net.UDPConn
	rung    chan string    // numbers that the carrier was called for
	byes    chan time.Time // BYEs that it has got
}

func newThief(binary, dir string) (*thief, error) {
	t := &thief{caller: &caller{}, rung: make(chan string, 100), byes: make(chan time.Time, 10)}
	var err error
	if t.caller.conn, err = listen(netip.MustParseAddr("127.0.2.4")); err != nil {
		return nil, err
	}
	if t.carrier, err = listen(netip.MustParseAddr("127.0.2.5")); err != nil {
		return nil, err
	}
	go t.serve()
	at := func(c *net.UDPConn) netip.AddrPort { return c.LocalAddr().(*net.UDPAddr).AddrPort() }
	t.g, err = gateway.Launch(binary, dir, gateway.Config{
		Trunks: []gateway.Trunk{{Name: "pbx", Target: at(t.caller.conn)}, {Name: "world", Target: at(t.carrier)}},
		Routes: []gateway.Route{{From: "carrier", To: "*", Via: "world"}},
		More:   fraudRules,
	})
	if err != nil {
		return nil, err
	}
	t.caller.gateway = t.g.SIP
	return t, nil
}

func (t *thief) close() {
	_ = t.g.Stop()
	_ = t.caller.conn.Close()
	_ = t.carrier.Close()
}

// burst makes seven calls to one prefix within a minute, each written in another way.
func (t *thief) burst(ctx context.Context, r *report) {
	var statuses []string
	for _, number := range somalia {
		statuses = append(statuses, t.ring(ctx, number))
	}
	got := strings.Join(statuses, " ")
	r.check("six calls to a prefix ring, the seventh is refused", got == strings.Repeat("180 ", 6)+"403", "%s", got)
	r.check("the far side hears nothing of the seventh", len(t.drain()) == 6, "%s", got)
	alarms := ""
	told := gateway.Within(5*time.Second, func() bool { // the log is written in pieces
		alarms = fmt.Sprint(strings.Count(t.g.Log(), `"ev":"fraud.warning"`), strings.Count(t.g.Log(), `"ev":"fraud.critical"`))
		return alarms == "1 1"
	})
	r.check("one warning, one critical alarm", told, "%s", alarms)
	r.check("the account is blocked for the prefix", t.ring(ctx, "252999") == "403", "")
	r.check("and for nothing else", t.ring(ctx, "+4930123") == "180", "")
	body := t.admin(ctx, http.MethodGet, "/v1/fraud")
	r.check("/v1/fraud lists the block", strings.Contains(body, `"account": "pbx"`) && strings.Contains(body, `"prefix": "252"`), "%s", strings.Join(strings.Fields(body), " "))
	record, err := os.ReadFile(t.g.CDRFile())
	r.check("the record says term=fraud", gateway.Within(5*time.Second, func() bool {
		record, err = os.ReadFile(t.g.CDRFile())
		return strings.Contains(string(record), `"rule":"fraud/somalia","term":"fraud"`)
	}), "%d bytes %v", len(record), orNothing(err))
	t.admin(ctx, http.MethodDelete, "/v1/fraud/pbx")
	body = t.admin(ctx, http.MethodGet, "/v1/fraud")
	r.check("the block can be lifted", !strings.Contains(body, "pbx"), "%s", strings.Join(strings.Fields(body), " "))
	t.drain()
}

// longCall waits for the end of a call that lasts too long.
func (t *thief) longCall(ctx context.Context, r *report) error {
	c := t.caller
	c.calls++
	const number = "+960799"
	invite := c.request("INVITE", number)
	if err := c.send(invite); err != nil {
		return err
	}
	_, response, err := c.await(ctx, invite, func(status string) bool { return status == "200" })
	if err != nil {
		return err
	}
	answered := time.Now()
	_, to, _ := strings.Cut(response, "\r\nTo: ")
	to, _, _ = strings.Cut(to, "\r\n")
	ack := strings.Replace(c.request("ACK", number), "\r\nTo: <sip:"+number+"@carrier.test>", "\r\nTo: "+to, 1)
	if err := c.send(ack); err != nil {
		return err
	}
	bye, err := c.requested("BYE", 15*time.Second)
	took := time.Since(answered)
	r.check("a call beyond 3s gets a BYE", err == nil && took > time.Second && took < 5*time.Second, "after %s %v", took, orNothing(err))
	r.check("its Reason is policy", strings.Contains(bye, `Reason: SIP;cause=403;text="policy"`), "")
	select {
	case at := <-t.byes:
		r.check("the far side gets one, too", at.Sub(answered) < 5*time.Second, "after %s", at.Sub(answered))
	case <-time.After(10 * time.Second):
		r.check("the far side gets one, too", false, "none came")
	}
	return nil
}

func (t *thief) ring(ctx context.Context, number string) string {
	status, _, err := t.caller.ring(ctx, number)
	if err != nil {
		return err.Error()
	}
	return status
}

// drain takes the numbers that the carrier was called for so far.
func (t *thief) drain() (numbers []string) {
	for {
		select {
		case n := <-t.rung:
			numbers = append(numbers, n)
		default:
			return numbers
		}
	}
}

func (t *thief) admin(ctx context.Context, method, path string) string {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+t.g.Admin.String()+path, nil)
	if err != nil {
		return err.Error()
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	buf := make([]byte, 4096)
	n, _ := resp.Body.Read(buf) // a short answer comes in one piece
	return string(buf[:n])
}

// serve is the carrier; it ends when the socket is closed.
func (t *thief) serve() {
	buf := make([]byte, 65536)
	for {
		n, from, err := t.carrier.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		m := string(buf[:n])
		for _, a := range t.answers(m) {
			_, _ = t.carrier.WriteToUDPAddrPort([]byte(a), from) // it asks again
		}
	}
}

func (t *thief) answers(m string) []string {
	method, rest, _ := strings.Cut(m, " ")
	switch {
	case method == "INVITE" && strings.HasPrefix(rest, "sip:+960"):
		return []string{withBody(answer(m, "200 OK", "INVITE"), t.carrier.LocalAddr().String())}
	case method == "INVITE":
		t.rung <- rest
		return []string{answer(m, "180 Ringing", "INVITE")}
	case method == "CANCEL":
		return []string{answer(m, "200 OK", "CANCEL"), answer(m, "487 Request Terminated", "INVITE")}
	case method == "BYE":
		t.byes <- time.Now()
		return []string{answer(m, "200 OK", "BYE")}
	}
	return nil
}

// withBody puts an answer of G.711 into a response; requests of the dialog come to where it is from.
func withBody(m, at string) string {
	host, _, _ := strings.Cut(at, ":")
	body := "v=0\r\no=- 1 1 IN IP4 " + host + "\r\ns=-\r\nc=IN IP4 " + host + "\r\nt=0 0\r\nm=audio 30002 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
	m = strings.Replace(m, "<sip:peer@127.0.0.1>", "<sip:peer@"+at+">", 1)
	return strings.Replace(m, "Content-Length: 0\r\n\r\n", fmt.Sprintf("Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", len(body), body), 1)
}

// requested waits for a request of a method, and answers it.
func (c *caller) requested(method string, limit time.Duration) (string, error) {
	buf := make([]byte, 65536)
	_ = c.conn.SetReadDeadline(time.Now().Add(limit)) // cannot fail on an open socket
	for {
		n, from, err := c.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return "", err
		}
		if m := string(buf[:n]); strings.HasPrefix(m, method+" ") {
			_, err := c.conn.WriteToUDPAddrPort([]byte(answer(m, "200 OK", method)), from)
			return m, err
		}
	}
}
