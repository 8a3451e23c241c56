package media

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"drawbridge/media/offer"

	"github.com/pion/stun/v4"
)

// restarted binds a leg's stream with credentials of a restart, as b2bua does behind the answer.
func restarted(l *loop, g *leg, local offer.Local, n int) offer.Local {
	local.Ufrag, local.Pwd = fmt.Sprintf("fragment%d", n), strings.Repeat("p", 24+n)
	st := g.st
	st.Local = local
	g.bind(l, st)
	return local
}

var nominates = stun.RawAttribute{Type: stun.AttrUseCandidate}

// verdict is what becomes of one check.
func verdict(t *testing.T, l *loop, local offer.Local, src netip.AddrPort) Drop {
	t.Helper()
	unknown := l.count.drop[DropSTUNUser].Load()
	l.admit(l.doors[0], binding(local, nominates), src)
	if l.count.drop[DropSTUNUser].Load() > unknown {
		return DropSTUNUser
	}
	if m := reply(t, l); m.Type != stun.BindingSuccess || stun.NewShortTermIntegrity(local.Pwd).Check(m) != nil {
		t.Errorf("reply %s is not by the credentials of the check", m)
	}
	l.made.next = 0
	return Delivered
}

// Before the new credentials are validated the old pair carries the call, however long that takes; behind it the old ones are good as long as
// checks name them, and refused after.
func TestRestartKeepsTheOldPairUntilTheNewOneIsValid(t *testing.T) {
	l, _, g, old := twoLoops(t)
	here, there := netip.MustParseAddrPort("192.0.2.1:1000"), netip.MustParseAddrPort("198.51.100.1:2000")
	verdict(t, l, old, here)
	fresh := restarted(l, g, old, 1)
	if g.to.addr != here || !g.open {
		t.Fatal("the restart alone moved the media")
	}
	for range 10 {
		l.now += int64(consentLimit) - 1
		if v := verdict(t, l, old, here); v != Delivered || g.to.addr != here {
			t.Fatalf("old credentials before the new ones are valid: %v, media to %s", v, g.to.addr)
		}
	}
	if v := verdict(t, l, fresh, there); v != Delivered || g.to.addr != there {
		t.Fatalf("new credentials: %v, media to %s", v, g.to.addr)
	}
	if v := verdict(t, l, old, here); v != Delivered {
		t.Errorf("a check that was in flight: %v", v)
	}
	verdict(t, l, fresh, there)
	for range 10 { // Chromium on a pair of before
		l.now += int64(consentLimit) / 2
		if v := verdict(t, l, old, here); v != Delivered {
			t.Fatalf("old credentials that are in use: %v", v)
		}
	}
	l.now += int64(consentLimit) + 1
	if v := verdict(t, l, old, here); v != DropSTUNUser {
		t.Errorf("old credentials that were left: %v", v)
	}
	if v := verdict(t, l, fresh, there); v != Delivered || g.to.addr != there {
		t.Errorf("new credentials at the end: %v, media to %s", v, g.to.addr)
	}
	if n := len(g.session.engine.ufrags); n != 1 {
		t.Errorf("%d credentials are left", n)
	}
}

// A page that restarts without end, and never comes back by any of its answers, neither fills the memory nor loses its call.
func TestRestartsAreBounded(t *testing.T) {
	l, _, g, old := twoLoops(t)
	here := netip.MustParseAddrPort("192.0.2.1:1000")
	verdict(t, l, old, here)
	var fresh offer.Local
	for n := range 100 {
		fresh = restarted(l, g, old, n)
		restarted(l, g, old, n) // a hold behind it
	}
	if n := len(g.session.engine.ufrags); n != maxCredentials || len(g.credentials) != n {
		t.Errorf("%d credentials, %d of the leg", n, len(g.credentials))
	}
	if verdict(t, l, old, here) != Delivered || verdict(t, l, fresh, here) != Delivered {
		t.Error("the credentials in use or the newest were given up")
	}
	g.session.end(l)
	if n := len(g.session.engine.ufrags); n != 0 {
		t.Errorf("%d credentials outlive the call", n)
	}
}

// Credentials of another call are not taken over, and go on when this one ends.
func TestRestartTakesNobodysCredentials(t *testing.T) {
	l, _, victim, theirs := twoLoops(t)
	e := victim.session.engine
	s := e.Open("thief", func(Event) {})
	thief := newLeg(s, A, e.realms.get("access"), offer.WebRTC)
	if _, err := thief.allocate(); err != nil {
		t.Fatal(err)
	}
	s.owner.Store(l)
	s.place(l, thief)
	thief.bind(l, offer.Stream{Local: theirs, Send: opusCodec, Recv: opusCodec})
	if e.ufrags[theirs.Ufrag].leg != victim {
		t.Error("taken over")
	}
	s.end(l)
	if verdict(t, l, theirs, netip.MustParseAddrPort("192.0.2.1:1000")) != Delivered {
		t.Error("the victim's credentials went with the thief")
	}
}
