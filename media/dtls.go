package media

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/logging"
	"github.com/pion/transport/v4/deadline"
)

// A handshake runs on a goroutine of its own over a pipe that the loop feeds. When keys are exported the connection is let go, without
// a close_notify: a browser that hears one mutes the call. What stays is the raw last flight, sent again to whoever repeats his own,
// until the first SRTP packet proves that it has arrived. A live connection is not kept: one forged plaintext alert would end it.

// DTLS record content types (RFC 5246 section 6.2.1) and the one handshake type that matters (section 7.4).
const (
	recordCCS       = 20
	recordHandshake = 22
	clientHello     = 1
	recordHeader    = 13 // RFC 6347 section 4.1
)

// Chosen here.
const (
	pipeRoom   = 16 // datagrams that wait for a handshake; a flight is two to five
	lastFlight = 32 // times that the last flight is sent again at most
)

// certificate is the process's own: one for all calls, another one in each process, so that a browser notices a restart and
// shakes hands again.
type certificate struct {
	tls         tls.Certificate
	fingerprint string
}

func newCertificate() (*certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("media: key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64))
	if err != nil {
		return nil, fmt.Errorf("media: serial: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "drawbridge"},
		NotBefore:    time.Now().Add(-24 * time.Hour),
		NotAfter:     time.Now().AddDate(5, 0, 0), // trust is in the fingerprint; the dates only please strict clients
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("media: certificate: %w", err)
	}
	sum := sha256.Sum256(der)
	return &certificate{
		tls:         tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		fingerprint: "sha-256 " + colonHex(sum[:]),
	}, nil
}

// colonHex is the notation of RFC 8122 section 5.
func colonHex(b []byte) string {
	var s strings.Builder
	for i, x := range b {
		if i > 0 {
			s.WriteByte(':')
		}
		s.WriteString(strings.ToUpper(hex.EncodeToString([]byte{x})))
	}
	return s.String()
}

// matches tells whether a certificate has the fingerprint of an SDP ("sha-256 AB:CD:..."). Weak hashes match nothing.
func matches(fingerprint string, der []byte) bool {
	algorithm, value, _ := strings.Cut(fingerprint, " ")
	want, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(value), ":", ""))
	if err != nil || len(der) == 0 {
		return false
	}
	var got []byte
	switch strings.ToLower(algorithm) {
	case "sha-256":
		sum := sha256.Sum256(der)
		got = sum[:]
	case "sha-384":
		sum := sha512.Sum384(der)
		got = sum[:]
	case "sha-512":
		sum := sha512.Sum512(der)
		got = sum[:]
	}
	return len(got) > 0 && subtle.ConstantTimeCompare(got, want) == 1
}

// shake is a leg's DTLS state.
type shake struct {
	running *association
	done    bool   // keys have been exported
	last    []byte // the raw last flight; nil once SRTP has proved its arrival
	resent  int
	tries   int   // failed ones
	waiting *keys // exported before the leg was bound: not used until the fingerprint is known
}

// association is one handshake under way.
type association struct {
	pipe   *pipe
	cancel context.CancelFunc
	expect string // the peer's fingerprint, "" when SDP has not told it yet
}

// handshake takes a DTLS datagram from a verified source.
func (g *leg) handshake(l *loop, d *door, b []byte, src netip.AddrPort) Drop {
	switch h := &g.shake; {
	case len(b) < recordHeader:
		return DropDTLSState
	case h.running != nil:
		return h.running.pipe.feed(b, src)
	case h.done:
		return g.repeat(l, d, b, src)
	case b[0] != recordHandshake || len(b) == recordHeader || b[recordHeader] != clientHello || h.tries >= maxTries:
		return DropDTLSState
	}
	return g.begin(l, d, b, src)
}

// repeat sends the last flight again to a browser that repeats its own. Anything else that comes after the handshake is ignored.
func (g *leg) repeat(l *loop, d *door, b []byte, src netip.AddrPort) Drop {
	h := &g.shake
	retransmitted := b[0] == recordCCS || (b[0] == recordHandshake && len(b) > recordHeader && b[recordHeader] != clientHello)
	if !retransmitted || h.last == nil || h.resent >= lastFlight {
		return DropDTLSState
	}
	h.resent++
	to := sockaddrOf(src)
	out := l.slot()
	l.queue(d.id, out[:copy(out, h.last)], &to)
	return Delivered
}

// begin starts a handshake with its first ClientHello.
func (g *leg) begin(l *loop, d *door, b []byte, src netip.AddrPort) Drop {
	e := l.engine
	select {
	case e.pool <- struct{}{}:
	default:
		return DropDTLSBusy // the browser asks again
	}
	ctx, cancel := context.WithTimeout(context.Background(), handshakeLimit)
	a := &association{pipe: newPipe(d.fd, d.addr, src), cancel: cancel, expect: g.st.Fingerprint}
	g.shake.running = a
	e.shaking.Add(1)
	e.hands.Add(1)
	go func() {
		defer e.hands.Done()
		k, err := a.run(ctx, e.cert)
		cancel()
		e.shaking.Add(-1)
		<-e.pool
		g.session.do(func(l *loop) { g.shaken(l, a, k, err) })
	}()
	return a.pipe.feed(b, src)
}

