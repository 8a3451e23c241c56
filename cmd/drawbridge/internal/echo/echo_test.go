package echo

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pion/rtp"
	"go.uber.org/goleak"

	"drawbridge/sip/wire"
	"drawbridge/transcode"
	"drawbridge/transcode/tone"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var loopback = netip.MustParseAddr("127.0.0.1")

// peer is a gateway by hand: one SIP socket, one RTP socket, texts.
type peer struct {
	t         *testing.T
	sip, rtp  *net.UDPConn
	echo      netip.AddrPort
	remoteRTP netip.AddrPort
}

const patience = 5 * time.Second

// start runs an Echo that hears the peer only.
func start(t *testing.T, silent bool) *peer {
	t.Helper()
	p := &peer{t: t, sip: socket(t), rtp: socket(t)}
	e, err := New(Config{Addr: netip.AddrPortFrom(loopback, 0), Gateway: addrOf(p.sip), Silent: silent})
	if err != nil {
		t.Fatal(err)
	}
	p.echo = e.Addr()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil && ctx.Err() == nil {
			t.Errorf("Run: %v", err)
		}
	})
	return p
}

func socket(t *testing.T) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func (p *peer) send(method, number, toTag string, seq int, body string) {
	p.t.Helper()
	contentType := ""
	if body != "" {
		contentType = "Content-Type: application/sdp\r\n"
	}
	if toTag != "" {
		toTag = ";tag=" + toTag
	}
	branch := fmt.Sprintf("z9hG4bK%d%s", seq, method)
	if method == "CANCEL" {
		branch = fmt.Sprintf("z9hG4bK%dINVITE", seq)
	}
	text := fmt.Sprintf("%s sip:%s@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=%s\r\nFrom: <sip:+4930111@gw>;tag=gw\r\nTo: <sip:%s@echo>%s\r\n"+
		"Call-ID: one\r\nCSeq: %d %s\r\nContact: <sip:gw@%s>\r\nMax-Forwards: 70\r\n%sContent-Length: %d\r\n\r\n%s",
		method, number, p.echo, addrOf(p.sip), branch, number, toTag, seq, method, addrOf(p.sip), contentType, len(body), body)
	if _, err := p.sip.WriteToUDPAddrPort([]byte(text), p.echo); err != nil {
		p.t.Fatal(err)
	}
}

// next reads the next SIP message that is no 100.
func (p *peer) next() *wire.Message {
	p.t.Helper()
	buf := make([]byte, 4096)
	for {
		if err := p.sip.SetReadDeadline(time.Now().Add(patience)); err != nil {
			p.t.Fatal(err)
		}
		n, err := p.sip.Read(buf)
		if err != nil {
			p.t.Fatalf("no message from the echo: %v", err)
		}
		m, v := wire.Read(buf[:n], wire.CanonOptions{})
		if v.Status != 0 || m == nil {
			p.t.Fatalf("the echo sent a bad message: %+v\n%s", v, buf[:n])
		}
		if m.Status != 100 {
			return m
		}
	}
}

func (p *peer) expect(status int) *wire.Message {
	p.t.Helper()
	m := p.next()
	if m.Status != status {
		p.t.Fatalf("got %d %s %s, want %d", m.Status, m.Reason, m.Method, status)
	}
	return m
}

func (p *peer) offer(direction string) string {
	return fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP 8 101\r\n"+
		"a=rtpmap:101 telephone-event/8000\r\na=%s\r\n", addrOf(p.rtp).Port(), direction)
}

// answered calls a number up to the ACK and returns the To tag.
func (p *peer) answered(number string) string {
	p.t.Helper()
	p.send("INVITE", number, "", 1, p.offer("sendrecv"))
	p.expect(180)
	ok := p.expect(200)
	p.send("ACK", number, ok.ToTag(), 1, "")
	p.learn(string(ok.Body))
	return ok.ToTag()
}

func (p *peer) learn(sdp string) {
	var port uint16
	_, rest, _ := strings.Cut(sdp, "m=audio ")
	if _, err := fmt.Sscanf(rest, "%d RTP/AVP 8", &port); err != nil {
		p.t.Fatalf("answer without G.711: %q", sdp)
	}
	p.remoteRTP = netip.AddrPortFrom(loopback, port)
}

