package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// legal places calls from one trunk to another at a steady rate, as long as something else goes on: each rings nowhere, is answered at
// once, lasts a second and is hung up.
type legal struct {
	conn *net.UDPConn // the calling trunk
	far  *net.UDPConn // the one that is called
	to   netip.AddrPort

	mu    sync.Mutex
	calls map[string]*legalCall
	first []time.Duration // from each INVITE to its first answer
}

type legalCall struct {
	sent     time.Time
	invite   string
	toTag    string
	heard    bool
	answered bool
	over     bool
}

func newLegal(n *network, to netip.AddrPort) (l *legal, err error) {
	l = &legal{to: to, calls: map[string]*legalCall{}}
	err = within(n.inside, func() error {
		if l.conn, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("203.0.113.77:5060"))); err != nil {
			return err
		}
		l.far, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("203.0.113.78:5060")))
		return err
	})
	if err != nil {
		return nil, err
	}
	go l.hear()
	go l.answer()
	return l, nil
}

func (l *legal) close() {
	_ = l.conn.Close()
	_ = l.far.Close()
}

// place calls at rate until ctx ends, and lets the last ones end.
func (l *legal) place(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			<-time.After(4 * time.Second) // a second of talk, and patience
			return
		case <-tick.C:
		}
		id := fmt.Sprintf("legal-%d-%d", time.Now().UnixNano(), n)
		c := &legalCall{sent: time.Now()}
		c.invite = l.request(id, "INVITE", 1, "")
		l.mu.Lock()
		l.calls[id] = c
		l.mu.Unlock()
		l.send(c.invite)
		time.AfterFunc(500*time.Millisecond, func() { l.again(c) })
		time.AfterFunc(time.Second, func() { l.hangUp(id, c, 0) })
	}
}

func (l *legal) send(m string) { _, _ = l.conn.WriteToUDPAddrPort([]byte(m), l.to) } // sent again

// again repeats an INVITE that nobody has answered.
func (l *legal) again(c *legalCall) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !c.heard {
		l.send(c.invite)
	}
}

func (l *legal) hangUp(id string, c *legalCall, tries int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.answered && !c.over && tries < 5 {
		l.send(l.request(id, "BYE", 2, c.toTag))
		time.AfterFunc(500*time.Millisecond, func() { l.hangUp(id, c, tries+1) })
	}
}

const legalSDP = "v=0\r\no=- 1 1 IN IP4 203.0.113.77\r\ns=-\r\nc=IN IP4 203.0.113.77\r\nt=0 0\r\nm=audio 30000 RTP/AVP 8\r\n"

func (l *legal) request(id, method string, cseq int, toTag string) string {
	body, kind := "", ""
	if method == "INVITE" {
		body, kind = legalSDP, "Content-Type: application/sdp\r\n"
	}
	return fmt.Sprintf("%s sip:4711@%s SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.77:5060;branch=z9hG4bK%s%s\r\nMax-Forwards: 70\r\n"+
		"From: <sip:100@near.test>;tag=near\r\nTo: <sip:4711@%s>%s\r\nCall-ID: %s\r\nCSeq: %d %s\r\nContact: <sip:100@203.0.113.77>\r\n%sContent-Length: %d\r\n\r\n%s",
		method, l.to, method, id, l.to, toTag, id, cseq, method, kind, len(body), body)
}

func (l *legal) hear() {
	buf := make([]byte, 65536)
	for {
		n, _, err := l.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		l.heard(string(buf[:n]))
	}
}

func (l *legal) heard(m string) {
	id := field(m, "Call-ID")
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.calls[id]
	if c == nil || !strings.HasPrefix(m, "SIP/2.0 ") {
		return
	}
	if !c.heard {
		c.heard = true
		l.first = append(l.first, time.Since(c.sent))
	}
	_, c.toTag, _ = strings.Cut(field(m, "To"), ">")
	switch invite := strings.HasSuffix(field(m, "CSeq"), "INVITE"); {
	case strings.HasPrefix(m, "SIP/2.0 1"):
	case invite:
		c.answered = strings.HasPrefix(m, "SIP/2.0 200")
		l.send(l.request(id, "ACK", 1, c.toTag))
	default:
		c.over = strings.HasPrefix(m, "SIP/2.0 200")
	}
}

// answer is the trunk that is called.
func (l *legal) answer() {
	buf := make([]byte, 65536)
	for {
		n, from, err := l.far.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		m := string(buf[:n])
		method, _, _ := strings.Cut(m, " ")
		if method != "INVITE" && method != "BYE" {
			continue
		}
		a := answer(m, "200 OK", method)
		if method == "INVITE" {
			a = strings.Replace(a, "Content-Length: 0\r\n\r\n", fmt.Sprintf("Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", len(legalSDP), legalSDP), 1)
		}
		a = strings.Replace(strings.Replace(a, "peer@127.0.0.1", "peer@203.0.113.78", 1), ";tag=peer;tag=peer", ";tag=peer", 1)
		_, _ = l.far.WriteToUDPAddrPort([]byte(a), from)
	}
}

// verdict is how many calls there were, how many went through, and how soon the gateway answered 95 and 99 of 100.
func (l *legal) verdict() (all, good int, p95, p99 time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.calls {
		if c.over {
			good++
		}
	}
	if n := len(l.first); n > 0 {
		slices.Sort(l.first)
		p95, p99 = l.first[n*95/100], l.first[n*99/100]
	}
	return len(l.calls), good, p95, p99
}

// reset forgets the calls so far.
func (l *legal) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls, l.first = map[string]*legalCall{}, nil
}
