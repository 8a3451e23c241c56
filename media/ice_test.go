package media

import (
	"net/netip"
	"runtime"
	"sync"
	"testing"

	"drawbridge/media/offer"

	"github.com/pion/stun/v4"
)

// twoLoops is a session on the first of two loops that the test drives, with a browser leg.
func twoLoops(t *testing.T) (first, second *loop, g *leg, local offer.Local) {
	t.Helper()
	e, err := New(Config{Loops: 2, Realms: map[string]Realm{"access": {WebRTC: []netip.AddrPort{netip.AddrPortFrom(localhost, 0)}}}})
	if err != nil {
		t.Fatal(err)
	}
	s := e.Open("roaming", func(Event) {})
	first = s.owner.Load()
	second = e.loops[1-first.index]
	g = newLeg(s, A, e.realms.get("access"), offer.WebRTC)
	if local, err = g.allocate(); err != nil {
		t.Fatal(err)
	}
	s.place(first, g)
	g.bind(first, offer.Stream{Send: opusCodec, Recv: opusCodec, MaySend: true, MayRecv: true})
	t.Cleanup(func() {
		s.end(s.owner.Load())
		e.release()
	})
	first.now, second.now = 1, 1
	return first, second, g, local
}

// binding is a connectivity check as a browser sends it.
func binding(local offer.Local, more ...stun.Setter) []byte {
	s := []stun.Setter{stun.TransactionID, stun.BindingRequest, stun.NewUsername(local.Ufrag + ":theirs")}
	s = append(s, more...)
	s = append(s, stun.NewShortTermIntegrity(local.Pwd), stun.Fingerprint)
	return stun.MustBuild(s...).Raw
}

// reply takes what a loop has queued on its browser socket.
func reply(t *testing.T, l *loop) *stun.Message {
	t.Helper()
	o := &l.doors[0].out
	if o.n != 1 {
		t.Fatalf("%d replies", o.n)
	}
	m := stun.New()
	b := l.made.all[l.made.next-1].b[:o.iov[0].Len]
	if err := stun.Decode(b, m); err != nil {
		t.Fatal(err)
	}
	o.n = 0
	return m
}

// The session goes to the loop of its first verified check; a 5-tuple that comes in elsewhere later is handed over.
func TestSessionFollowsItsBrowserOnce(t *testing.T) {
	first, second, g, local := twoLoops(t)
	here, there := netip.MustParseAddrPort("192.0.2.1:1000"), netip.MustParseAddrPort("192.0.2.1:2000")

	second.admit(second.doors[0], binding(local), here)
	first.unpack()
	if g.session.owner.Load() != second {
		t.Fatal("not adopted by the loop of the first check")
	}
	second.unpack()
	m := reply(t, second)
	var mapped stun.XORMappedAddress
	if m.Type != stun.BindingSuccess || mapped.GetFrom(m) != nil || mapped.Port != 1000 || stun.NewShortTermIntegrity(local.Pwd).Check(m) != nil || stun.Fingerprint.Check(m) != nil {
		t.Errorf("reply %s, mapped %v", m, mapped)
	}

	first.admit(first.doors[0], binding(local, stun.RawAttribute{Type: stun.AttrUseCandidate}), there)
	second.unpack()
	reply(t, second)
	if g.session.owner.Load() != second || g.to.addr != there {
		t.Errorf("owner moved, or media goes to %s", g.to.addr)
	}
	first.commands()
	before := second.count.drop[DropEarly].Load()
	first.admit(first.doors[0], []byte{0x80, 111, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 9}, there)
	second.unpack()
	if n := second.count.drop[DropEarly].Load() - before; n != 1 {
		t.Errorf("a packet of the second 5-tuple did not reach the owner: %d", n)
	}

	g.session.end(second)
	first.commands()
	if len(first.doors[0].known)+len(second.doors[0].known)+len(g.session.engine.ufrags) != 0 {
		t.Error("sources or credentials stay known after the end")
	}
}

// A source that a leg has no room for is forgotten by the loop where it came in, while the leg's own loop ends the call or after: it is not
// one whose call has ended. What the leg's loop writes then is for no other to read.
func TestAPairIsDroppedAsItsCallEnds(t *testing.T) {
	for _, during := range []bool{false, true} {
		first, second, g, _ := twoLoops(t)
		from := func(port uint16) netip.AddrPort { return netip.AddrPortFrom(localhost, port) }
		for i := range uint16(maxPairs + 1) {
			g.learn(first, first.doors[0], second, sockaddrOf(from(1000+i)), false)
		}
		var other sync.WaitGroup
		if during {
			other.Go(func() { second.commands() })
			for range 1000 { // no other order than this: a race is seen
				runtime.Gosched()
			}
		}
		g.session.end(first)
		other.Wait()
		second.commands()
		d := second.doors[0]
		if len(d.known) != 0 || d.ended.has(from(1001), 1) || !d.ended.has(from(1000), 1) {
			t.Errorf("during %t: %d sources known; ended: the one dropped %t, the selected one %t",
				during, len(d.known), d.ended.has(from(1001), 1), d.ended.has(from(1000), 1))
		}
	}
}