// packet reads one RTP packet; ok is false when none comes.
func (p *peer) packet(wait time.Duration) (pkt rtp.Packet, ok bool) {
	p.t.Helper()
	buf := make([]byte, 2048)
	if err := p.rtp.SetReadDeadline(time.Now().Add(wait)); err != nil {
		p.t.Fatal(err)
	}
	n, err := p.rtp.Read(buf)
	if err != nil {
		return rtp.Packet{}, false
	}
	if err := pkt.Unmarshal(buf[:n]); err != nil {
		p.t.Fatal(err)
	}
	return pkt, true
}

// hearTone reads the tone to its end, and checks numbering and frequency.
func (p *peer) hearTone() {
	p.t.Helper()
	ear := tone.NewDetector(8000)
	var last rtp.Packet
	frames := int(toneFor / frame)
	for i := range frames {
		pkt, ok := p.packet(patience)
		if !ok {
			p.t.Fatalf("the tone ends after %d packets", i)
		}
		if i > 0 && (pkt.SequenceNumber != last.SequenceNumber+1 || pkt.Timestamp != last.Timestamp+samples || pkt.SSRC != last.SSRC) {
			p.t.Fatalf("packet %d is numbered %d/%d after %d/%d", i, pkt.SequenceNumber, pkt.Timestamp, last.SequenceNumber, last.Timestamp)
		}
		last = pkt
		for _, b := range pkt.Payload {
			ear.Write([]int16{transcode.ALawDecode(b)})
		}
	}
	if !ear.Heard(toneFrequency, 20) {
		p.t.Errorf("no clean tone of %d Hz: SNR %.1f dB", toneFrequency, ear.SNR(toneFrequency))
	}
}

func TestTheToneIsPlayedAndThenEverythingIsEchoed(t *testing.T) {
	p := start(t, false)
	tag := p.answered("+4970000")
	p.hearTone()
	sent := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 8, SequenceNumber: 7, Timestamp: 1000, SSRC: 9}, Payload: []byte("voice")}
	echoed := p.exchange(sent)
	if string(echoed.Payload) != "voice" || echoed.PayloadType != 8 || echoed.SSRC == 9 {
		t.Errorf("echo is %v", echoed)
	}
	digit := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 101, SequenceNumber: 8, Timestamp: 1160, SSRC: 9, Marker: true}, Payload: []byte{5, 10, 0, 160}}
	back := p.exchange(digit)
	if diff := cmp.Diff([]byte{5, 10, 0, 160}, back.Payload); diff != "" || back.PayloadType != 101 || !back.Marker {
		t.Errorf("digit came back as %v %s", back, diff)
	}
	if got := back.Timestamp - echoed.Timestamp; got != 160 {
		t.Errorf("timestamps are %d apart, want 160", got)
	}
	p.send("BYE", "+4970000", tag, 2, "")
	p.expect(200)
}

// exchange sends a packet until it comes back: the echo may still be at the end of its tone. Late copies of others are passed over.
func (p *peer) exchange(pkt rtp.Packet) rtp.Packet {
	p.t.Helper()
	raw, err := pkt.Marshal()
	if err != nil {
		p.t.Fatal(err)
	}
	for range 50 {
		if _, err := p.rtp.WriteToUDPAddrPort(raw, p.remoteRTP); err != nil {
			p.t.Fatal(err)
		}
		for back, ok := p.packet(100 * time.Millisecond); ok; back, ok = p.packet(100 * time.Millisecond) {
			if bytes.Equal(back.Payload, pkt.Payload) {
				return back
			}
		}
	}
	p.t.Fatal("nothing is echoed")
	return rtp.Packet{}
}

func TestAStrangersPacketIsNotEchoed(t *testing.T) {
	p := start(t, false)
	p.answered("+4970000")
	p.hearTone()
	pkt := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 8, SSRC: 9}, Payload: []byte("mine")}
	p.exchange(pkt)
	stranger := socket(t)
	raw, err := pkt.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stranger.WriteToUDPAddrPort(raw, p.remoteRTP); err != nil {
		t.Fatal(err)
	}
	if back, ok := p.packet(200 * time.Millisecond); ok {
		t.Errorf("a stranger's packet came to us: %v", back)
	}
}

