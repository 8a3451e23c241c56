package media

import (
	"bytes"
	"crypto/rand"
	"net/netip"

	"github.com/pion/stun/v4"
)

// The gateway is an ICE-lite agent (RFC 8445 section 2.5): it answers checks and sends none. What it learns from them is which
// sources are the browser: no other may speak DTLS, RTP or RTCP here, and media goes nowhere else.

// Lengths of our credentials, in characters of six bits; RFC 8839 section 5.4 asks for 4 and 22 at least.
const (
	ufragLength = 8
	pwdLength   = 24
)

// credential is what an ICE user fragment of ours stands for.
type credential struct {
	leg        *leg
	ufrag, pwd string
	checked    int64 // time of the last verified check, for the owner of the leg; 0 before the first
}

// success is the code of a response that is no error.
const success stun.ErrorCode = 0

// newCredential makes a leg's first credentials; see restart.go for more.
func (e *Engine) newCredential(g *leg) *credential {
	c := &credential{leg: g, pwd: iceText(pwdLength)}
	for {
		c.ufrag = iceText(ufragLength)
		if e.know(c) {
			return c
		}
	}
}

// know makes credentials valid; false when their user fragment is another's.
func (e *Engine) know(c *credential) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, taken := e.ufrags[c.ufrag]; taken {
		return false
	}
	e.ufrags[c.ufrag] = c
	return true
}

// forget ends the validity of credentials.
func (e *Engine) forget(cs ...*credential) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range cs {
		delete(e.ufrags, c.ufrag)
	}
}

// iceText is n random ice-chars (RFC 8839 section 5.4: ALPHA, DIGIT, "+", "/").
func iceText(n int) string {
	const chars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	for i := range b {
		b[i] = chars[b[i]&63]
	}
	return string(b)
}

// addressee reads a STUN message into l.check and finds whose user fragment it names. Nothing is answered before integrity.
func (l *loop) addressee(b []byte) (*leg, Drop) {
	c, drop := l.credential(b)
	if drop != Delivered {
		return nil, drop
	}
	return c.leg, Delivered
}

// credential reads a Binding request into l.check and looks up the user fragment that it is for.
func (l *loop) credential(b []byte) (*credential, Drop) {
	if !stun.IsMessage(b) || stun.Decode(b, &l.check) != nil {
		return nil, DropSTUN
	}
	switch l.check.Type {
	case stun.BindingRequest:
	case stun.NewType(stun.MethodBinding, stun.ClassIndication): // keepalive: nothing to do and nothing wrong
		return nil, DropHeld
	default:
		return nil, DropSTUN
	}
	if stun.Fingerprint.Check(&l.check) != nil {
		return nil, DropSTUNIntegrity
	}
	user, err := l.check.Get(stun.AttrUsername)
	if err != nil {
		return nil, DropSTUN
	}
	ours, _, _ := bytes.Cut(user, []byte{':'}) // RFC 8445 section 7.2.2: ours first
	l.engine.mu.RLock()
	c, ok := l.engine.ufrags[string(ours)]
	l.engine.mu.RUnlock()
	if !ok {
		return nil, DropSTUNUser
	}
	return c, Delivered
}

// check answers a connectivity check of this leg's browser (RFC 8445 section 7.3) and learns its source. Its media would leave by the socket
// that the check has come in on, so that one has to be of the leg's own realm.
func (g *leg) check(l *loop, d *door, via *loop, b []byte, src netip.AddrPort) Drop {
	if d.realm.name != g.realm.name {
		return DropSTUNUser
	}
	if !g.seated() {
		l.commands() // it may have been added since this round began, and its session given away at once
		if owner := g.session.owner.Load(); owner != l {
			return l.handOver(owner, g, d.id, via, b, src)
		}
	}
	c, drop := l.credential(b)
	if drop != Delivered {
		return drop
	}
	if !g.seated() {
		return DropSTUNUser
	}
	if c.leg != g || stun.NewShortTermIntegrity(c.pwd).Check(&l.check) != nil {
		return DropSTUNIntegrity
	}
	if l.moves(g.session, via) {
		return l.handOver(via, g, d.id, via, b, src)
	}
	if !g.heed(l, c) {
		return DropSTUNUser
	}
	if g.replayed(l.check.TransactionID, src) {
		return DropSTUNReplay
	}
	controlled, nominates := attributes(&l.check)
	to := sockaddrOf(src)
	if controlled { // we are lite, so the browser controls, whatever it believes (RFC 8445 section 7.3.1.1)
		l.answer(d, c.pwd, &to, stun.CodeRoleConflict)
		return Delivered
	}
	l.answer(d, c.pwd, &to, success)
	g.learn(l, d, via, to, nominates)
	return Delivered
}

// seated tells whether the leg is at work: before, it is still the goroutine's that makes it, and afterwards nobody's.
func (g *leg) seated() bool { return g.session.legs[g.id] == g }

