package mediatest

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/pion/rtp"
)

// Phone is a plain RTP endpoint on loopback: an even port for RTP and the next for RTCP. It belongs to one goroutine.
type Phone struct {
	SSRC uint32
	Seq  uint16 // of the next packet
	TS   uint32 // of the next packet

	rtp, rtcp *net.UDPConn
	buf       [2048]byte
}

// NewPhone opens a phone that closes with the test.
func NewPhone(t testing.TB) *Phone {
	t.Helper()
	return NewPhoneAt(t, netip.AddrFrom4([4]byte{127, 0, 0, 1}))
}

// NewPhoneAt opens a phone on another address of this host, of either family.
func NewPhoneAt(t testing.TB, at netip.Addr) *Phone {
	t.Helper()
	p := &Phone{SSRC: 0x1000, Seq: 100, TS: 8000}
	for range 64 {
		if p.open(at) {
			t.Cleanup(p.Close)
			return p
		}
	}
	t.Fatal("no even port with a free neighbour")
	return nil
}

func (p *Phone) open(at netip.Addr) bool {
	first, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, 0)))
	if err != nil {
		return false
	}
	port := first.LocalAddr().(*net.UDPAddr).Port
	second, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, uint16(port^1))))
	if err != nil {
		_ = first.Close()
		return false
	}
	if p.rtp, p.rtcp = first, second; port%2 != 0 {
		p.rtp, p.rtcp = second, first
	}
	return true
}

// Close closes both sockets. It may be called more than once.
func (p *Phone) Close() {
	_ = p.rtp.Close()
	_ = p.rtcp.Close()
}

// Addr is the RTP address.
func (p *Phone) Addr() netip.AddrPort { return p.rtp.LocalAddr().(*net.UDPAddr).AddrPort() }

// RTCPAddr is the RTCP address.
func (p *Phone) RTCPAddr() netip.AddrPort { return p.rtcp.LocalAddr().(*net.UDPAddr).AddrPort() }

// Send sends one packet and moves the sequence number by one and the timestamp by samples.
func (p *Phone) Send(t testing.TB, to netip.AddrPort, pt uint8, marker bool, payload []byte, samples uint32) {
	t.Helper()
	h := rtp.Header{Version: 2, PayloadType: pt, Marker: marker, SequenceNumber: p.Seq, Timestamp: p.TS, SSRC: p.SSRC}
	p.Seq++
	p.TS += samples
	p.Write(t, to, Marshal(t, h, payload))
}

// Write sends raw bytes from the RTP port.
func (p *Phone) Write(t testing.TB, to netip.AddrPort, b []byte) {
	t.Helper()
	if _, err := p.rtp.WriteToUDPAddrPort(b, to); err != nil {
		t.Fatalf("send to %s: %v", to, err)
	}
}

// WriteRTCP sends raw bytes from the RTCP port.
func (p *Phone) WriteRTCP(t testing.TB, to netip.AddrPort, b []byte) {
	t.Helper()
	if _, err := p.rtcp.WriteToUDPAddrPort(b, to); err != nil {
		t.Fatalf("send to %s: %v", to, err)
	}
}

// Next waits for a packet on the RTP port.
func (p *Phone) Next(t testing.TB, limit time.Duration) *rtp.Packet {
	t.Helper()
	pkt, ok := p.Poll(t, limit)
	if !ok {
		t.Fatalf("no RTP within %s", limit)
	}
	return pkt
}

// Poll is Next for a packet that may not come.
func (p *Phone) Poll(t testing.TB, limit time.Duration) (*rtp.Packet, bool) {
	t.Helper()
	b := read(t, p.rtp, p.buf[:], limit)
	if b == nil {
		return nil, false
	}
	pkt := &rtp.Packet{}
	if err := pkt.Unmarshal(b); err != nil {
		t.Fatalf("bad RTP from the gateway: %v", err)
	}
	return pkt.Clone(), true
}

// NextRTCP waits for a datagram on the RTCP port.
func (p *Phone) NextRTCP(t testing.TB, limit time.Duration) []byte {
	t.Helper()
	b := read(t, p.rtcp, p.buf[:], limit)
	if b == nil {
		t.Fatalf("no RTCP within %s", limit)
	}
	return append([]byte(nil), b...)
}

func read(t testing.TB, c *net.UDPConn, b []byte, limit time.Duration) []byte {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	n, err := c.Read(b)
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}

// RTP is the socket of the RTP port, for a test that wants to know more of what comes in than its bytes.
func (p *Phone) RTP() *net.UDPConn { return p.rtp }

// Marshal builds one RTP packet.
func Marshal(t testing.TB, h rtp.Header, payload []byte) []byte {
	t.Helper()
	b, err := (&rtp.Packet{Header: h, Payload: payload}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}
