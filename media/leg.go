package media

import (
	"net/netip"
	"time"

	"drawbridge/media/offer"
)

// leg is one side of a session: an endpoint, the stream negotiated on it, and the two directions of media. After allocate it belongs to
// the loop of its session.
type leg struct {
	// What every packet needs comes first, in the order of ahead.go, which fetches it. The first line holds what both directions need, and
	// is read besides whenever the address of any field is taken.
	session *Session
	crypt   *crypt // nil before keys
	onward  path   // takes this leg's media to the other leg; nil until both are bound
	brief   brief  // of st
	id      LegID
	profile offer.Profile
	secure  bool // media is encrypted, or there is none
	gone    bool // leave has been called
	bound   bool // st is set
	open    bool // to may be sent to
	traced  bool // WebRTC: whoever sends authentic media next, its pair takes note of it
	rtp     sock
	out     outbound
	door    int // WebRTC: the browser address
	to      sockaddr
	digits  digits
	in      inbound
	police  police
	event   eventIn
	vigil   vigil
	latch   latch // RTP profile: who is the peer

	st      offer.Stream
	keyring *keyring   // SDES keys of before; nil before there are some
	srtp    offer.SRTP // of the RTP profile
	dtmf    DTMF
	cert    *certificate  // that our SDP shows
	silence time.Duration // Side.Inactivity
	realm   *realm
	changed int64 // when the peer last changed to the other codec of its answer

	pair portPair  // RTP profile
	rtcp *rtcpSock // nil before there is something to report

	flood       flood
	ice         ice           // WebRTC: which sources are the browser
	credentials []*credential // ours, oldest first
	shake       shake
	stoop       *stoop // nil before DTLS with whom no check vouches for, or that we begin
	twins       *twins // nil before the first digit
	report      reporter
	timers      [numTimers]timer
}

// brief is what every packet asks of the stream: a few bytes of several hundred.
type brief struct {
	recv, send           uint8 // payload types of audio
	recvEvent, sendEvent uint8 // and of telephone-event
	events               bool  // telephone-event is agreed
	mayRecv, maySend     bool
}

// agree sets the stream, and holds the peer to the rate of what it sends.
func (g *leg) agree(st offer.Stream) {
	g.st = st
	if g.realm.cfg.Police {
		g.police.limit(st.Recv)
	}
	g.brief = brief{
		recv: st.Recv.PT, send: st.Send.PT, recvEvent: st.RecvEvent.PT, sendEvent: st.SendEvent.PT,
		events: st.RecvEvent.Name != "", mayRecv: st.MayRecv, maySend: st.MaySend,
	}
}

func newLeg(s *Session, id LegID, r *realm, profile offer.Profile) *leg {
	g := &leg{session: s, id: id, realm: r, profile: profile, door: r.door}
	g.pair.rtp, g.pair.rtcp = -1, -1
	g.out.init()
	for k := range g.timers {
		g.timers[k].kind, g.timers[k].leg = timerKind(k), g
	}
	return g
}

// allocate opens the leg's sockets, on the caller's goroutine.
func (g *leg) allocate() (offer.Local, error) {
	e, r := g.session.engine, g.realm
	g.cert = e.cert.Load()
	g.secure = g.mustEncrypt()
	if g.profile == offer.WebRTC {
		c := e.newCredential(g)
		g.credentials = append(g.credentials, c)
		return offer.Local{RTP: r.announced(e.doors[r.door]), Ufrag: c.ufrag, Pwd: c.pwd, Fingerprint: g.cert.fingerprint}, nil
	}
	pr, err := r.ports.open(r.cfg.Bind, g.session.owner.Load())
	if err != nil {
		return offer.Local{}, err
	}
	g.pair = pr
	g.rtp = sock{fd: int(pr.rtp), kind: sockRTP, leg: g}
	if pr.rtcp >= 0 {
		g.startRTCP()
	}
	addr := r.announced(pr.addr)
	local := offer.Local{RTP: addr, RTCP: netip.AddrPortFrom(addr.Addr(), addr.Port()+1)}
	if g.srtp == offer.SRTPOptional || g.srtp == offer.SRTPSDES {
		local.Keys = newKeys()
	}
	if g.srtp == offer.SRTPOptional || g.srtp == offer.SRTPDTLS {
		local.Fingerprint = g.cert.fingerprint
	}
	return local, nil
}

