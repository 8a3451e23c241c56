package media

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"golang.org/x/sys/unix"
)

// TestOnlyStrangersAreAskedForACookie: who has passed a connectivity check is answered with a ServerHello at once, and so is who has brought
// the loop's cookie back; TestForgedHellosOnATrunkAreCheap is about all others.
func TestOnlyStrangersAreAskedForACookie(t *testing.T) {
	const serverHello = 2
	for _, proven := range []bool{true, false} {
		fd, at, err := openUDP(netip.MustParseAddrPort("127.0.0.1:0"), func(int, int) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		peer, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		defer peer.Close()
		cert, err := newCertificate()
		if err != nil {
			t.Fatal(err)
		}
		first := firstHello(t, cert)
		src := peer.LocalAddr().(*net.UDPAddr).AddrPort()
		ctx, cancel := context.WithCancel(t.Context())
		a := &association{pipe: newPipe(fd, at, src), cancel: cancel, cert: cert, proven: proven}
		a.pipe.feed(first, src)
		if !proven {
			a.cookie = new(jar).cookie(src)
			a.pipe.feed(second(first, a.cookie), src)
		}
		ended := make(chan error)
		pool := make(chan struct{}, 1)
		pool <- struct{}{}
		go func() {
			_, err := a.run(ctx, &Engine{pool: pool})
			ended <- err
		}()
		answer := make([]byte, 2048)
		if err := peer.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := peer.Read(answer); err != nil {
			t.Fatal(err)
		}
		if answer[0] != recordHandshake || answer[recordHeader] != serverHello {
			t.Errorf("proven %t: answered with record %d, handshake type %d", proven, answer[0], answer[recordHeader])
		}
		cancel()
		if err := <-ended; err == nil {
			t.Errorf("proven %t: the handshake came to an end", proven)
		}
	}
}

// firstHello is what a DTLS client sends first.
func firstHello(t *testing.T, cert *certificate) []byte {
	ctx, cancel := context.WithCancel(t.Context())
	wire := helloWire{sent: make(chan []byte, 1), done: ctx.Done()}
	conn, err := dtls.ClientWithOptions(wire, &net.UDPAddr{}, dtls.WithCertificates(cert.tls), dtls.WithInsecureSkipVerify(true),
		dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret), dtls.WithSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- conn.HandshakeContext(ctx) }()
	b := <-wire.sent
	cancel()
	<-ended
	return b
}

// helloWire is the network of a client that hears nothing.
type helloWire struct {
	net.PacketConn
	sent chan []byte
	done <-chan struct{}
}

func (w helloWire) ReadFrom([]byte) (int, net.Addr, error) {
	<-w.done
	return 0, nil, net.ErrClosed
}

func (w helloWire) WriteTo(b []byte, _ net.Addr) (int, error) {
	select {
	case w.sent <- append([]byte(nil), b...):
	default:
	}
	return len(b), nil
}

func (helloWire) Close() error                     { return nil }
func (helloWire) SetReadDeadline(time.Time) error  { return nil }
func (helloWire) SetWriteDeadline(time.Time) error { return nil }
