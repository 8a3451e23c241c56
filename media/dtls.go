package media

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"drawbridge/media/offer"

	"github.com/pion/dtls/v3"
)

// A handshake runs on a goroutine of its own over a pipe that the loop feeds. When keys are exported the connection is let go, without
// a close_notify: a browser that hears one mutes the call. What stays is the raw last flight, sent again to whoever repeats his own,
// until the first SRTP packet proves that it has arrived. A live connection is not kept: one forged plaintext alert would end it.
// The gateway is the server, unless the peer waits to be called (a=setup:passive).

// DTLS record content types (RFC 5246 section 6.2.1) and the one handshake type that matters (section 7.4).
const (
	recordCCS       = 20
	recordHandshake = 22
	clientHello     = 1
	recordHeader    = 13 // RFC 6347 section 4.1
)

// Chosen here.
const (
	lastFlight = 32          // how often the last flight is sent again at most
	callAgain  = time.Second // after an answer that made no sense
)

// shake is a leg's DTLS state.
type shake struct {
	running *association
	waiting *keys // exported before the leg was bound: not used until the fingerprint is known
	done    bool  // keys have been exported
	resent  uint8
	tries   uint8 // failed ones
}

// stoop is where a leg's peer waits for a handshake: in a place of its own, since most legs have none.
type stoop struct {
	early earlyHello // a trunk's that was faster than its SDP
	jar   jar
	since int64 // when the peer was first called; 0: never
	again timer // and is called again
}

func (g *leg) atStoop() *stoop {
	if g.stoop == nil {
		g.stoop = &stoop{again: timer{kind: timerCall, leg: g}}
	}
	return g.stoop
}

// earlyHello is a ClientHello and who has sent it; without bytes there is none.
type earlyHello struct {
	b   []byte
	src netip.AddrPort
}

// association is one handshake under way.
type association struct {
	pipe   *pipe
	cancel context.CancelFunc
	cert   *certificate
	expect string     // the peer's fingerprint, "" when SDP has not told it yet
	client bool       // the peer waits for us
	proven bool       // a connectivity check vouches for where the peer is
	cookie []byte     // does, where there is none
	conn   *dtls.Conn // once the handshake has succeeded

	heard atomic.Int64 // when the peer was heard last, or the place taken: on the engine's clock
}

// feed hands a datagram of the peer's on.
func (a *association) feed(l *loop, b []byte, src netip.AddrPort) Drop {
	a.heard.Store(l.now)
	return a.pipe.feed(b, src)
}

// shakesHands tells whether DTLS may come on the leg's own port: it is agreed, or may be.
func (g *leg) shakesHands() bool {
	return g.st.Fingerprint != "" || !g.bound && (g.srtp == offer.SRTPDTLS || g.srtp == offer.SRTPOptional)
}

// ownHandshake takes a DTLS datagram on the leg's own port: from where SDP lets media come from, and from nowhere else (T17). Before SDP
// the newest one is kept, or the peer would ask again after a second only.
func (g *leg) ownHandshake(l *loop, b []byte, src netip.AddrPort) Drop {
	h := &g.shake
	switch {
	case !g.bound && !isHello(b):
		return DropUnbound
	case !g.bound:
		early := &g.atStoop().early
		early.b, early.src = append(early.b[:0], b...), src
		return DropUnbound
	case g.latch.standing(src) == standsNot:
		return DropDTLSUnvalidated
	case isHello(b) && !h.done && g.st.Setup != offer.SetupActive:
		return g.greet(l, b, src)
	case h.running != nil && h.running.pipe.peer() != src: // it is between two addresses, and nobody else's
		return DropDTLSUnvalidated
	}
	return g.handshake(l, nil, b, src)
}

// overtook takes the ClientHello that came before its SDP.
func (g *leg) overtook(l *loop) {
	if g.stoop == nil {
		return
	}
	if in := g.stoop.early; in.b != nil {
		g.stoop.early = earlyHello{}
		l.drop(g.ownHandshake(l, in.b, in.src), in.src, g)
	}
}

// handshake takes a DTLS datagram from a verified source; d is the browser address that it came in on, nil for the leg's own port.
func (g *leg) handshake(l *loop, d *door, b []byte, src netip.AddrPort) Drop {
	switch h := &g.shake; {
	case len(b) < recordHeader:
		return DropDTLSState
	case !handshakeOnly(b):
		return DropDTLSClear
	case h.running != nil:
		return h.running.feed(l, b, src)
	case h.done:
		return g.repeat(l, d, b, src)
	case g.st.Setup == offer.SetupActive:
		return DropDTLSState
	case !isHello(b) || h.tries >= maxTries:
		return DropDTLSState
	}
	return g.begin(l, d, b, src)
}