// mustEncrypt tells whether nothing of the leg may be in clear, as policy has it and SDP.
func (g *leg) mustEncrypt() bool {
	return g.profile == offer.WebRTC || g.srtp.Required() || g.st.SDES != nil || g.st.Fingerprint != ""
}

// announced is what SDP says instead of a bound address.
func (r *realm) announced(a netip.AddrPort) netip.AddrPort {
	if r.cfg.Advertise.IsValid() {
		return netip.AddrPortFrom(r.cfg.Advertise, a.Port())
	}
	return a
}

// abandon gives back what allocate took.
func (g *leg) abandon() {
	g.session.engine.forget(g.credentials...)
	g.realm.ports.close(&g.pair)
}

// arrive puts a new leg to work.
func (g *leg) arrive(l *loop) {
	if g.pair.rest != nil {
		l.adopt(&g.pair, &g.rtp)
	} else {
		g.watch(l)
	}
	l.arm(&g.timers[timerReport], abreast(l.now+int64(g.report.first())))
}

// leave takes the leg out of its loop and frees everything it holds.
func (g *leg) leave(l *loop) {
	g.gone, g.open = true, false
	g.digits.stop(g)
	g.setPath(l, nil)
	if other := g.session.legs[1-g.id]; other != nil {
		other.setPath(l, nil)
	}
	for t := range g.clocks {
		l.disarm(t)
	}
	for _, p := range g.ice.pairs {
		g.dropPair(l, p)
	}
	g.unshake()
	g.crypt = nil
	g.session.engine.disclaim(g.latch.announced)
	if g.latch.source != g.latch.announced {
		g.session.engine.disclaim(g.latch.source)
	}
	g.part(l)
	g.abandon()
}

// part takes the leg's sockets out of its loop. The RTP socket may rest there, unless it has lost something, which the kernel would count again.
func (g *leg) part(l *loop) {
	if g.pair.rtp < 0 {
		return
	}
	l.flushOwn()
	var lost uint64
	if g.in.packets > 0 {
		lost = uint64(kernelDrops(g.rtp.fd))
		l.count.full.Add(lost)
	}
	if lost > 0 || !g.realm.ports.rest(l, &g.pair, &g.rtp) {
		l.forget(&g.rtp)
	}
	if g.rtcp == nil {
		return
	}
	if g.in.packets > 0 {
		l.count.full.Add(uint64(kernelDrops(g.rtcp.fd)))
	}
	l.forget(&g.rtcp.sock)
}

// watch and unwatch put the port pair into a loop and take it out. A socket that epoll refuses hears nothing; the leg still sends.
func (g *leg) watch(l *loop) {
	if g.pair.rtp < 0 {
		return
	}
	_ = l.watch(&g.rtp)
	if g.rtcp != nil {
		_ = l.watch(&g.rtcp.sock)
	}
}

func (g *leg) unwatch(l *loop) {
	if g.pair.rtp < 0 {
		return
	}
	l.unwatch(&g.rtp)
	if g.rtcp != nil {
		l.unwatch(&g.rtcp.sock)
	}
}

// openRTCP opens the RTCP socket: there is media, and with it something to report. When another program has taken the port meanwhile, the
// call goes on without RTCP, and the next report tries again.
func (g *leg) openRTCP(l *loop) {
	if g.pair.rtp < 0 || g.pair.rtcp >= 0 || g.st.Mux || g.pair.openRTCP(g.realm.cfg.DSCP) != nil {
		return
	}
	g.startRTCP()
	_ = l.watch(&g.rtcp.sock)
}

// rtcpSock is a leg's RTCP socket, and where reports go.
type rtcpSock struct {
	sock
	to      sockaddr
	settled bool // the peer has reported from there since the last offer/answer: no other port draws our reports away
	stray   stray
}

// aim points reports at an address that has yet to prove itself.
func (r *rtcpSock) aim(at netip.AddrPort) { r.to, r.settled, r.stray = sockaddrOf(at), false, stray{} }

// settle points reports where the peer's come from.
func (r *rtcpSock) settle(at netip.AddrPort) {
	if r.settled = true; r.to.addr != at {
		r.to = sockaddrOf(at)
	}
}

