package media

import (
	"net/netip"
	"testing"
	"time"

	"drawbridge/media/offer"
	"drawbridge/telemetry"

	"github.com/google/go-cmp/cmp"
)

// patient is a bench whose call has been answered, in a realm that waits for 60 s; missing is what the operator is told.
func patient(t testing.TB) (b *bench, missing *[]string) {
	t.Helper()
	b, missing = newBench(t, profiles["GCM"], opusCodec, opusCodec), new([]string)
	b.l.engine.cfg.Events = telemetry.Listener{AudioMissing: func(e telemetry.AudioMissing) {
		*missing = append(*missing, e.Leg+" "+e.Direction+" "+e.Why)
	}}
	for _, g := range b.s.legs {
		g.realm.cfg.Inactivity = time.Minute
	}
	b.a.ice.last = b.l.now // ICE is up
	return b, missing
}

func (b *bench) answer() {
	b.s.talking = true
	b.a.expect(b.l)
	b.b.expect(b.l)
}

// pass lets time go by, with fn every 20 ms.
func (b *bench) pass(d time.Duration, fn func()) {
	for end := b.l.now + int64(d); b.l.now < end; {
		if fn != nil {
			fn()
		}
		b.step()
	}
}

func (b *bench) phoneTalks(t testing.TB) func() {
	return func() {
		if d := b.b.media(b.l, b.fromPhone(make([]byte, 80)), b.phone); d != Delivered {
			t.Fatal(d)
		}
	}
}

// ended tells which legs' media has failed for silence.
func (b *bench) ended() (legs string) {
	for _, ev := range b.events {
		if ev.Kind == EventFailed && ev.Reason == reasonSilence {
			legs += ev.Leg.String()
		}
	}
	return legs
}

// rrOf is a receiver report without blocks: a sign of life.
var rrOf = []byte{0x80, rtcpRR, 0, 1, 0, 0, 0xbb, 0xbb}

func TestSilenceEndsACall(t *testing.T) {
	rr := func(b *bench) { b.b.control(b.l, append([]byte(nil), rrOf...), b.phone) }
	for _, c := range []struct {
		name string
		run  func(t *testing.T, b *bench)
		want string // legs that have failed
	}{
		{"nobody has answered", func(_ *testing.T, b *bench) { b.pass(5*time.Minute, nil) }, ""},
		{"answered, and nothing comes", func(_ *testing.T, b *bench) {
			b.answer()
			b.pass(61*time.Second, nil)
		}, "both"},
		{"one side talks", func(t *testing.T, b *bench) {
			b.answer()
			b.pass(61*time.Second, b.phoneTalks(t))
		}, "a"},
		{"one side talked and stopped", func(t *testing.T, b *bench) {
			b.a.realm.cfg.Inactivity = -1
			b.answer()
			b.pass(30*time.Second, b.phoneTalks(t))
			b.pass(59*time.Second, nil)
			if b.ended() != "" {
				t.Error("a second too early")
			}
			b.pass(2*time.Second, nil)
		}, "b"},
		{"reports are a sign of life", func(_ *testing.T, b *bench) {
			b.a.realm.cfg.Inactivity = -1
			b.answer()
			for range 50 {
				rr(b)
				b.pass(5*time.Second, nil)
			}
		}, ""},
		{"held by a peer that may send music, and does not", func(t *testing.T, b *bench) {
			b.a.realm.cfg.Inactivity = -1
			b.answer()
			b.pass(30*time.Second, b.phoneTalks(t))
			st := b.b.st
			st.MaySend = false
			b.b.bind(b.l, st)
			b.pass(10*time.Minute, nil)
			if b.ended() != "" {
				t.Error("hold is no silence")
			}
			st.MaySend = true
			b.b.bind(b.l, st)
			b.pass(61*time.Second, nil)
		}, "b"},
		{"on hold", func(_ *testing.T, b *bench) {
			b.a.realm.cfg.Inactivity = -1
			b.answer()
			b.pass(30*time.Second, nil)
			st := b.b.st
			st.MayRecv = false
			b.b.bind(b.l, st)
			b.pass(10*time.Minute, nil)
			if b.ended() != "" {
				t.Error("hold is no silence")
			}
			st.MayRecv = true
			b.b.bind(b.l, st)
			b.pass(59*time.Second, nil)
			if b.ended() != "" {
				t.Error("time on hold counts")
			}
			b.pass(2*time.Second, nil)
		}, "b"},
		{"stream refused", func(_ *testing.T, b *bench) {
			b.a.realm.cfg.Inactivity = -1
			b.answer()
			b.b.bind(b.l, offer.Stream{Refused: true})
			b.pass(2*time.Minute, nil)
		}, ""},
		{"the trunk's own limit", func(_ *testing.T, b *bench) {
			b.a.realm.cfg.Inactivity, b.b.silence = -1, 2*time.Minute
			b.answer()
			b.pass(119*time.Second, nil)
			if b.ended() != "" {
				t.Error("too early")
			}
			b.pass(2*time.Second, nil)
		}, "b"},
		{"a trunk that may be silent", func(_ *testing.T, b *bench) {
			b.a.realm.cfg.Inactivity, b.b.silence = -1, -1
			b.answer()
			b.pass(5*time.Minute, nil)
		}, ""},
		{"a stranger's packets", func(_ *testing.T, b *bench) {
			b.a.realm.cfg.Inactivity = -1
			b.answer()
			b.pass(61*time.Second, func() { b.b.media(b.l, b.fromPhone(make([]byte, 80)), netip.MustParseAddrPort("192.0.2.1:9")) })
		}, "b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, _ := patient(t)
			c.run(t, b)
			got := b.ended()
			if len(got) == 2 { // whose turn comes first says nothing
				got = "both"
			}
			if got != c.want {
				t.Errorf("ended for silence: %q, want %q", got, c.want)
			}
		})
	}
}

