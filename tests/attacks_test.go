package tests

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/selfsign"
	"github.com/pion/rtp"
	"github.com/pion/stun/v4"

	"drawbridge/tests/gateway"
	"drawbridge/tests/light"
	"drawbridge/tests/phone"
)

// TestAttacks tries each door of the gateway while a call is running. Every attempt is refused, counted and told once, and the call
// hears nothing of it.
func TestAttacks(t *testing.T) {
	b := newBesieged(t)
	for _, a := range []struct {
		name string
		run  func(*besieged, *testing.T)
	}{
		{"a wrong password", (*besieged).wrongPassword},
		{"a foreign Origin", (*besieged).foreignOrigin},
		{"a missing subprotocol", (*besieged).noSubprotocol},
		{"a broken fingerprint", (*besieged).brokenFingerprint},
		{"DTLS from an unvalidated address", (*besieged).unvalidatedDTLS},
		{"a check with a wrong password", (*besieged).wrongCheck},
		{"RTP from a stranger at the browsers' port", (*besieged).strangerAtTheBrowsersPort},
		{"RTP from a stranger at the trunk's port", (*besieged).strangerAtTheTrunksPort},
		{"SRTP with a bad tag from the right address", (*besieged).badTag},
	} {
		t.Run(a.name, func(t *testing.T) {
			a.run(b, t)
			b.call.unhurt(t)
		})
	}
	b.call.hangUp(t)
	if n := b.gw.Metrics(t).Value(t, "drawbridge_panics_total"); n != 0 {
		t.Errorf("%v panics", n)
	}
}

func (b *besieged) wrongPassword(t *testing.T) {
	b.counts(t, "json-hello", 1, func() {
		ctx, cancel := context.WithTimeout(t.Context(), signInLimit)
		defer cancel()
		if _, err := light.SignIn(ctx, b.gw.Web, b.gw.Config.Key.Pool, accountOf("json").Name, "guess"); !errors.Is(err, light.ErrRefused) {
			t.Errorf("a wrong password: %v, want a refusal", err)
		}
	})
}

// doors are the WebSocket paths with their subprotocols.
var doors = []light.Door{{Path: "/", Subprotocol: "sip"}, {Path: "/sip", Subprotocol: "sip"}, {Path: "/v1/signal", Subprotocol: "drawbridge.v1"}}

func (b *besieged) foreignOrigin(t *testing.T) {
	own := "https://" + b.gw.Web.String()
	origins := []string{"https://evil.example", own + ".evil.example", "http://" + b.gw.Web.Addr().String(), "null", ""}
	b.counts(t, "ws-origin", len(doors)*len(origins), func() {
		for _, d := range doors {
			for _, origin := range origins {
				d.Origin = origin
				b.knock(t, d, http.StatusForbidden)
			}
		}
	})
}

func (b *besieged) noSubprotocol(t *testing.T) {
	protocols := []string{"", "chat"}
	b.counts(t, "ws-subprotocol", len(doors)*len(protocols), func() {
		for _, d := range doors {
			for _, protocol := range protocols {
				d.Origin, d.Subprotocol = "https://"+b.gw.Web.String(), protocol
				b.knock(t, d, http.StatusBadRequest)
			}
		}
	})
}

// knock expects an HTTP status instead of a WebSocket.
func (b *besieged) knock(t *testing.T, d light.Door, status int) {
	t.Helper()
	d.At, d.Pool = b.gw.Web, b.gw.Config.Key.Pool
	conn, got, err := d.Knock(t.Context())
	if err == nil {
		conn.Close()
	}
	if got != status {
		t.Errorf("%s with Origin %q and subprotocol %q: status %d, want %d", d.Path, d.Origin, d.Subprotocol, got, status)
	}
}

// brokenFingerprint calls with an SDP that names another certificate. Nothing may pass, and the call ends by itself.
func (b *besieged) brokenFingerprint(t *testing.T) {
	media := phone.OpenMedia(t, "PCMA", tonePhone)
	run := phone.Start(t, phone.Scenario{Name: "uas_answer", Port: b.free, Media: media})
	n := len(b.gw.CDRs(t))
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	line, c := lineOf(ctx, t, b.gw), clientOf(t)
	b.counts(t, "dtls-fingerprint", 1, func() {
		answer, err := line.Call("broken", freeNumber, otherFingerprint(c.Offer("PCMA")))
		if err != nil {
			t.Fatal(err)
		}
		if c.Connect(ctx, answer) == nil {
			_ = c.Send(&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: light.PTPCMA}, Payload: make([]byte, 160)}) // keys that the gateway has thrown away
		}
	})
	run.Wait(t) // the gateway's BYE
	if media.Packets() > 0 {
		t.Errorf("%d packets reached the phone", media.Packets())
	}
	if cdr := b.gw.NextCDR(t, n); cdr.Cause.By != "gateway" || !strings.Contains(cdr.Cause.Text, "fingerprint") {
		t.Errorf("call record says %+v", cdr.Cause)
	}
}

// otherFingerprint changes the first byte.
func otherFingerprint(sdp string) string {
	const key = "a=fingerprint:sha-256 "
	at := strings.Index(sdp, key) + len(key)
	first := "00"
	if sdp[at:at+2] == first {
		first = "01"
	}
	return sdp[:at] + first + sdp[at+2:]
}

