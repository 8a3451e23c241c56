package media

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/media/offer"
	"drawbridge/media/srtp"
	"drawbridge/tests/corpora"
)

// agreement is a pair of SDES keys made of two letters.
func agreement(suite offer.Suite, send, recv, mki string) *offer.SDES {
	key := func(letter string) offer.Crypto {
		return offer.Crypto{Key: offer.Key(strings.Repeat(letter, suite.KeySize())), MKI: mki}
	}
	return &offer.SDES{Suite: suite, Send: key(send), Recv: key(recv)}
}

// secured gives leg B of a bench SDES keys.
func (b *bench) secured(d *offer.SDES) {
	st := b.b.st
	st.SDES = d
	b.b.bind(b.l, st)
	b.s.compose(b.l)
}

// far is what the phone of an agreement would encrypt with; far(swapped) is what it would decrypt with.
func far(t testing.TB, d *offer.SDES) *crypt {
	t.Helper()
	k, err := sdesKeys(&offer.SDES{Suite: d.Suite, Send: d.Recv, Recv: d.Send})
	if err != nil {
		t.Fatal(err)
	}
	c, err := newCrypt(k)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// fromSecurePhone is the next packet of the phone under the keys of c.
func (b *bench) fromSecurePhone(c *crypt, payload []byte) []byte {
	return c.protect(b.l, append(b.cipher[:0], b.fromPhone(payload)...))
}

// rollOver makes c encrypt a source round the end of its sequence numbers.
func rollOver(l *loop, c *crypt, ssrc uint32) { reach(l, c, ssrc, 65535, 0) }

// reach makes c encrypt these packets of a source.
func reach(l *loop, c *crypt, ssrc uint32, seqs ...uint16) {
	for _, seq := range seqs {
		p := make([]byte, rtpHeader, slotSize)
		putRTP(p, false, 0, seq, 0, ssrc)
		c.protect(l, p)
	}
}

// TestSRTPVectors holds libsrtp's vectors, which are those of RFC 3711 and RFC 7714 made whole packets, against both directions.
func TestSRTPVectors(t *testing.T) {
	const (
		cm  = "e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6"
		gcm = "000102030405060708090a0b0c0d0e0fa0a1a2a3a4a5a6a7a8a9aaab"
		rtp = "800f1234decafbadcafebabeabababababababababababababababab"
	)
	text, err := os.ReadFile(filepath.Join(corpora.Dir(t, "vectors"), "libsrtp-validate.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Vectors []struct {
			Function string
			Arrays   map[string]string
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	done := 0
	for _, c := range []struct {
		function string
		suite    offer.Suite
		key, mki string
	}{
		{"srtp_validate", offer.AESCM80, cm, ""},
		{"srtp_validate_mki", offer.AESCM80, cm, "e1f97a0d"},
		{"srtp_validate_gcm", offer.AEADGCM128, gcm, ""},
	} {
		for _, v := range file.Vectors {
			if v.Function != c.function {
				continue
			}
			done++
			both := offer.Crypto{Key: offer.Key(unhex(t, c.key)), MKI: string(unhex(t, c.mki))}
			checkVector(t, c.function, &offer.SDES{Suite: c.suite, Send: both, Recv: both},
				rtp, v.Arrays["srtp_ciphertext"], v.Arrays["rtcp_plaintext_ref"], v.Arrays["srtcp_ciphertext"])
		}
	}
	if done != 3 {
		t.Errorf("%d vectors", done)
	}
}

func checkVector(t *testing.T, name string, d *offer.SDES, rtp, sealed, rtcp, srtcp string) {
	t.Helper()
	l := &loop{crypto: srtp.NewScratch()}
	k, err := sdesKeys(d)
	if err != nil {
		t.Fatal(err)
	}
	c, err := newCrypt(k)
	if err != nil {
		t.Fatal(err)
	}
	slot := func(text string) []byte { return append(make([]byte, 0, slotSize), unhex(t, text)...) }
	if got := c.protect(l, slot(rtp)); hex.EncodeToString(got) != sealed {
		t.Errorf("%s: SRTP\n%x\n%s", name, got, sealed)
	}
	if got, drop := c.unprotect(l, slot(sealed)); hex.EncodeToString(got) != rtp {
		t.Errorf("%s: RTP\n%x (%s)\n%s", name, got, drop, rtp)
	}
	if got := c.protectRTCP(l, slot(rtcp)); hex.EncodeToString(got) != srtcp {
		t.Errorf("%s: SRTCP\n%x\n%s", name, got, srtcp)
	}
	if got, drop := c.unprotectRTCP(l, slot(srtcp)); hex.EncodeToString(got) != rtcp {
		t.Errorf("%s: RTCP\n%x (%s)\n%s", name, got, drop, rtcp)
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Budget: 0 allocations for a packet relayed from and to a phone with SDES and an MKI.
func TestSDESAllocatesNothing(t *testing.T) {
	if underRace {
		t.Skip("the race detector allocates")
	}
	payload := make([]byte, 80)
	for suite := offer.AEADGCM128; suite <= offer.AESCM32; suite++ {
		b := newBench(t, profiles["GCM"], opusCodec, opusCodec)
		d := agreement(suite, "s", "r", "\x00\x01")
		b.secured(d)
		phone := far(t, d)
		in := func() {
			if d := b.b.media(b.l, b.fromSecurePhone(phone, payload), b.phone); d != Delivered {
				t.Fatal(d)
			}
			b.l.flush()
		}
		out := func() {
			if d := b.a.media(b.l, b.fromBrowser(t, payload), b.src); d != Delivered {
				t.Fatal(d)
			}
		}
		in()
		out()
		if n := testing.AllocsPerRun(500, in) + testing.AllocsPerRun(500, out); n != 0 {
			t.Errorf("%s: %v allocations a packet", suite, n)
		}
	}
}

// A phone that changes its key behind a roll-over goes on with the counter, or begins at 0: both are understood, and so are the packets
// of before that come late. A forged packet in between changes nothing.
func TestRollOverCounterAtNewKey(t *testing.T) {
	for suite := offer.AEADGCM128; suite <= offer.AESCM32; suite++ {
		for _, goesOn := range []bool{false, true} {
			b := newBench(t, profiles["GCM"], opusCodec, opusCodec)
			was := agreement(suite, "s", "r", "")
			b.secured(was)
			phone := far(t, was)
			b.seq = 65535
			hear := func(what string, p []byte, want Drop) {
				t.Helper()
				if d := b.b.media(b.l, p, b.phone); d != want {
					t.Errorf("%s, counter goes on %v: %s: %s", suite, goesOn, what, d)
				}
			}
			for range 3 {
				hear("before", b.fromSecurePhone(phone, []byte("voice")), Delivered)
			}
			late := append([]byte(nil), b.fromSecurePhone(phone, []byte("voice"))...)
			out := b.b.crypt.out
			now := agreement(suite, "s", "n", "")
			b.secured(now)
			if b.b.crypt.out != out {
				t.Errorf("%s: our own key is the same, and its counter begins again", suite)
			}
			phone = far(t, now)
			if goesOn {
				rollOver(b.l, phone, 0xbbbb)
			}
			forged := changed(b.fromSecurePhone(phone, []byte("voice")), 14, 1)
			b.seq--
			hear("forged", append(make([]byte, 0, slotSize), forged...), DropAuth)
			hear("late", append(make([]byte, 0, slotSize), late...), Delivered)
			for range 3 {
				hear("after", b.fromSecurePhone(phone, []byte("voice")), Delivered)
			}
			b.l.now += int64(keyGrace) + 1
			hear("much later", b.fromSecurePhone(phone, []byte("voice")), Delivered)
			if b.b.crypt.former != nil {
				t.Error("the former key is kept for ever")
			}
		}
	}
}

// A phone that takes a new key for a hold may be silent for long, or take another one when it resumes: it is understood all the same when
// it goes on with its counter, also when the counter moves on while nobody hears it, and when it begins at 0.
func TestRollOverCounterOutlivesAHold(t *testing.T) {
	for _, c := range []struct {
		what string
		keys string // the phone's, one after the other
		seq  uint16 // of its first packet; three are heard before the hold
		roc  int    // its roll-overs behind the hold
	}{
		{"a new key and a long silence", "n", 65535, 1},
		{"a new key and a long silence, from 0", "n", 65535, 0},
		{"another key at the end", "mn", 65535, 1},
		{"another key at the end, from 0", "mn", 65535, 0},
		{"four keys", "mopn", 65535, 1},
		{"round in silence", "mn", 65000, 1},
		{"round in silence, from 0", "mn", 65000, 0},
	} {
		for suite := offer.AEADGCM128; suite <= offer.AESCM32; suite++ {
			b := newBench(t, profiles["GCM"], opusCodec, opusCodec)
			was := agreement(suite, "s", "r", "")
			b.secured(was)
			phone := far(t, was)
			hear := func(n int) (lost int) {
				for range n {
					b.l.now += int64(20 * time.Millisecond)
					if d := b.b.media(b.l, b.fromSecurePhone(phone, []byte("voice")), b.phone); d != Delivered {
						lost++
					}
				}
				return lost
			}
			b.seq = c.seq
			lost := hear(3)
			for _, key := range c.keys {
				b.secured(agreement(suite, "s", string(key), ""))
			}
			b.l.now += int64(time.Hour)
			phone, b.seq = far(t, agreement(suite, "s", "n", "")), 2
			for range c.roc {
				rollOver(b.l, phone, 0xbbbb)
			}
			if lost += hear(500); lost > 0 {
				t.Errorf("%s: %s: %d packets refused", suite, c.what, lost)
			}
		}
	}
}

// Music that is heard under the key of a hold, from a source of its own, does not make a phone's counter forgotten.
func TestRollOverCounterOutlivesMusic(t *testing.T) {
	b := newBench(t, profiles["GCM"], opusCodec, opusCodec)
	phone := far(t, agreement(offer.AESCM80, "s", "r", ""))
	b.secured(agreement(offer.AESCM80, "s", "r", ""))
	hear := func(what string, p []byte) {
		t.Helper()
		if d := b.b.media(b.l, p, b.phone); d != Delivered {
			t.Errorf("%s: %s", what, d)
		}
	}
	b.seq = 65535
	for range 3 {
		hear("voice", b.fromSecurePhone(phone, []byte("voice")))
	}
	b.secured(agreement(offer.AESCM80, "s", "m", ""))
	music := b.fromPhone([]byte("music"))
	putRTP(music, false, b.b.st.Recv.PT, 7, 0, 0xcccc)
	hear("music", far(t, agreement(offer.AESCM80, "s", "m", "")).protect(b.l, music))
	b.secured(agreement(offer.AESCM80, "s", "n", ""))
	b.l.now += int64(time.Hour)
	phone = far(t, agreement(offer.AESCM80, "s", "n", ""))
	rollOver(b.l, phone, 0xbbbb)
	hear("voice again", b.fromSecurePhone(phone, []byte("voice")))
}

// Where our own key changes behind a roll-over, our source does too: the peer cannot know with which counter we go on.
func TestOurNewKeyBehindARollOver(t *testing.T) {
	b := newBench(t, profiles["GCM"], opusCodec, opusCodec)
	b.secured(agreement(offer.AESCM80, "s", "r", ""))
	source := b.b.out.ssrc
	b.secured(agreement(offer.AESCM32, "t", "r", ""))
	if b.b.out.ssrc != source {
		t.Error("a new source without need")
	}
	rollOver(b.l, b.b.crypt, source)
	b.secured(agreement(offer.AEADGCM128, "u", "r", ""))
	if b.b.out.ssrc == source {
		t.Error("the old source under a new key")
	}
}

// Keys that change, or come back, just before the end of our sequence numbers: the peer misses some packets before it has our SDP, the roll-over
// among them, and understands all that follow.
func TestOurNewKeyNearARollOver(t *testing.T) {
	now := agreement(offer.AESCM80, "t", "r", "")
	for _, c := range []struct {
		what string
		was  []*offer.SDES
		seqs []uint16 // what has been sent
	}{
		{"first round", []*offer.SDES{agreement(offer.AESCM80, "s", "r", "")}, nil},
		{"second round", []*offer.SDES{agreement(offer.AESCM80, "s", "r", "")}, []uint16{65535, 0, 30000, 60000}},
		{"back from clear", []*offer.SDES{now, nil}, nil},
	} {
		b := newBench(t, profiles["GCM"], opusCodec, opusCodec)
		say := func(n int) (wire [][]byte) {
			for range n {
				b.l.now += int64(20 * time.Millisecond)
				if d := b.a.media(b.l, b.fromBrowser(t, []byte("voice")), b.src); d != Delivered {
					t.Fatalf("%s: %s", c.what, d)
				}
				wire = append(wire, b.onWire(t)...)
			}
			return wire
		}
		b.secured(c.was[0])
		reach(b.l, b.b.crypt, b.b.out.ssrc, c.seqs...)
		b.b.out.seq = 65530
		say(3)
		for _, d := range append(c.was[1:], now) {
			b.secured(d)
		}
		phone, lost := far(t, now), 0
		for _, p := range say(20)[3:] {
			if _, drop := phone.unprotect(b.l, p); drop != Delivered {
				lost++
			}
		}
		if lost > 0 {
			t.Errorf("%s: %d of 17 refused", c.what, lost)
		}
	}
}

// Reports speak of the source that we have now (RFC 3550 section 6.4.1), the quality of a call of all of them.
func TestReportsOfANewSource(t *testing.T) {
	b := newBench(t, profiles["GCM"], opusCodec, opusCodec)
	say := func(n int) {
		for range n {
			b.b.out.count(10)
		}
	}
	hear := func(lost, highest uint32) {
		b.b.consume(b.l, b.block(lost, highest, 0))
	}
	say(1000)
	hear(60, uint32(b.b.out.first)+999)
	source := b.b.out.ssrc
	b.b.newSource()
	if b.b.out.ssrc == source || b.b.out.first != b.b.out.seq+1 || b.b.out.first > 1<<15 {
		t.Errorf("source %x, was %x, first number %d", b.b.out.ssrc, source, b.b.out.first)
	}
	if q := b.b.quality(); q.Out.Loss != 6 {
		t.Errorf("%v %% lost before a report of the new source", q.Out.Loss)
	}
	if report := b.b.appendReport(b.l, nil); report[1] != rtcpRR {
		t.Error("a sender report of a source that has sent nothing")
	}
	say(200)
	hear(0, uint32(b.b.out.first)+199)
	if q := b.b.quality(); q.Out.Loss != 5 {
		t.Errorf("%v %% lost in all", q.Out.Loss)
	}
	report := b.b.appendReport(b.l, nil)
	if packets, octets := binary.BigEndian.Uint32(report[20:]), binary.BigEndian.Uint32(report[24:]); packets != 200 || octets != 2000 {
		t.Errorf("reported %d packets of %d octets", packets, octets)
	}
	if n := b.b.stats(b.l).PacketsOut; n != 1200 {
		t.Errorf("%d packets in all", n)
	}
}

// A call of three roll-overs: every packet is understood both ways. A forged packet half a cycle ahead moves no counter (T15).
func TestLongCall(t *testing.T) {
	for suite := offer.AEADGCM128; suite <= offer.AESCM32; suite++ {
		b := newBench(t, profiles["GCM"], opusCodec, opusCodec)
		d := agreement(suite, "s", "r", "")
		b.secured(d)
		phone := far(t, d)
		slot := make([]byte, 0, slotSize)
		for i := range 3*65536 + 100 {
			p := b.fromSecurePhone(phone, []byte("voice"))
			if i%5000 == 0 {
				forged := append(slot[:0], changed(p, 2, 0x80)...)
				if _, drop := b.b.crypt.unprotect(b.l, forged); drop == Delivered {
					t.Fatalf("%s: packet %d: a forged one is taken", suite, i)
				}
			}
			if out, drop := b.b.crypt.unprotect(b.l, p); drop != Delivered || string(out[rtpHeader:]) != "voice" {
				t.Fatalf("%s: packet %d: %s", suite, i, drop)
			}
			ours := append(slot[:0], b.fromPhone([]byte("voice"))...)
			b.seq--
			if _, drop := phone.unprotect(b.l, b.b.crypt.protect(b.l, ours)); drop != Delivered {
				t.Fatalf("%s: packet %d of ours: %s", suite, i, drop)
			}
		}
		if roc := b.b.crypt.in.ROC(0xbbbb); roc != 3 {
			t.Errorf("%s: %d roll-overs", suite, roc)
		}
	}
}

// From SRTP to clear and back, as an optional policy allows: each offer/answer counts.
func TestEncryptionComesAndGoes(t *testing.T) {
	b := newBench(t, profiles["GCM"], opusCodec, opusCodec)
	d := agreement(offer.AESCM80, "s", "r", "")
	for range 2 {
		b.secured(d)
		phone := far(t, d)
		if drop := b.b.media(b.l, b.fromSecurePhone(phone, []byte{1}), b.phone); drop != Delivered {
			t.Errorf("encrypted: %s", drop)
		}
		if drop := b.b.media(b.l, b.fromPhone([]byte{1}), b.phone); drop == Delivered {
			t.Error("clear where keys are agreed")
		}
		b.secured(nil)
		if drop := b.b.media(b.l, b.fromPhone([]byte{1}), b.phone); drop != Delivered {
			t.Errorf("clear: %s", drop)
		}
	}
}

// detours are the ways from SDES keys to the same ones again.
var detours = []struct {
	what string
	take func(t *testing.T, b *bench)
}{
	{"clear", func(_ *testing.T, b *bench) { b.secured(nil) }},
	{"another suite", func(_ *testing.T, b *bench) { b.secured(agreement(offer.AESCM80, "t", "q", "")) }},
	{"another suite, and clear", func(_ *testing.T, b *bench) {
		b.secured(agreement(offer.AESCM80, "t", "q", ""))
		b.secured(nil)
	}},
	{"a handshake that never comes", func(_ *testing.T, b *bench) { b.fingerprint() }},
	{"a handshake", func(t *testing.T, b *bench) { b.handshaken(t) }},
	{"clear, and a handshake", func(t *testing.T, b *bench) {
		b.secured(nil)
		b.handshaken(t)
	}},
	{"all of them", func(t *testing.T, b *bench) {
		b.secured(agreement(offer.AESCM32, "v", "q", ""))
		b.handshaken(t)
		b.secured(agreement(offer.AESCM80, "t", "p", ""))
		b.secured(nil)
	}},
}

// fingerprint makes leg B one that shakes hands.
func (b *bench) fingerprint() {
	st := b.b.st
	st.SDES, st.Fingerprint = nil, "sha-256 AA"
	b.b.bind(b.l, st)
}

// handshaken gives leg B keys of a handshake, and takes the fingerprint out of its SDP again.
func (b *bench) handshaken(t *testing.T) {
	t.Helper()
	b.fingerprint()
	k, err := sdesKeys(agreement(offer.AESCM80, "x", "y", ""))
	if err != nil {
		t.Fatal(err)
	}
	k.agreed = nil
	if err := b.b.rekey(b.l, k); err != nil {
		t.Fatal(err)
	}
	b.b.st.Fingerprint = ""
}

// Keys that come back go on where they were, whatever was between: nothing is heard twice, and nothing leaves under a key stream that was used.
func TestKeysComeBackAsTheyWere(t *testing.T) {
	for _, c := range detours {
		b := newBench(t, profiles["GCM"], opusCodec, opusCodec)
		d := agreement(offer.AEADGCM128, "s", "r", "")
		report := func(text string) []byte {
			return bytes.Clone(b.b.crypt.protectRTCP(b.l, append(append(make([]byte, 0, slotSize), 0x80, rtcpRR, 0, 4, 1, 2, 3, 4), text...)))
		}
		voice := func(text string) []byte {
			p := append(make([]byte, rtpHeader, slotSize), text...)
			putRTP(p, false, 0, 99, 0, b.b.out.ssrc)
			return b.b.crypt.protect(b.l, p)
		}
		b.secured(d)
		phone := far(t, d)
		first := bytes.Clone(b.fromSecurePhone(phone, []byte{1}))
		if drop := b.b.media(b.l, append(b.cipher[:0], first...), b.phone); drop != Delivered {
			t.Fatalf("encrypted: %s", drop)
		}
		oneReport, oneVoice := report("AAAAAAAAAAAA"), voice("AAAAAAAAAAAA")
		c.take(t, b)
		b.secured(agreement(offer.AEADGCM128, "s", "r", "")) // equal, not the same
		if sameStream(oneReport[8:], report("BBBBBBBBBBBB")[8:]) {
			t.Errorf("%s: two reports under one key stream", c.what)
		}
		if sameStream(oneVoice[rtpHeader:], voice("BBBBBBBBBBBB")[rtpHeader:]) {
			t.Errorf("%s: two packets under one key stream", c.what)
		}
		if drop := b.b.media(b.l, append(b.cipher[:0], first...), b.phone); drop != DropReplay {
			t.Errorf("%s: a packet of before: %s", c.what, drop)
		}
		if drop := b.b.media(b.l, b.fromSecurePhone(phone, []byte{1}), b.phone); drop != Delivered {
			t.Errorf("%s: encrypted again: %s", c.what, drop)
		}
		other := agreement(offer.AESCM80, "w", "u", "")
		b.secured(other)
		if drop := b.b.media(b.l, b.fromSecurePhone(far(t, other), []byte{1}), b.phone); drop != Delivered {
			t.Errorf("%s: other keys: %s", c.what, drop)
		}
	}
}

// sameStream tells whether twelve letters A and twelve letters B were encrypted with the same bytes.
func sameStream(a, b []byte) bool {
	for i := range 12 {
		if a[i]^b[i] != 'A'^'B' {
			return false
		}
	}
	return true
}

// A source whose numbers have gone round meanwhile is heard when its former key comes back: with the counter that it has by then.
func TestRollOverCounterWhenKeysComeBack(t *testing.T) {
	for _, c := range detours {
		b := newBench(t, profiles["GCM"], opusCodec, opusCodec)
		d := agreement(offer.AEADGCM128, "s", "r", "")
		b.secured(d)
		phone := far(t, d)
		hear := func(what string, n int) {
			t.Helper()
			for range n {
				if drop := b.b.media(b.l, b.fromSecurePhone(phone, []byte("voice")), b.phone); drop != Delivered {
					t.Errorf("%s: %s: %s", c.what, what, drop)
				}
			}
		}
		b.seq = 65533
		hear("before", 2)
		c.take(t, b)
		b.seq = 1
		b.secured(agreement(offer.AEADGCM128, "s", "r", ""))
		b.l.now += int64(time.Hour)
		hear("after", 3)
	}
}

// A peer that brings a new key with each offer makes the leg no bigger, and a key of its that has been forgotten takes nothing back of ours.
func TestKeysOfAPeerAreBounded(t *testing.T) {
	b := newBench(t, profiles["GCM"], opusCodec, opusCodec)
	b.secured(agreement(offer.AESCM80, "s", "a", ""))
	out, source := b.b.crypt.out, b.b.out.ssrc
	var last [2][]byte // that was heard
	for key := 'b'; key <= 'z'; key++ {
		d := agreement(offer.AESCM80, "s", string(key), "")
		b.secured(d)
		last[0], last[1] = last[1], bytes.Clone(b.fromSecurePhone(far(t, d), []byte{1}))
		if drop := b.b.media(b.l, append(b.cipher[:0], last[1]...), b.phone); drop != Delivered {
			t.Errorf("key %c: %s", key, drop)
		}
	}
	b.secured(agreement(offer.AESCM80, "s", "y", ""))
	if drop := b.b.media(b.l, append(b.cipher[:0], last[0]...), b.phone); drop != DropReplay {
		t.Errorf("a packet of before: %s", drop)
	}
	b.secured(agreement(offer.AESCM80, "s", "a", ""))
	if r := b.b.keyring; len(r.in) > mostPeerKeys || len(r.out) != 1 {
		t.Errorf("%d keys of the peer, %d of ours", len(r.in), len(r.out))
	}
	if b.b.crypt.out != out || b.b.out.ssrc != source {
		t.Error("our key was always the same, and has begun anew")
	}
	if drop := b.b.media(b.l, b.fromSecurePhone(far(t, agreement(offer.AESCM80, "s", "a", "")), []byte{1}), b.phone); drop != Delivered {
		t.Errorf("the first key again: %s", drop)
	}
}

// A peer that has moved shakes hands again. What it still sends under the keys of before does not prove that our last flight has arrived: it
// is sent again to whoever asks. A packet under the new keys proves it.
func TestFormerKeysProveNothingOfANewHandshake(t *testing.T) {
	b := newBench(t, profiles["GCM"], opusCodec, opusCodec)
	was, now := agreement(offer.AESCM80, "s", "r", ""), agreement(offer.AESCM80, "t", "q", "")
	shaken := func(d *offer.SDES, flight ...byte) {
		t.Helper()
		k, err := sdesKeys(d)
		if err != nil {
			t.Fatal(err)
		}
		k.agreed, k.last = nil, flight
		if err := b.b.rekey(b.l, k); err != nil {
			t.Fatal(err)
		}
		b.b.secure = true
		b.b.shake.done = true
	}
	shaken(was)
	shaken(now, recordCCS, 1, 2, 3)
	again := make([]byte, recordHeader+1)
	again[0], again[atLength+1] = recordCCS, 1
	for _, c := range []struct {
		what string
		keys *offer.SDES
		want Drop
	}{{"former", was, Delivered}, {"new", now, DropDTLSState}} {
		if d := b.b.media(b.l, b.fromSecurePhone(far(t, c.keys), []byte("voice")), b.phone); d != Delivered {
			t.Fatalf("media under the %s keys: %s", c.what, d)
		}
		if d := b.b.handshake(b.l, nil, again, b.phone); d != c.want {
			t.Errorf("a repeated flight behind media under the %s keys: %s, want %s", c.what, d, c.want)
		}
	}
}

// New legs get another certificate once a day; those that are there keep the one that their SDP shows.
func TestCertificateRotates(t *testing.T) {
	b := newBench(t, profiles["GCM"], opusCodec, opusCodec)
	e, was := b.l.engine, b.l.engine.Fingerprint()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- e.rotate(ctx, certificateLife) }()
		time.Sleep(certificateLife - time.Second)
		synctest.Wait()
		if e.Fingerprint() != was {
			t.Error("too early")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if e.Fingerprint() == was {
			t.Error("the certificate is the same")
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	if b.a.cert.fingerprint != was {
		t.Error("a leg has lost its certificate")
	}
	if g := b.seat(t, A, "access", offer.WebRTC); g.cert.fingerprint == was {
		t.Error("a new leg has the old certificate")
	}
}

// FuzzMKI: an identifier goes in and comes out again, and nothing else is taken for one.
func FuzzMKI(f *testing.F) {
	f.Add([]byte("packet and tag"), "\x00\x01", uint8(10))
	f.Add([]byte("x"), "12345678", uint8(16))
	f.Fuzz(func(t *testing.T, packet []byte, mki string, mac uint8) {
		if len(mki) > 16 || len(packet) > slotSize-tailRoom || int(mac) > len(packet) {
			return
		}
		b := append(make([]byte, 0, slotSize), packet...)
		with := withMKI(b, mki, int(mac))
		if len(with) != len(packet)+len(mki) || !bytes.HasSuffix(with, packet[len(packet)-int(mac):]) {
			t.Fatalf("%x", with)
		}
		out, ok := withoutMKI(with, mki, int(mac))
		if !ok || !bytes.Equal(out, packet) {
			t.Fatalf("%x, %v", out, ok)
		}
		_, _ = withoutMKI(packet, mki, int(mac)+1)
	})
}
