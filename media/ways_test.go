package media_test

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"drawbridge/media"
	"drawbridge/media/mediatest"
	"drawbridge/media/offer"

	"golang.org/x/sys/unix"
)

var loopback6 = netip.IPv6Loopback()

// join puts a phone on a leg in a realm; the address is where it sends.
func (c *call) join(leg media.LegID, realm string, p *mediatest.Phone) netip.AddrPort {
	c.t.Helper()
	local, err := c.Add(leg, media.Side{Realm: realm, Profile: offer.RTP})
	if err != nil {
		c.t.Fatal(err)
	}
	c.Bind(leg, trunkStream(p, pcmu))
	return local.RTP
}

// need6 skips on a host without IPv6.
func need6(t *testing.T) {
	t.Helper()
	c, err := net.ListenUDP("udp6", &net.UDPAddr{IP: net.IPv6loopback})
	if err != nil {
		t.Skipf("IPv6: %v", err)
	}
	_ = c.Close()
}

// A phone on IPv4 and one on IPv6 talk; each is told, and hears from, an address of its own family (CON-03). What they get bears the DSCP of
// its realm and kind.
func TestFamiliesAndMarks(t *testing.T) {
	t.Parallel()
	need6(t)
	gw := startRealms(t, 1, map[string]media.Realm{
		"four": {Bind: loopback, AllowLoopback: true, DSCP: media.DSCP{Audio: 46, RTCP: 34}},
		"six":  {Bind: loopback6, AllowLoopback: true, DSCP: media.DSCP{Audio: 18, RTCP: 10}},
	})
	c := gw.open(t)
	a, b := mediatest.NewPhone(t), mediatest.NewPhoneAt(t, loopback6)
	hearMarks(t, a.RTP(), unix.IPPROTO_IP, unix.IP_RECVTOS)
	hearMarks(t, b.RTP(), unix.IPPROTO_IPV6, unix.IPV6_RECVTCLASS)
	toA, toB := c.join(media.A, "four", a), c.join(media.B, "six", b)
	if toA.Addr() != loopback || toB.Addr() != loopback6 {
		t.Fatalf("told %s and %s", toA, toB)
	}
	a.Send(t, toA, 0, false, []byte("from four"), 160)
	if text, mark := heard(t, b.RTP()); text != "from four" || mark != 18<<2 {
		t.Errorf("six got %q with traffic class %d", text, mark)
	}
	b.Send(t, toB, 0, false, []byte("from six"), 160)
	if text, mark := heard(t, a.RTP()); text != "from six" || mark != 46<<2 {
		t.Errorf("four got %q with type of service %d", text, mark)
	}
}

// A browser on IPv6 and a trunk on IPv4.
func TestBrowserOnIPv6(t *testing.T) {
	t.Parallel()
	need6(t)
	gw := startRealms(t, 2, map[string]media.Realm{
		"access": {WebRTC: []netip.AddrPort{netip.AddrPortFrom(loopback6, 0)}, AllowLoopback: true},
		"core":   {Bind: loopback, AllowLoopback: true},
	})
	c := gw.open(t)
	br, ph := newBrowserAt(t, loopback6), mediatest.NewPhone(t)
	c.trunkWith(media.B, ph, opus, tev48k)
	br.join(c, media.A, nil)
	br.connected()
	hears(t, br, ph)
	ph.Send(t, c.trunkB, opus.PT, false, []byte("back"), 960)
	if p := br.next(); string(p.Payload) != "back" {
		t.Errorf("the browser got %q", p.Payload)
	}
}

// Two browsers of one gateway talk, whatever loops their packets come in on (hairpin).
func TestTwoBrowsers(t *testing.T) {
	for _, loops := range []int{1, 2, 4} {
		t.Run(fmt.Sprint(loops, " loops"), func(t *testing.T) {
			t.Parallel()
			gw := newGateway(t, loops)
			for range 2 { // the kernel chooses the loops: more than one try
				c := gw.open(t)
				a, b := newBrowser(t), newBrowser(t)
				a.join(c, media.A, nil)
				b.join(c, media.B, nil)
				a.connected()
				b.connected()
				for range 3 {
					b.hears(a, "to b")
					a.hears(b, "to a")
				}
			}
		})
	}
}

// hears expects that what from says comes out here; packets before the keys are lost, as in any call.
func (br *browser) hears(from *browser, text string) {
	br.t.Helper()
	for range int(limit / (20 * time.Millisecond)) {
		from.send([]byte(text))
		select {
		case p := <-br.heard:
			if string(p.Payload) != text {
				br.t.Fatalf("heard %q, want %q", p.Payload, text)
			}
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
	br.t.Fatalf("%q is not heard", text)
}

// What a phone hears comes from where it was told to send to (symmetric RTP, RFC 4961).
func TestSymmetricRTP(t *testing.T) {
	t.Parallel()
	gw := newGateway(t, 1)
	k := newTalk(t, gw)
	k.a.Send(t, k.toA, 0, false, []byte("x"), 160)
	if from := sender(t, k.b.RTP()); from != k.toB {
		t.Errorf("b hears from %s, was told to send to %s", from, k.toB)
	}
}

// hearMarks asks for the traffic class of what comes in.
func hearMarks(t *testing.T, c *net.UDPConn, level, option int) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if e := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), level, option, 1) }); e != nil || err != nil {
		t.Fatal(e, err)
	}
}

// heard reads one packet: its payload and traffic class.
func heard(t *testing.T, c *net.UDPConn) (payload string, class int) {
	t.Helper()
	b, oob := make([]byte, 1500), make([]byte, 128)
	if err := c.SetReadDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	n, nn, _, _, err := c.ReadMsgUDPAddrPort(b, oob)
	if err != nil {
		t.Fatal(err)
	}
	all, err := unix.ParseSocketControlMessage(oob[:nn])
	if err != nil || len(all) != 1 {
		t.Fatalf("%d control messages, %v", len(all), err)
	}
	return string(b[12:n]), int(all[0].Data[0])
}

// sender reads one packet and says where it came from.
func sender(t *testing.T, c *net.UDPConn) netip.AddrPort {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	_, from, err := c.ReadFromUDPAddrPort(make([]byte, 1500))
	if err != nil {
		t.Fatal(err)
	}
	return from
}