// repeat sends the last flight again to a browser that repeats its own. Anything else that comes after the handshake is ignored.
func (g *leg) repeat(l *loop, d *door, b []byte, src netip.AddrPort) Drop {
	h, c := &g.shake, g.crypt
	retransmitted := b[0] == recordCCS || (b[0] == recordHandshake && len(b) > recordHeader && b[recordHeader] != clientHello)
	if !retransmitted || c == nil || c.last == nil || h.resent >= lastFlight {
		return DropDTLSState
	}
	h.resent++
	to := sockaddrOf(src)
	if d == nil {
		sendTo(g.rtp.fd, c.last, &to)
		return Delivered
	}
	out := l.slot()
	l.queue(d.id, out[:copy(out, c.last)], &to)
	return Delivered
}

// begin starts a handshake with the peer's first ClientHello.
func (g *leg) begin(l *loop, d *door, b []byte, src netip.AddrPort) Drop {
	select {
	case l.engine.pool <- struct{}{}:
	default:
		l.engine.handshakes.thin(l.now)
		return DropDTLSBusy // the peer asks again
	}
	return g.associate(l, d, src, nil).feed(l, b, src)
}

// callOut begins the handshake where the peer waits for it, as soon as it is known who and where the peer is.
func (g *leg) callOut(l *loop) {
	h := &g.shake
	if g.st.Setup != offer.SetupActive || !g.bound || !g.open || g.gone || h.done || h.running != nil || h.tries >= maxTries {
		return
	}
	var d *door
	if g.profile == offer.WebRTC {
		d = l.doors[g.door]
	}
	if s := g.atStoop(); s.since == 0 {
		s.since = max(l.now, 1)
	}
	g.associate(l, d, g.to.addr, nil)
}

// associate starts the goroutine of a handshake. A server's has its token of the pool already; a client's waits for one.
// cookie is what a trunk's peer has brought back.
func (g *leg) associate(l *loop, d *door, peer netip.AddrPort, cookie []byte) *association {
	e := l.engine
	fd, local := g.rtp.fd, g.pair.addr
	if d != nil {
		fd, local = d.fd, d.addr
	}
	ctx, cancel := context.WithTimeout(context.Background(), handshakeLimit)
	a := &association{
		pipe: newPipe(fd, local, peer), cancel: cancel, cert: g.cert, expect: g.st.Fingerprint, client: g.st.Setup == offer.SetupActive,
		proven: d != nil, cookie: cookie,
	}
	a.heard.Store(l.now)
	if !a.client {
		e.handshakes.enter(a)
	}
	g.shake.running = a
	e.shaking.Add(1)
	e.hands.Add(1)
	go func() {
		defer e.hands.Done()
		k, err := a.run(ctx, e)
		cancel()
		e.shaking.Add(-1)
		g.session.do(func(_ *Session, l *loop) { g.shaken(l, a, k, err) }) //nolint:contextcheck // what follows is not part of this handshake, and has limits of its own
		a.bury()
	}()
	return a
}

// run is the goroutine of one handshake.
func (a *association) run(ctx context.Context, e *Engine) (*keys, error) {
	if a.client {
		if err := a.takePlace(ctx, e); err != nil {
			return nil, err
		}
	}
	defer func() {
		e.handshakes.leave(a)
		<-e.pool
	}()
	conn, err := a.open()
	if err != nil {
		return nil, err
	}
	err = conn.HandshakeContext(ctx)
	var k *keys
	if err == nil {
		a.conn = conn
		k, err = export(conn, a.client)
	}
	last := a.pipe.mute() // from here nothing leaves: no close_notify, no alert
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	if !a.client { // the client's end of the handshake is the server's last flight: it has nothing to repeat
		k.last = last
	}
	return k, nil
}

