package media

import (
	"net/netip"
	"testing"
	"time"

	"drawbridge/media/offer"
)

// paths drives checks and media of a leg's browser from several sources.
type paths struct {
	*bench
	t     *testing.T
	local offer.Local
}

var (
	wifi   = netip.MustParseAddrPort("192.0.2.1:1000")
	mobile = netip.MustParseAddrPort("203.0.113.1:3000")
	evil   = netip.MustParseAddrPort("198.51.100.66:5000")
)

func newPaths(t *testing.T) *paths {
	t.Helper()
	b := newBench(t, profiles["GCM"], opusCodec, opusCodec)
	return &paths{bench: b, t: t, local: offer.Local{Ufrag: b.a.credentials[0].ufrag, Pwd: b.a.credentials[0].pwd}}
}

// hear lets the gateway hear something from src.
func (k *paths) hear(b []byte, src netip.AddrPort) {
	d := k.l.doors[0]
	k.l.admit(d, append(make([]byte, 0, slotSize), b...), src)
	d.out.n, k.l.made.next = 0, 0
}

func (k *paths) check(src netip.AddrPort)    { k.hear(binding(k.local), src) }
func (k *paths) nominate(src netip.AddrPort) { k.hear(binding(k.local, nominates), src) }

func (k *paths) speak(src netip.AddrPort) { k.hear(k.fromBrowser(k.t, make([]byte, 80)), src) }

// report is RTCP, all that a browser sends that only listens.
func (k *paths) report(src netip.AddrPort) {
	k.t.Helper()
	b, err := k.browser.EncryptRTCP(nil, rtcpPacket(1, rtcpRR, 0xaaaa, k.a.out.ssrc, 0, 1000, 0, 0, 0), nil)
	if err != nil {
		k.t.Fatal(err)
	}
	k.hear(b, src)
}

// talk is speech from src.
func (k *paths) talk(src netip.AddrPort, d time.Duration) {
	for ; d > 0; d -= 20 * time.Millisecond {
		k.speak(src)
		k.step()
	}
}

func (k *paths) wait(d time.Duration) {
	k.l.now += int64(d)
	k.l.clock()
}

