package media

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"

	"github.com/pion/dtls/v3"
	"go.uber.org/goleak"

	"drawbridge/media/offer"
)

// fedWire is the network of a client whose datagrams reach a pipe at once.
type fedWire struct {
	*net.UDPConn
	to *pipe
}

func (w fedWire) WriteTo(b []byte, _ net.Addr) (int, error) {
	w.to.feed(b, w.LocalAddr().(*net.UDPAddr).AddrPort())
	return len(b), nil
}

// meeting is a server that is about to begin a handshake, and the client that it is with.
func meeting(t *testing.T) (*association, *dtls.Conn) {
	t.Helper()
	fd, at, err := openUDP(netip.AddrPortFrom(localhost, 0), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeFD(fd) })
	udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	cert, err := newCertificate()
	if err != nil {
		t.Fatal(err)
	}
	a := &association{pipe: newPipe(fd, at, udp.LocalAddr().(*net.UDPAddr).AddrPort()), cert: cert, proven: true}
	peer, err := dtls.ClientWithOptions(fedWire{udp, a.pipe}, net.UDPAddrFromAddrPort(at), dtls.WithCertificates(cert.tls),
		dtls.WithInsecureSkipVerify(true), dtls.WithSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM),
		dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret))
	if err != nil {
		t.Fatal(err)
	}
	return a, peer
}

// TestRefusedPeersHearOfIt: who shows a certificate that the SDP has not named is told so, and does not ask again.
func TestRefusedPeersHearOfIt(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	a, peer := meeting(t)
	a.expect = "sha-256 00:11"
	ctx, cancel := context.WithTimeout(t.Context(), handshakeLimit)
	defer cancel()
	pool, ended := make(chan struct{}, 1), make(chan error, 1)
	pool <- struct{}{}
	go func() {
		_, err := a.run(ctx, &Engine{pool: pool})
		ended <- err
	}()
	if err := peer.HandshakeContext(ctx); err == nil || !strings.Contains(err.Error(), "BadCertificate") {
		t.Errorf("the peer has heard %v", err)
	}
	if err := <-ended; !errors.Is(err, errFingerprint) {
		t.Errorf("refused with %v", err)
	}
	a.bury()
	if err := peer.Close(); err != nil {
		t.Error(err)
	}
}

// TestTalkativePeersLeaveNothingBehind: whatever a peer sends between the end of the handshake and that of the connection, which nobody reads,
// no goroutine waits with it.
func TestTalkativePeersLeaveNothingBehind(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	a, peer := meeting(t)
	conn, err := a.open()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), handshakeLimit)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- conn.HandshakeContext(ctx) }()
	if err := errors.Join(peer.HandshakeContext(ctx), <-ended); err != nil {
		t.Fatal(err)
	}
	for range 3 { // one is kept, one waits for room, one comes behind
		if _, err := peer.Write([]byte("hear me")); err != nil {
			t.Fatal(err)
		}
	}
	for len(a.pipe.in) > 1 {
		if ctx.Err() != nil {
			t.Fatal("nobody reads")
		}
		runtime.Gosched()
	}
	a.conn = conn
	a.bury()
	if err := peer.Close(); err != nil {
		t.Error(err)
	}
}

// TestHandshakesEndWithTheLeg: a handshake that has not ended with its leg sends nothing any more: the socket, by its number, is somebody else's.
func TestHandshakesEndWithTheLeg(t *testing.T) {
	b := newBench(t, profiles["GCM"], opusCodec, pcmuCodec)
	g := b.b
	peer, at, err := openUDP(netip.AddrPortFrom(localhost, 0), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer closeFD(peer)
	a := &association{pipe: newPipe(g.rtp.fd, g.pair.addr, at), cancel: func() {}}
	g.shake.running = a
	flight := []byte{recordHandshake, 0xfe, 0xfd}
	if _, err := a.pipe.WriteTo(flight, nil); err != nil || pending(t, peer) != len(flight) {
		t.Fatalf("%v, %d bytes", err, pending(t, peer))
	}
	drain(peer)
	b.s.end(b.l)
	next := newLeg(b.l.engine.Open("next", func(Event) {}), B, g.realm, offer.RTP)
	if _, err := next.allocate(); err != nil {
		t.Fatal(err)
	}
	defer next.abandon()
	if next.rtp.fd != g.rtp.fd {
		t.Fatalf("the next call has file %d, not %d", next.rtp.fd, g.rtp.fd)
	}
	if _, err := a.pipe.WriteTo(flight, nil); err != nil || pending(t, peer) != 0 {
		t.Errorf("%v, %d bytes have left by the next call's socket", err, pending(t, peer))
	}
}