// The operator hears once why there is no audio, and the record says the same.
func TestWhyThereIsNoAudio(t *testing.T) {
	payload := make([]byte, 80)
	for _, c := range []struct {
		name    string
		prepare func(b *bench)
		every   func(b *bench)
		after   time.Duration
		told    []string // of leg b, or of leg a where it says so
		in      Verdict
		out     Verdict
		leg     LegID
	}{
		{name: "nothing comes, nothing is sent", told: []string{"b in nothing-came"}, in: VerdictNever, out: VerdictNoSource, leg: B},
		{name: "reports only", every: func(b *bench) { b.b.control(b.l, append([]byte(nil), rrOf...), b.phone) },
			told: []string{"b in reports-only"}, in: VerdictReports, out: VerdictNoSource, leg: B},
		{name: "from elsewhere", every: func(b *bench) {
			b.l.drop(b.b.media(b.l, b.fromPhone(payload), netip.MustParseAddrPort("192.0.2.1:9")), b.phone, b.b)
		},
			told: []string{"b in wrong-source"}, in: VerdictSource, out: VerdictNoSource, leg: B},
		{name: "another payload type", every: func(b *bench) {
			p := b.fromPhone(payload)
			p[1] = 99
			b.l.drop(b.b.media(b.l, p, b.phone), b.phone, b.b)
		}, told: []string{"b in payload-type"}, in: VerdictPayload, out: VerdictNoSource, leg: B},
		{name: "no RTP", every: func(b *bench) { b.l.drop(b.b.media(b.l, make([]byte, 80), b.phone), b.phone, b.b) },
			told: []string{"b in malformed"}, in: VerdictMalformed, out: VerdictNoSource, leg: B},
		{name: "on hold", prepare: func(b *bench) { b.b.st.MayRecv, b.b.st.MaySend = false, false }, in: VerdictHeld, out: VerdictHeld, leg: B},
		{name: "no address", prepare: func(b *bench) { b.b.open = false }, told: []string{"b in nothing-came"}, in: VerdictNever, out: VerdictAddress, leg: B},
		{name: "a browser that does not reach us", prepare: func(b *bench) { b.a.ice.last = 0 },
			told: []string{"a in no-ice"}, in: VerdictICE, out: VerdictICE, leg: A},
		{name: "no handshake", prepare: func(b *bench) { b.a.crypt = nil }, told: []string{"a in no-keys"}, in: VerdictKeys, out: VerdictKeys, leg: A},
		{name: "other keys", every: func(b *bench) {
			p := append(b.clear[:rtpHeader], make([]byte, 120)...)
			putRTP(p, false, 111, 1, 1, 7)
			b.l.drop(b.a.media(b.l, p, b.src), b.src, b.a)
		}, told: []string{"a in wrong-keys"}, in: VerdictAuth, out: VerdictNoSource, leg: A},
		{name: "stopped", prepare: func(b *bench) { b.b.media(b.l, b.fromPhone(payload), b.phone) }, after: 20 * time.Second,
			told: []string{"b in stopped"}, in: VerdictStopped, out: VerdictNoSource, leg: B},
		{name: "never a report", every: func(b *bench) { b.b.media(b.l, b.fromPhone(payload), b.phone) }, in: VerdictOK, out: VerdictNoSource, leg: B},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, missing := patient(t)
			if c.prepare != nil {
				c.prepare(b)
			}
			b.answer()
			b.pass(max(c.after, 10*time.Second), func() {
				if c.every != nil {
					c.every(b)
				}
			})
			var told []string
			for _, m := range *missing {
				if m[0] == c.leg.String()[0] {
					told = append(told, m)
				}
			}
			if d := cmp.Diff(c.told, told); d != "" {
				t.Error(d)
			}
			st := b.s.stats(b.l)[c.leg]
			if st.AudioIn != c.in || st.AudioOut != c.out {
				t.Errorf("in %q, out %q; want %q, %q", st.AudioIn, st.AudioOut, c.in, c.out)
			}
		})
	}
}

func TestVerdictsHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for v := range numVerdicts {
		if seen[v.String()] || v != VerdictNone && v.String() == "" {
			t.Errorf("verdict %d is %q", v, v)
		}
		seen[v.String()] = true
	}
}
