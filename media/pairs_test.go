package media

import (
	"net/netip"
	"testing"
	"time"
)

// paths drives checks of a leg's browser from several sources.
type paths struct {
	t *testing.T
	l *loop
	g *leg
	c func(nominating bool) []byte // a new check
}

var (
	wifi   = netip.MustParseAddrPort("192.0.2.1:1000")
	mobile = netip.MustParseAddrPort("203.0.113.1:3000")
	evil   = netip.MustParseAddrPort("198.51.100.66:5000")
)

func newPaths(t *testing.T) *paths {
	l, _, g, local := twoLoops(t)
	l.now = int64(time.Second)
	return &paths{t: t, l: l, g: g, c: func(nominating bool) []byte {
		if nominating {
			return binding(local, nominates)
		}
		return binding(local)
	}}
}

// hear lets the leg's loop hear something from src.
func (k *paths) hear(b []byte, src netip.AddrPort) {
	k.l.admit(k.l.doors[0], append([]byte(nil), b...), src)
	k.l.doors[0].out.n, k.l.made.next = 0, 0
}

func (k *paths) check(src netip.AddrPort)    { k.hear(k.c(false), src) }
func (k *paths) nominate(src netip.AddrPort) { k.hear(k.c(true), src) }

func (k *paths) wait(d time.Duration) {
	k.l.now += int64(d)
	k.l.clock()
}

func (k *paths) goesTo(want netip.AddrPort, when string) {
	k.t.Helper()
	if !k.g.open || k.g.to.addr != want {
		k.t.Errorf("%s: media goes to %s (%t), want %s", when, k.g.to.addr, k.g.open, want)
	}
}

// Checks from one address are no consent of another: who is named by one check with a forged source is sent media for seconds, whatever
// comes from elsewhere (T19).
func TestConsentOfAnotherPair(t *testing.T) {
	k := newPaths(t)
	k.nominate(wifi)
	k.nominate(evil)
	for range 20 / 5 {
		k.wait(5 * time.Second)
		k.check(wifi)
	}
	k.goesTo(wifi, "after 20 s")
	for range 600 / 5 {
		k.wait(5 * time.Second)
		k.check(wifi)
	}
	k.goesTo(wifi, "after ten minutes")
}

// A pair that is checked too seldom to overtake has the media when consent of the other has ended, and no later.
func TestConsentEndsWithThePair(t *testing.T) {
	k := newPaths(t)
	k.check(mobile)
	k.nominate(wifi)
	k.wait(20 * time.Second)
	k.check(mobile)
	k.wait(consentLimit - 20*time.Second - 1)
	k.goesTo(wifi, "as long as there is consent")
	k.wait(1)
	k.goesTo(mobile, "behind it")
	k.wait(20*time.Second - 1)
	k.goesTo(mobile, "as long as that is checked")
	k.wait(1)
	if k.g.open || k.g.ice.last != 0 {
		t.Errorf("media goes to %s without consent of anybody", k.g.to.addr)
	}
	k.check(wifi)
	k.goesTo(wifi, "when the browser is back")
}

// A browser that pauses its checks of the pair in use stays there, whatever else it checks.
func TestAPauseOfChecksMovesNothing(t *testing.T) {
	k := newPaths(t)
	k.check(mobile)
	k.nominate(wifi)
	for range 10 {
		for range 12 {
			k.wait(time.Second)
			k.check(mobile)
			k.goesTo(wifi, "in the pause")
		}
		k.check(wifi)
	}
}