// run is the goroutine of one handshake.
func (a *association) run(ctx context.Context, cert *certificate) (*keys, error) {
	conn, err := dtls.ServerWithOptions(a.pipe, a.pipe.RemoteAddr(),
		dtls.WithCertificates(cert.tls),
		dtls.WithSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80),
		dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret),
		dtls.WithClientAuth(dtls.RequireAnyClientCert),
		dtls.WithVerifyPeerCertificate(a.verify),
		dtls.WithLoggerFactory(&logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled}),
	)
	if err != nil {
		return nil, err
	}
	err = conn.HandshakeContext(ctx)
	var k *keys
	if err == nil {
		k, err = export(conn)
	}
	last := a.pipe.mute() // from here nothing leaves: no close_notify, no alert
	_ = conn.Close()      // ends its goroutines; it has nobody to tell
	if err != nil {
		return nil, err
	}
	k.last = last
	return k, nil
}

// verify refuses a wrong certificate inside the handshake, so that the browser hears of it. shaken checks again before keys are used.
func (a *association) verify(raw [][]byte, _ [][]*x509.Certificate) error {
	if a.expect != "" && (len(raw) == 0 || !matches(a.expect, raw[0])) {
		return errFingerprint
	}
	return nil
}

// shaken takes the outcome of a handshake on the loop.
func (g *leg) shaken(l *loop, a *association, k *keys, err error) {
	if g.gone || g.shake.running != a {
		return // replaced by a new identity, or the leg has ended
	}
	g.shake.running = nil
	if err == nil && g.bound {
		err = g.install(l, k)
	} else if err == nil {
		g.shake.waiting = k
	}
	if err != nil {
		g.refuse(l, a, err)
	}
}

// install checks who the keys were agreed with, and uses them.
func (g *leg) install(l *loop, k *keys) error {
	if !matches(g.st.Fingerprint, k.peer) {
		return errFingerprint
	}
	c, err := newCrypt(k)
	if err != nil {
		return err
	}
	g.crypt = c
	g.shake.done, g.shake.last, g.shake.waiting = true, k.last, nil
	g.session.stage(EventDTLS, g.id, "dtls")
	return nil
}

// refuse counts a handshake that came to nothing. A wrong certificate is final, other failures may be mended by the next try.
func (g *leg) refuse(l *loop, a *association, err error) {
	g.shake.tries++
	var src netip.AddrPort
	if a != nil {
		src = a.pipe.peer()
	}
	if errors.Is(err, errFingerprint) {
		l.drop(DropDTLSFingerprint, src, g)
		g.shake.tries = maxTries
		g.fail("fingerprint")
		return
	}
	l.drop(DropDTLSHandshake, src, g)
	if g.shake.tries == maxTries {
		g.fail("dtls")
	}
}

// unshake forgets keys and handshakes: the peer's identity is another one now.
func (g *leg) unshake() {
	if a := g.shake.running; a != nil {
		a.cancel()
	}
	g.shake = shake{}
	g.crypt = nil
}

// pipe is the net.PacketConn between a loop and a handshake. Reading waits for what the loop feeds; writing sends on the browser
// socket, which outlives every handshake.
type pipe struct {
	fd    int
	local netip.AddrPort
	in    chan []byte
	limit *deadline.Deadline // of reads
	done  chan struct{}
	once  sync.Once

	mu    sync.Mutex
	to    sockaddr // where the last datagram came from
	last  []byte   // the last flight: the one that begins with ChangeCipherSpec
	muted bool
}

func newPipe(fd int, local, peer netip.AddrPort) *pipe {
	return &pipe{fd: fd, local: local, in: make(chan []byte, pipeRoom), limit: deadline.New(), done: make(chan struct{}), to: sockaddrOf(peer)}
}

// feed copies a datagram to the handshake; it never blocks.
func (p *pipe) feed(b []byte, src netip.AddrPort) Drop {
	p.mu.Lock()
	if p.to.addr != src {
		p.to = sockaddrOf(src)
	}
	p.mu.Unlock()
	select {
	case p.in <- append([]byte(nil), b...):
		return Delivered
	default:
		return DropDTLSBusy
	}
}

func (p *pipe) peer() netip.AddrPort {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.to.addr
}

// mute swallows what is written from now on and returns the last flight.
func (p *pipe) mute() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.muted = true
	return p.last
}

// ReadFrom implements net.PacketConn.
func (p *pipe) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case in := <-p.in:
		return copy(b, in), p.RemoteAddr(), nil
	case <-p.done:
		return 0, nil, net.ErrClosed
	case <-p.limit.Done():
		return 0, nil, p.limit.Err()
	}
}

// WriteTo implements net.PacketConn. The address is where the last datagram came from, whatever the connection believes.
func (p *pipe) WriteTo(b []byte, _ net.Addr) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.muted || len(b) == 0 {
		return len(b), nil
	}
	if b[0] == recordCCS {
		p.last = append([]byte(nil), b...)
	}
	sendTo(p.fd, b, &p.to) // a datagram the kernel refuses is lost like any other: the flight is sent again
	return len(b), nil
}

// Close implements net.PacketConn.
func (p *pipe) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

// LocalAddr implements net.PacketConn.
func (p *pipe) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(p.local) }

// RemoteAddr is the peer's address.
func (p *pipe) RemoteAddr() net.Addr { return net.UDPAddrFromAddrPort(p.peer()) }

// SetDeadline implements net.PacketConn.
func (p *pipe) SetDeadline(t time.Time) error { return p.SetReadDeadline(t) }

// SetReadDeadline implements net.PacketConn.
func (p *pipe) SetReadDeadline(t time.Time) error {
	p.limit.Set(t)
	return nil
}

// SetWriteDeadline implements net.PacketConn: writes never wait.
func (p *pipe) SetWriteDeadline(time.Time) error { return nil }