// takePlace waits for a place among the handshakes.
func (a *association) takePlace(ctx context.Context, e *Engine) error {
	if len(e.pool) == cap(e.pool) {
		e.handshakes.thin(e.now())
	}
	select {
	case e.pool <- struct{}{}:
		a.heard.Store(e.now())
		e.handshakes.enter(a)
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// bury ends the goroutines of a connection that is let go. Its own Close would encrypt a farewell for nobody. They end with the pipe, behind
// what the peer has sent meanwhile: that waits for a reader, and would wait for ever.
func (a *association) bury() {
	_ = a.pipe.Close()
	for a.conn != nil {
		if _, err := a.conn.Read(nil); errors.Is(err, io.EOF) {
			return
		}
	}
}

// open prepares the connection; nothing is sent yet.
//
// A server asks for a cookie (RFC 6347 section 4.2.1) only who has not passed a connectivity check: that check has named the leg and proved
// its password, which a stranger cannot, and a browser is connected a round trip earlier. The loop has asked before: see greet.
func (a *association) open() (*dtls.Conn, error) {
	certificates := dtls.WithCertificates(a.cert.tls)
	profiles := dtls.WithSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80)
	secret := dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret)
	verify := dtls.WithVerifyPeerCertificate(a.verify)
	quiet := dtls.WithLoggerFactory(unlogged{})
	if a.client {
		return dtls.ClientWithOptions(a.pipe, a.pipe.RemoteAddr(), certificates, profiles, secret, verify, quiet,
			dtls.WithInsecureSkipVerify(true)) // no authority vouches for these certificates: the fingerprint in SDP does, in verify
	}
	conn, err := dtls.ServerWithOptions(a.pipe, a.pipe.RemoteAddr(), certificates, profiles, secret, verify, quiet,
		dtls.WithClientAuth(dtls.RequireAnyClientCert), dtls.WithInsecureSkipVerifyHello(a.proven))
	if a.cookie != nil {
		a.pipe.asked = func() { adopt(conn, a.cookie) }
	}
	return conn, err
}

// verify refuses a wrong certificate inside the handshake, so that the peer hears of it. shaken checks again before keys are used.
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
		return
	}
	g.prove(l, g.known(a.pipe.peer()))
}

// install checks who the keys were agreed with, and uses them.
func (g *leg) install(l *loop, k *keys) error {
	if !matches(g.st.Fingerprint, k.peer) {
		return errFingerprint
	}
	if err := g.rekey(l, k); err != nil {
		return err
	}
	g.shake.done, g.shake.waiting = true, nil
	g.session.stage(EventDTLS, g.id, "dtls")
	return nil
}

// refuse counts a handshake that came to nothing. A wrong certificate is final, other failures may be mended by the next try. One that we
// began may fail on a forged answer: it is made again for as long as the peer could keep silent.
func (g *leg) refuse(l *loop, a *association, err error) {
	var src netip.AddrPort
	if a != nil {
		src = a.pipe.peer()
	}
	if errors.Is(err, errFingerprint) {
		l.drop(DropDTLSFingerprint, src, g)
		g.shake.tries = maxTries
		if g.crypt == nil { // else the peer has moved, and somebody else has called
			g.fail("fingerprint")
		}
		return
	}
	l.drop(DropDTLSHandshake, src, g)
	h := &g.shake
	switch {
	case a == nil || !a.client:
		h.tries++
	case l.now-g.stoop.since >= int64(maxTries*handshakeLimit):
		h.tries = maxTries
	case !errors.Is(err, context.DeadlineExceeded):
		l.arm(&g.stoop.again, l.now+int64(callAgain))
		return
	}
	if h.tries == maxTries && g.crypt == nil {
		g.fail("dtls")
	}
	g.callOut(l)
}

// bindDTLS keeps keys as long as the fingerprint is the same: a changed one is another peer (security.md, media rule 8). A peer without
// ICE that has moved to another address may shake hands again, and the keys are good until it has (RFC 8842 section 3.1).
func (g *leg) bindDTLS(l *loop, was offer.Stream, first bool) {
	switch {
	case !first && !strings.EqualFold(was.Fingerprint, g.st.Fingerprint):
		g.park()
	case g.profile == offer.RTP && was.Remote.IsValid() && was.Remote != g.st.Remote:
		g.unshake()
	}
	if k := g.shake.waiting; k != nil {
		g.shake.waiting = nil
		if err := g.install(l, k); err != nil {
			g.refuse(l, nil, err)
		}
	}
	g.overtook(l)
	g.callOut(l)
}

// unshake forgets handshakes: the peer is another one now or somewhere else, or the leg ends. Nothing of one under way leaves any more: it
// ends in its own time, and the leg's socket may be another call's by then.
func (g *leg) unshake() {
	g.shake.breakOff()
	g.shake = shake{}
	if g.stoop != nil { // the cookies stay: one may be on its way
		g.stoop.early, g.stoop.since = earlyHello{}, 0
	}
	g.unhear()
}

func (h *shake) breakOff() {
	if a := h.running; a != nil {
		a.pipe.mute()
		a.cancel()
		h.running = nil
	}
}