// attributes reads what counts for the role. What follows MESSAGE-INTEGRITY is not authentic and is ignored.
func attributes(m *stun.Message) (controlled, nominates bool) {
	for _, a := range m.Attributes {
		switch a.Type {
		case stun.AttrMessageIntegrity:
			return controlled, nominates
		case stun.AttrICEControlled:
			controlled = true
		case stun.AttrUseCandidate:
			nominates = true
		default: // says nothing about the role
		}
	}
	return controlled, nominates
}

// answer sends the response to the request in l.check, authenticated by pwd. It is never longer than twice the request (T10).
func (l *loop) answer(d *door, pwd string, to *sockaddr, code stun.ErrorCode) {
	m := &l.reply
	m.Reset()
	m.Type = stun.BindingSuccess
	if code != success {
		m.Type = stun.BindingError
	}
	m.TransactionID = l.check.TransactionID
	m.WriteHeader()
	var err error
	if code == success {
		ip := to.addr.Addr().As16()
		err = (&stun.XORMappedAddress{IP: ip[:], Port: int(to.addr.Port())}).AddTo(m)
	} else {
		err = code.AddTo(m)
	}
	if err == nil {
		err = stun.NewShortTermIntegrity(pwd).AddTo(m)
	}
	if err == nil {
		err = stun.Fingerprint.AddTo(m)
	}
	if err != nil { // impossible with these attributes; the browser would ask again
		return
	}
	b := l.slot()
	l.queue(d.id, b[:copy(b, m.Raw)], to)
}

// vouch tells the socket of a pair, at every verified check, that its source is this leg's.
func (g *leg) vouch(l *loop, p *icePair) {
	src, door, proven := p.to.addr, p.door, p.proven
	if p.via == l { // the rule: no closure, no command
		l.doors[door].seat(src, g, proven, l.now)
		return
	}
	p.via.post(soon, func(at *loop) { at.doors[door].seat(src, g, proven, at.now) })
}

// prove notes that whoever checks from a pair's source has the leg's keys.
func (g *leg) prove(l *loop, p *icePair) {
	if p != nil && !p.proven {
		p.proven = true
		g.vouch(l, p)
	}
}

// seat makes a source the guest of a leg, unless another leg keeps it: an account with a forged source must not make somebody else's call deaf.
func (d *door) seat(src netip.AddrPort, g *leg, proven bool, now int64) {
	is := guest{leg: g, checked: now, since: now, proven: proven}
	if was, ok := d.known[src]; ok && was.leg == g {
		is.since = was.since
	} else if ok && was.keeps(proven, now) {
		return
	}
	d.known[src] = is
}

// keeps tells whether a guest's leg holds its source against another whose check has come from there. Checks can be forged beforehand, to wait
// for somebody's first one: a leg whose checks nothing has followed has the source for the time of a handshake, and then the other one has it
// as long. A leg that is heard from its source keeps it while its checks go on.
func (was guest) keeps(proven bool, now int64) bool {
	switch {
	case now-was.checked >= int64(guestSilence):
		return false
	case was.proven != proven:
		return was.proven
	}
	return was.proven || now-was.since < int64(guestTrial)
}

// dropPair has the socket of a pair forget its source.
func (g *leg) dropPair(l *loop, p icePair) {
	src, door, gone := p.to.addr, p.door, g.gone // looked up here: the socket may be another loop's
	p.via.soon(l, func(at *loop) {
		d := at.doors[door]
		if d.known[src].leg != g {
			return
		}
		delete(d.known, src)
		if gone {
			d.ended.add(src, at.now)
		}
	})
}

// soon runs fn on l: at once when from is l already.
func (l *loop) soon(from *loop, fn func(at *loop)) {
	if l == from {
		fn(l)
		return
	}
	l.post(soon, fn)
}

// moves gives a session to the loop where its browser's packets come in, at its first verified check, unless it waits there (steer.go);
// later ones are handed over. SO_REUSEPORT keeps a 5-tuple on its socket, so this happens once, before media.
func (l *loop) moves(s *Session, via *loop) bool {
	if s.adopted || s.coming && via != l { // gone and back since its browser's check was handed over: the next one will do
		return false
	}
	s.adopted = true
	if via == l {
		return false
	}
	return l.give(s, via, soon)
}

// give hands a session's sockets and timers to another loop; false when that has ended.
func (l *loop) give(s *Session, to *loop, when haste) bool {
	type due struct {
		t  *timer
		at int64
	}
	l.flushOwn()
	var dues []due
	for _, g := range s.legs {
		if g == nil {
			continue
		}
		g.unwatch(l)
		for t := range g.clocks {
			if t.pos != 0 {
				dues = append(dues, due{t, t.at})
				l.disarm(t)
			}
		}
	}
	delete(l.sessions, s)
	s.coming = true
	take := func(at *loop) {
		s.coming = false
		at.sessions[s] = struct{}{}
		for _, g := range s.legs {
			if g != nil {
				g.watch(at)
			}
		}
		for _, d := range dues {
			at.arm(d.t, d.at)
		}
		if at.stopped {
			s.end(at)
		}
	}
	if !to.post(when, take) {
		take(l)
		return false
	}
	s.owner.Store(to) // now that no command can come there before the session
	return true
}
