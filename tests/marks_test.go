package tests

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"drawbridge/tests/gateway"
	"drawbridge/tests/phone"
)

// sort is a kind of packets that leave the gateway: by protocol and source address.
type sort struct {
	network string // "udp" or "tcp"
	from    netip.AddrPort
}

// capture notes the traffic class of every packet on the loopback interface.
type capture struct {
	fd    int
	done  chan struct{}
	mu    sync.Mutex
	marks map[sort]map[uint8]int // DSCP and ECN bits, with the number of packets
}

// newCapture needs the right to open a packet socket.
func newCapture(t *testing.T) *capture {
	t.Helper()
	const all = unix.ETH_P_ALL<<8&0xff00 | unix.ETH_P_ALL>>8 // in network byte order
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, all)
	if errors.Is(err, os.ErrPermission) {
		t.Skip("packets are captured by root only")
	}
	if err != nil {
		t.Fatal(err)
	}
	lo, err := net.InterfaceByName("lo")
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: lo.Index})
	}
	if err == nil {
		err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 50_000})
	}
	if err != nil {
		t.Fatal(err)
	}
	c := &capture{fd: fd, done: make(chan struct{}), marks: map[sort]map[uint8]int{}}
	var reader sync.WaitGroup
	reader.Go(c.read)
	t.Cleanup(func() {
		close(c.done)
		reader.Wait()
		_ = unix.Close(fd)
	})
	return c
}

func (c *capture) read() {
	b := make([]byte, 4096)
	for {
		select {
		case <-c.done:
			return
		default:
		}
		if n, _, err := unix.Recvfrom(c.fd, b, 0); err == nil {
			c.note(b[:n])
		}
	}
}

// note reads an IPv4 header; these tests have no other.
func (c *capture) note(b []byte) {
	if len(b) < 28 || b[0]>>4 != 4 {
		return
	}
	at := int(b[0]&0x0f) * 4
	network := map[byte]string{unix.IPPROTO_UDP: "udp", unix.IPPROTO_TCP: "tcp"}[b[9]]
	if len(b) < at+4 || network == "" {
		return
	}
	s := sort{network, netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[12:16])), uint16(b[at])<<8|uint16(b[at+1]))}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.marks[s] == nil {
		c.marks[s] = map[uint8]int{}
	}
	c.marks[s][b[1]]++
}

// saw expects packets of a kind, all of them with one DSCP and none with ECN bits that nobody negotiated.
func (c *capture) saw(t *testing.T, what, network string, from netip.AddrPort, dscp uint8) {
	t.Helper()
	var seen map[uint8]int
	c.mu.Lock()
	defer c.mu.Unlock()
	if seen = c.marks[sort{network, from}]; len(seen) == 0 {
		t.Errorf("%s: no packet from %s", what, from)
	}
	for class, n := range seen {
		if class != dscp<<2 {
			t.Errorf("%s: %d packets with DSCP %d and ECN %d, want DSCP %d", what, n, class>>2, class&3, dscp)
		}
	}
}

// TestMarks captures a call: every packet of the gateway bears the DSCP of its realm and kind (QOS-05).
func TestMarks(t *testing.T) {
	phone.Need(t, "sipp")
	wire := newCapture(t)
	port := gateway.FreeUDP(t, gateway.PhoneAddr)
	gw := gateway.Start(t, gateway.Config{
		Users:   []gateway.User{accountOf("json")},
		Trunks:  []gateway.Trunk{{Name: "acme", Target: netip.AddrPortFrom(gateway.PhoneAddr, uint16(port))}},
		Routes:  []gateway.Route{{From: "access", To: "*", Via: "acme"}},
		Access:  "dscp: {signalling: 24, audio: 18}",
		Carrier: "dscp: {signalling: 40, audio: 46, rtcp: 34}",
	})
	call := newRunning(t, gw, port)
	options(t, gw.SIP)
	rtp := call.media.Remote()
	rtcp := netip.AddrPortFrom(rtp.Addr(), rtp.Port()+1)
	gateway.Eventually(t, 20*time.Second, "an RTCP report", func() bool {
		wire.mu.Lock()
		defer wire.mu.Unlock()
		return len(wire.marks[sort{"udp", rtcp}]) > 0
	})
	call.hangUp(t)

	wire.saw(t, "SIP over UDP", "udp", gw.SIP, 40)
	wire.saw(t, "SIP over TCP", "tcp", gw.SIP, 40)
	wire.saw(t, "WSS", "tcp", gw.Web, 24)
	wire.saw(t, "RTP", "udp", rtp, 46)
	wire.saw(t, "RTCP", "udp", rtcp, 34)
	wire.saw(t, "STUN, DTLS, SRTP", "udp", gw.Media, 18)
	wire.saw(t, "the private port", "tcp", gw.Admin, 0)
}

// options asks over a connection of its own.
func options(t *testing.T, at netip.AddrPort) {
	t.Helper()
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(gateway.PhoneAddr, 0)), Timeout: 5 * time.Second}
	c, err := d.Dial("tcp", at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.Write([]byte("OPTIONS sip:gw@" + at.Addr().String() + " SIP/2.0\r\nVia: SIP/2.0/TCP " + c.LocalAddr().String() + ";branch=z9hG4bKmarks\r\n" +
		"From: <sip:p@x.test>;tag=1\r\nTo: <sip:gw@x.test>\r\nCall-ID: marks\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 2048)); err != nil {
		t.Errorf("OPTIONS over TCP: %v", err)
	}
}