func (k *paths) goesTo(want netip.AddrPort, when string) {
	k.t.Helper()
	if !k.a.open || k.a.to.addr != want {
		k.t.Errorf("%s: media goes to %s (%t), want %s", when, k.a.to.addr, k.a.open, want)
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
	if k.a.open || k.a.ice.last != 0 {
		t.Errorf("media goes to %s without consent of anybody", k.a.to.addr)
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

// A check that is sent again from elsewhere verifies nothing: not where it comes second, and not where it was kept back. From the pair in use
// it counts, whoever was faster.
func TestAReplayedCheckIsNotBelieved(t *testing.T) {
	k := newPaths(t)
	seen := binding(k.local, nominates)
	k.hear(seen, wifi)
	k.hear(seen, evil)
	k.wait(time.Second)
	k.hear(seen, evil)
	k.goesTo(wifi, "before media")
	if n := k.l.count.drop[DropSTUNReplay].Load(); n != 2 || k.a.known(evil) != nil {
		t.Errorf("%d refused", n)
	}
	k.wait(time.Second)
	k.hear(seen, wifi)
	if n := k.l.count.drop[DropSTUNReplay].Load(); n != 2 {
		t.Error("a browser may not repeat its check")
	}
	raced := binding(k.local)
	k.hear(raced, evil)
	k.hear(raced, wifi)
	if n := k.l.count.drop[DropSTUNReplay].Load(); n != 2 || k.a.known(wifi).checked != k.l.now {
		t.Error("the browser's own check was refused")
	}
}

// Whoever has old checks of a browser, more than anybody remembers, draws nothing as long as it speaks, or checks and reports.
func TestOldChecksDrawNothing(t *testing.T) {
	k := newPaths(t)
	k.nominate(wifi)
	k.talk(wifi, time.Second)
	for range 10 {
		for range 5 {
			k.nominate(evil)
			k.talk(wifi, 200*time.Millisecond)
			k.goesTo(wifi, "while the browser speaks")
		}
	}
	for range 10 { // it only listens
		k.report(wifi)
		for range 2 {
			k.check(wifi)
			k.wait(1250 * time.Millisecond)
			k.nominate(evil)
			k.wait(1250 * time.Millisecond)
			k.goesTo(wifi, "while the browser listens")
		}
	}
	k.wait(pairSilence)
	k.nominate(evil)
	k.goesTo(evil, "nothing tells it from a browser that has moved")
	k.speak(wifi)
	k.goesTo(wifi, "when the browser speaks")
	k.wait(pairSilence)
	k.nominate(evil)
	k.nominate(wifi)
	k.goesTo(wifi, "when the browser nominates its pair again")
}

// A browser that changes networks has its media at once: it speaks there, or it was silent on the old pair.
func TestABrowserChangesNetworks(t *testing.T) {
	moves := map[string]func(k *paths){
		"it speaks there": func(k *paths) {
			k.nominate(mobile)
			k.goesTo(wifi, "nominated alone")
			k.speak(mobile)
		},
		"it has spoken there before": func(k *paths) {
			k.check(mobile)
			k.speak(mobile)
			k.goesTo(wifi, "not nominated")
			k.nominate(mobile)
		},
		"it reports from there": func(k *paths) {
			k.nominate(mobile)
			k.report(mobile)
		},
		"it was silent": func(k *paths) {
			k.wait(pairSilence)
			k.nominate(mobile)
		},
		"it falls silent, and nominates once": func(k *paths) {
			k.nominate(mobile)
			k.wait(pairSilence)
			k.check(mobile)
		},
		"it speaks there, and does not nominate": func(k *paths) {
			for range overtaken {
				k.wait(time.Second)
				k.check(mobile)
				k.speak(mobile)
			}
			k.check(mobile)
		},
	}
	for name, move := range moves {
		k := newPaths(t)
		k.nominate(wifi)
		k.talk(wifi, time.Second)
		k.check(wifi)
		k.talk(wifi, 100*time.Millisecond)
		move(k)
		k.goesTo(mobile, name)
		k.check(wifi) // a last one, that was on its way
		k.goesTo(mobile, name+", and stays")
	}
}

// Before anything is heard the pair that was nominated last has the media: a browser shakes hands on the first one that works.
func TestNominationBeforeMedia(t *testing.T) {
	k := newPaths(t)
	k.check(wifi)
	k.nominate(mobile)
	k.goesTo(mobile, "at first")
	k.nominate(wifi)
	k.goesTo(wifi, "and again")
}

// A page that has been loaded again need not speak to have the media of the call: nobody has heard it before.
func TestNominationOfAnotherBrowser(t *testing.T) {
	k := newPaths(t)
	k.nominate(wifi)
	k.talk(wifi, time.Second)
	st := k.a.st
	st.Fingerprint = "sha-256 00"
	k.a.bind(k.l, st)
	k.nominate(mobile)
	k.goesTo(mobile, "nominated alone")
}

// Tracing allocates nothing, with a nomination that waits and without.
func TestTracingAllocatesNothing(t *testing.T) {
	if underRace {
		t.Skip("the race detector allocates")
	}
	k := newPaths(t)
	k.nominate(wifi)
	k.nominate(mobile)
	k.nominate(wifi)
	k.speak(wifi)
	k.nominate(evil)
	if n := testing.AllocsPerRun(100, func() { k.a.trace(k.l, wifi) }); n != 0 {
		t.Error(n)
	}
}

// An account that checks from somebody's source before he does, by forging it, has nothing of it but a moment: checks alone hold no source, and
// a browser that is heard keeps its own.
func TestASourceTakenBeforehand(t *testing.T) {
	k := newPaths(t)
	thief := &bench{l: k.l, s: k.l.engine.Open("thief", func(Event) {})}
	thief.s.owner.Store(k.l)
	other := thief.seat(t, A, "access", offer.WebRTC).credentials[0]
	t.Cleanup(func() { thief.s.end(k.l) })
	forge := func(d time.Duration) {
		for ; d > 0; d -= 100 * time.Millisecond {
			k.hear(binding(offer.Local{Ufrag: other.ufrag, Pwd: other.pwd}, nominates), wifi)
			k.wait(100 * time.Millisecond)
		}
	}
	holder := func() *leg { return k.l.doors[0].known[wifi].leg }
	forge(time.Minute)
	k.nominate(wifi)
	forge(guestTrial)
	if holder() != k.a {
		t.Fatal("the browser has no time to shake hands")
	}
	forge(guestTrial)
	if holder() == k.a {
		t.Fatal("a source is held by checks alone")
	}
	k.nominate(wifi)
	k.speak(wifi)
	for range 40 {
		forge(2500 * time.Millisecond)
		k.nominate(wifi)
		k.speak(wifi)
	}
	if n := k.a.in.packets; holder() != k.a || n != 41 {
		t.Errorf("%d of 41 packets came to the browser's leg", n)
	}
}