// startRTCP notes that the pair's RTCP socket is open.
func (g *leg) startRTCP() {
	g.realm.ports.rtcp.Add(1)
	g.rtcp = &rtcpSock{sock: sock{fd: int(g.pair.rtcp), kind: sockRTCP, leg: g}, to: sockaddrOf(g.reportsTo())}
}

// bind takes a negotiated stream, at first or after a re-offer.
func (g *leg) bind(l *loop, st offer.Stream) {
	if st.Refused {
		g.mute()
		g.expect(l)
		return
	}
	was, first := g.st, !g.bound
	g.agree(st)
	g.bound = true
	g.restart(st.Local)
	g.in.rebase(st.Recv.Clock)
	g.secure = g.mustEncrypt()
	if g.profile == offer.RTP {
		g.bindTrunk(l)
	}
	g.bindKeys(l, was, first)
	g.expect(l)
}

// mute stops media both ways: the peer has set the stream's port to 0. What was agreed stays, so that the stream goes on without a gap when
// it comes back (RFC 3264 section 8.2).
func (g *leg) mute() {
	st := g.st
	st.MaySend, st.MayRecv = false, false
	g.agree(st)
}

// bindTrunk points the leg at the announced address and gives it one chance to learn another.
func (g *leg) bindTrunk(l *loop) {
	e, remote := g.session.engine, unmapped(g.st.Remote)
	if remote.IsValid() && !sendable(remote, g.realm.cfg.AllowLoopback) {
		l.drop(DropTarget, remote, g)
		remote = netip.AddrPort{}
	}
	if !remote.IsValid() {
		g.open = false
		return
	}
	if remote != g.latch.announced {
		e.disclaim(g.latch.announced)
		if g.latch.source != g.latch.announced {
			e.disclaim(g.latch.source)
		}
		e.claim(remote)
	}
	g.latch.announce(remote, g.st.NAT)
	g.redirect()
}

// redirect points the leg at the peer that the latch believes, if it may be sent to.
func (g *leg) redirect() {
	g.open = g.latch.aimable()
	g.to = sockaddrOf(g.latch.source)
	if g.rtcp != nil {
		g.rtcp.aim(g.reportsTo())
	}
}

// reportsTo is the peer's RTCP address, as far as it has not reported from another.
func (g *leg) reportsTo() netip.AddrPort {
	rtcp := unmapped(g.st.RemoteRTCP)
	if !rtcp.IsValid() || g.latch.source != g.latch.announced {
		rtcp = netip.AddrPortFrom(g.latch.source.Addr(), g.latch.source.Port()+1)
	}
	return rtcp
}

func unmapped(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

// clocks are all timers of the leg.
func (g *leg) clocks(yield func(*timer) bool) {
	for i := range g.timers {
		if !yield(&g.timers[i]) {
			return
		}
	}
	if g.stoop != nil {
		yield(&g.stoop.again)
	}
}

// fire serves a timer of the leg.
func (g *leg) fire(l *loop, t *timer) {
	switch t.kind {
	case timerPlay:
		if p, ok := g.onward.(clocked); ok {
			p.tick(l, t)
		}
	case timerDigit:
		g.playDigit(l)
	case timerEvent:
		g.endDigit(l)
	case timerReport:
		g.sendReport(l)
	case timerConsent:
		g.consent(l)
	case timerSilence:
		g.listen(l)
	case timerCall:
		g.callOut(l)
	}
}

// fail reports that the leg's media cannot work. The call decides what follows.
func (g *leg) fail(reason string) {
	g.session.tell(Event{Kind: EventFailed, Leg: g.id, Reason: reason})
}

// stats are the leg's counters, and what they say of it.
func (g *leg) stats(l *loop) LegStats {
	return LegStats{
		AudioIn: g.audioIn(l.now), AudioOut: g.audioOut(), Quality: g.quality(),
		PacketsIn: g.in.packets, OctetsIn: g.in.octets, PacketsOut: g.out.packets,
		Lost: uint64(max(g.in.lost(), 0)), Jitter: g.in.jitter.Duration(int(g.in.clock)), RTT: time.Duration(g.report.rtt), Codec: g.st.Recv.Name,
	}
}