func TestNumbersWithAMeaning(t *testing.T) {
	for number, status := range map[string]int{"busy": 486, "404": 404, "480": 480} {
		t.Run(number, func(t *testing.T) {
			p := start(t, false)
			p.send("INVITE", number, "", 1, p.offer("sendrecv"))
			refused := p.expect(status)
			p.send("ACK", number, refused.ToTag(), 1, "")
		})
	}
	t.Run("ring until cancelled", func(t *testing.T) {
		p := start(t, false)
		p.send("INVITE", numberRing, "", 1, p.offer("sendrecv"))
		p.expect(180)
		p.send("CANCEL", numberRing, "", 1, "")
		got := []int{p.next().Status, p.next().Status}
		if diff := cmp.Diff([]int{200, 487}, got); diff != "" {
			t.Error(diff)
		}
		p.send("ACK", numberRing, "x", 1, "")
	})
	t.Run("silent", func(t *testing.T) {
		p := start(t, false)
		p.answered(numberSilent)
		if pkt, ok := p.packet(200 * time.Millisecond); ok {
			t.Errorf("the silent number sends %v", pkt)
		}
	})
	t.Run("any, of a silent trunk", func(t *testing.T) {
		p := start(t, true)
		p.answered("+4970000")
		if pkt, ok := p.packet(200 * time.Millisecond); ok {
			t.Errorf("the silent trunk sends %v", pkt)
		}
	})
}

func TestHoldIsAnsweredRecvonlyAndSilencesTheStream(t *testing.T) {
	p := start(t, false)
	tag := p.answered("+4970000")
	p.hearTone()
	pkt := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 8, SSRC: 9}, Payload: []byte("mine")}
	p.exchange(pkt)
	p.reoffer(tag, 2, "sendonly", "a=recvonly")
	held := rtp.Packet{Header: pkt.Header, Payload: []byte("held")}
	raw, err := held.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.rtp.WriteToUDPAddrPort(raw, p.remoteRTP); err != nil {
		t.Fatal(err)
	}
	for back, ok := p.packet(200 * time.Millisecond); ok; back, ok = p.packet(200 * time.Millisecond) {
		if string(back.Payload) == "held" { // others are late copies of the exchange before
			t.Errorf("held, the echo sends %v", back)
		}
	}
	p.reoffer(tag, 3, "sendrecv", "a=sendrecv")
	p.exchange(pkt)
}

func (p *peer) reoffer(tag string, seq int, direction, want string) {
	p.t.Helper()
	p.send("INVITE", "+4970000", tag, seq, p.offer(direction))
	ok := p.expect(200)
	p.send("ACK", "+4970000", tag, seq, "")
	if !strings.Contains(string(ok.Body), want+"\r\n") {
		p.t.Errorf("answer to %s has no %s:\n%s", direction, want, ok.Body)
	}
}

func TestA2xxIsRepeatedUntilItsACK(t *testing.T) {
	p := start(t, false)
	p.send("INVITE", "+4970000", "", 1, p.offer("sendrecv"))
	p.expect(180)
	first := p.expect(200)
	again := p.expect(200)
	if first.ToTag() != again.ToTag() {
		t.Errorf("tags %s and %s", first.ToTag(), again.ToTag())
	}
	p.send("ACK", "+4970000", first.ToTag(), 1, "")
}

func TestTheCallbackNumberCallsBack(t *testing.T) {
	p := start(t, false)
	tag := p.answered(numberCallback)
	p.send("BYE", numberCallback, tag, 2, "")
	p.expect(200)
	invite := p.next()
	if invite.Method != wire.INVITE || invite.URI.User != "+4930111" {
		t.Fatalf("got %s %s, want an INVITE to the caller", invite.Method, invite.URI.User)
	}
	p.rtp = socket(t) // apart from what is left of the first call
	ok := wire.NewResponse(invite, 200, "", "gw2")
	ok.Contact = []wire.Addr{{URI: wire.URI{Scheme: "sip", User: "gw", Host: "127.0.0.1", Port: int(addrOf(p.sip).Port())}}}
	ok.ContentType = sdpType
	ok.Body = []byte(p.offer("sendrecv"))
	if _, err := p.sip.WriteToUDPAddrPort(ok.Bytes(), p.echo); err != nil {
		t.Fatal(err)
	}
	if ack := p.next(); ack.Method != wire.ACK || ack.ToTag() != "gw2" {
		t.Fatalf("got %s to %q, want ACK", ack.Method, ack.ToTag())
	}
	p.hearTone()
}

func TestARequestOutsideAnyCallIsAnswered481(t *testing.T) {
	p := start(t, false)
	p.send("BYE", "+4970000", "nobody", 2, "")
	p.expect(481)
}