// unvalidatedDTLS begins a handshake without a check before. Not one byte may come back.
func (b *besieged) unvalidatedDTLS(t *testing.T) {
	b.counts(t, "dtls-unvalidated", 1, func() {
		socket := &counting{UDPConn: stranger(t, gateway.AccessAddr)}
		cert, err := selfsign.GenerateSelfSigned()
		if err != nil {
			t.Fatal(err)
		}
		conn, err := dtls.ClientWithOptions(socket, net.UDPAddrFromAddrPort(b.gw.Media), dtls.WithCertificates(cert),
			dtls.WithInsecureSkipVerify(true), dtls.WithSRTPProtectionProfiles(dtls.SRTP_AES128_CM_HMAC_SHA1_80))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		if conn.HandshakeContext(ctx) == nil {
			t.Error("a handshake without a check succeeded")
		}
		if n := socket.bytes.Load(); n != 0 {
			t.Errorf("%d bytes came back", n)
		}
		_ = conn.Close()
	})
}

// counting notes what is read of a socket.
type counting struct {
	*net.UDPConn
	bytes atomic.Int64
}

// ReadFrom implements net.PacketConn.
func (c *counting) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.UDPConn.ReadFrom(b)
	c.bytes.Add(int64(n))
	return n, from, err
}

// wrongCheck knows the user fragment of the running call and guesses its password.
func (b *besieged) wrongCheck(t *testing.T) {
	b.counts(t, "stun-integrity", 1, func() {
		socket := stranger(t, gateway.AccessAddr)
		m, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(b.call.client.Remote().Ufrag+":guess"),
			stun.RawAttribute{Type: stun.AttrPriority, Value: []byte{1, 0, 0, 0}}, stun.RawAttribute{Type: stun.AttrICEControlling, Value: make([]byte, 8)},
			stun.RawAttribute{Type: stun.AttrUseCandidate}, stun.NewShortTermIntegrity("guess"), stun.Fingerprint)
		if err != nil {
			t.Fatal(err)
		}
		send(t, socket, m.Raw, b.gw.Media)
		if answer := receive(t, socket, 300*time.Millisecond); bytes.HasPrefix(answer, []byte{1, 1}) {
			t.Error("a check with a wrong password succeeded")
		}
	})
}

func (b *besieged) strangerAtTheBrowsersPort(t *testing.T) {
	b.counts(t, "rtp-source", 50, func() {
		socket := stranger(t, gateway.AccessAddr)
		for range 50 {
			send(t, socket, voice(light.PTPCMA), b.gw.Media)
		}
		if got := receive(t, socket, 300*time.Millisecond); got != nil {
			t.Errorf("%d bytes were sent to a stranger", len(got))
		}
	})
}

// strangerAtTheTrunksPort sends what the trunk would, from the phone's address and another port, and from another address.
func (b *besieged) strangerAtTheTrunksPort(t *testing.T) {
	for _, at := range []netip.Addr{gateway.PhoneAddr, netip.MustParseAddr("127.0.3.1")} {
		b.counts(t, "rtp-source", 50, func() {
			socket := stranger(t, at)
			before := b.call.client.Received()
			for range 500 {
				send(t, socket, voice(8), b.call.media.Remote())
			}
			if got := receive(t, socket, 300*time.Millisecond); got != nil {
				t.Errorf("%d bytes were sent to a stranger at %s", len(got), at)
			}
			if n := b.call.client.Received() - before; n > 100 {
				t.Errorf("%d packets reached the browser's side, about 15 are its own", n)
			}
		})
	}
}

// badTag repeats what a peer with the right address and no keys can do.
func (b *besieged) badTag(t *testing.T) {
	b.counts(t, "srtp-auth", 1000, func() {
		before := b.call.media.Packets()
		for seq := range 2000 {
			p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: light.PTPCMA, SSRC: 77, SequenceNumber: uint16(seq * 33)}, Payload: make([]byte, 170)}
			raw, err := p.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			if err := b.call.client.Write(raw); err != nil {
				t.Fatal(err)
			}
		}
		if n := b.call.media.Packets() - before; n > 200 {
			t.Errorf("%d packets reached the phone", n)
		}
	})
}

func stranger(t *testing.T, at netip.Addr) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, 0)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func send(t *testing.T, from *net.UDPConn, b []byte, to netip.AddrPort) {
	t.Helper()
	if _, err := from.WriteToUDPAddrPort(b, to); err != nil {
		t.Fatal(err)
	}
}

// receive returns the next datagram, nil when none comes within limit.
func receive(t *testing.T, at *net.UDPConn, limit time.Duration) []byte {
	t.Helper()
	if err := at.SetReadDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 2048)
	n, err := at.Read(buf)
	if err != nil {
		return nil
	}
	return buf[:n]
}

// voice is a plain RTP packet of noise.
func voice(pt uint8) []byte {
	raw, err := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: pt, SSRC: 666, SequenceNumber: 1}, Payload: bytes.Repeat([]byte{0x2a, 0x95}, 80)}).Marshal()
	if err != nil {
		panic(err) // impossible: the header is fixed
	}
	return raw
}

func countLines(text, part string) int {
	n := 0
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			n++
		}
	}
	return n
}