// A valid check of one call from the source of another (forged: both have accounts) takes nothing away; a source that has fallen silent
// may serve a new call.
func TestSourceOfALivingCallIsNotTaken(t *testing.T) {
	l, _, victim, local := twoLoops(t)
	src, door := netip.MustParseAddrPort("192.0.2.1:1000"), l.doors[0]
	l.admit(door, binding(local), src)
	e := victim.session.engine
	s := e.Open("thief", func(Event) {})
	thief := newLeg(s, A, e.realms.get("access"), offer.WebRTC)
	forged, err := thief.allocate()
	if err != nil {
		t.Fatal(err)
	}
	s.owner.Store(l)
	s.place(l, thief)
	t.Cleanup(func() { s.end(l) })

	victim.prove(l, victim.known(src))
	l.now += int64(guestSilence) - 1
	l.admit(door, binding(forged), src)
	if door.known[src].leg != victim {
		t.Fatal("the source of a living call was taken")
	}
	l.admit(door, binding(local), src)
	l.now += int64(guestSilence) - 1
	l.admit(door, binding(forged), src)
	if door.known[src].leg != victim {
		t.Error("the victim's own checks did not hold the source")
	}
	l.now++
	l.admit(door, binding(forged), src)
	if door.known[src].leg != thief {
		t.Error("a source without checks is kept for ever")
	}
	thief.prove(l, thief.known(src))
	l.admit(door, binding(local), src)
	if door.known[src].leg != thief {
		t.Error("the new holder has no protection")
	}
}

// What a browser sends before it has heard of the end is dropped like anything unknown, but alarms nobody.
func TestLastWordsOfABrowserAreNoAttack(t *testing.T) {
	l, _, g, local := twoLoops(t)
	browser, stranger := netip.MustParseAddrPort("192.0.2.1:1000"), netip.MustParseAddrPort("192.0.2.1:2000")
	door := l.doors[0]
	l.admit(door, binding(local), browser)
	g.session.end(l)
	lastWords := [][]byte{{21, 0xfe, 0xfd, 0, 0}, {0x80, 111, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 9}, binding(local)}
	say := func(from netip.AddrPort) (ended, refused uint64) {
		before := [...]uint64{l.count.drop[DropEnded].Load(), l.count.drop[DropDTLSUnvalidated].Load() + l.count.drop[DropSource].Load() + l.count.drop[DropSTUNUser].Load()}
		for _, b := range lastWords {
			l.admit(door, b, from)
		}
		return l.count.drop[DropEnded].Load() - before[0], l.count.drop[DropDTLSUnvalidated].Load() + l.count.drop[DropSource].Load() + l.count.drop[DropSTUNUser].Load() - before[1]
	}
	if ended, refused := say(browser); ended != 3 || refused != 0 {
		t.Errorf("the browser: %d ended, %d refused; want 3 and 0", ended, refused)
	}
	if ended, refused := say(stranger); ended != 0 || refused != 3 {
		t.Errorf("a stranger: %d ended, %d refused; want 0 and 3", ended, refused)
	}
	l.now += int64(farewell) + 1
	if ended, refused := say(browser); ended != 0 || refused != 3 {
		t.Errorf("much later: %d ended, %d refused; want 0 and 3", ended, refused)
	}
}

func TestControlledPeerIsToldOfTheConflict(t *testing.T) {
	first, _, g, local := twoLoops(t)
	first.admit(first.doors[0], binding(local, stun.RawAttribute{Type: stun.AttrICEControlled, Value: make([]byte, 8)}), netip.MustParseAddrPort("192.0.2.1:1000"))
	m := reply(t, first)
	var code stun.ErrorCodeAttribute
	if m.Type != stun.BindingError || code.GetFrom(m) != nil || code.Code != stun.CodeRoleConflict {
		t.Errorf("reply %s", m)
	}
	if len(g.ice.pairs) != 0 {
		t.Error("a refused check was believed")
	}
}

func TestPairsAreBounded(t *testing.T) {
	first, _, g, local := twoLoops(t)
	for port := range uint16(100) {
		first.admit(first.doors[0], binding(local), netip.AddrPortFrom(localhost, 1000+port))
		reply(t, first)
		first.made.next = 0
	}
	if len(g.ice.pairs) != maxPairs || len(first.doors[0].known) != maxPairs {
		t.Errorf("%d pairs, %d known", len(g.ice.pairs), len(first.doors[0].known))
	}
	if g.known(g.to.addr) == nil {
		t.Error("the pair in use was given up")
	}
}

// USE-CANDIDATE behind MESSAGE-INTEGRITY is not authentic.
func TestForgedNominationIsIgnored(t *testing.T) {
	m := stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.NewShortTermIntegrity("x"), stun.RawAttribute{Type: stun.AttrUseCandidate})
	if _, nominates := attributes(m); nominates {
		t.Error("believed")
	}
}

func TestFingerprints(t *testing.T) {
	c, err := newCertificate()
	if err != nil {
		t.Fatal(err)
	}
	der := c.tls.Certificate[0]
	for fp, want := range map[string]bool{
		c.fingerprint:                        true,
		"SHA-256 " + c.fingerprint[8:]:       true,
		"sha-1 " + c.fingerprint[8:]:         false,
		"sha-256 AB":                         false,
		"":                                   false,
		"sha-256":                            false,
		c.fingerprint[:len(c.fingerprint)-1]: false,
	} {
		if matches(fp, der) != want {
			t.Errorf("matches(%q) = %v", fp, !want)
		}
	}
	if matches(c.fingerprint, nil) {
		t.Error("no certificate matches")
	}
}
