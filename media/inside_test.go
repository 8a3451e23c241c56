package media

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"
	"unsafe"

	"drawbridge/media/offer"
	"drawbridge/media/srtp"
	"drawbridge/transcode"
	"drawbridge/transcode/tone"

	"github.com/pion/rtp"
	pion "github.com/pion/srtp/v3"
)

// These tests hold a loop in their hand: nothing runs, time is what they say.

var (
	opusCodec = offer.Codec{Name: "opus", PT: 111, Clock: 48000, Channels: 2}
	pcmuCodec = offer.Codec{Name: "PCMU", PT: 0, Clock: 8000, Channels: 1}
	eventRTP  = offer.Codec{Name: "telephone-event", PT: 101, Clock: 8000, Channels: 1}
	localhost = netip.MustParseAddr("127.0.0.1")
)

// bench is a session on a loop that the test drives: leg A is a browser with keys, leg B a phone.
type bench struct {
	l       *loop
	s       *Session
	a, b    *leg
	events  []Event
	browser *pion.Context // what the browser encrypts with
	src     netip.AddrPort
	phone   netip.AddrPort
	sink    *net.UDPConn // where both legs send to

	clear, cipher []byte
	header        rtp.Header
	seq           uint16
	ts            uint32
}

func newBench(t testing.TB, profile srtp.Profile, toA, toB offer.Codec) *bench {
	t.Helper()
	e, err := New(Config{Loops: 1, Realms: map[string]Realm{
		"access": {WebRTC: []netip.AddrPort{netip.AddrPortFrom(localhost, 0)}},
		"core":   {Bind: localhost, AllowLoopback: true},
	}})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{l: e.loops[0], clear: make([]byte, 0, slotSize), cipher: make([]byte, 0, slotSize), seq: 1}
	if b.sink, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}); err != nil {
		t.Fatal(err)
	}
	b.phone = b.sink.LocalAddr().(*net.UDPAddr).AddrPort()
	b.src = b.phone
	b.s = e.Open("bench", func(ev Event) { b.events = append(b.events, ev) })
	b.a, b.b = b.seat(t, A, "access", offer.WebRTC), b.seat(t, B, "core", offer.RTP)
	b.l.now = int64(time.Second)
	b.a.bind(b.l, offer.Stream{Send: toA, Recv: toA, MaySend: true, MayRecv: true, PtimeMS: 20})
	b.b.bind(b.l, offer.Stream{Remote: b.phone, Send: toB, Recv: toB, SendEvent: eventRTP, RecvEvent: eventRTP, MaySend: true, MayRecv: true, PtimeMS: 20})
	b.crypt(t, profile)
	b.a.to, b.a.open = sockaddrOf(b.src), true
	b.s.compose(b.l)
	t.Cleanup(func() {
		b.s.end(b.l)
		e.release()
		_ = b.sink.Close()
	})
	return b
}

func (b *bench) seat(t testing.TB, id LegID, realm string, profile offer.Profile) *leg {
	t.Helper()
	g := newLeg(b.s, id, b.l.engine.realms.get(realm), profile)
	if _, err := g.allocate(); err != nil {
		t.Fatal(err)
	}
	b.s.place(b.l, g)
	return g
}

func (b *bench) crypt(t testing.TB, profile srtp.Profile) {
	t.Helper()
	const key = srtp.KeySize
	salt := profile.SaltSize()
	k := &keys{profile: profile, recvKey: make([]byte, key), recvSalt: make([]byte, salt), sendKey: make([]byte, key), sendSalt: make([]byte, salt)}
	var err error
	if b.a.crypt, err = newCrypt(k); err != nil {
		t.Fatal(err)
	}
	if b.browser, err = pion.CreateContext(k.recvKey, k.recvSalt, pionProfiles[profile]); err != nil {
		t.Fatal(err)
	}
}

// fromBrowser is the next SRTP packet of the browser; the buffer is used again.
func (b *bench) fromBrowser(t testing.TB, payload []byte) []byte {
	p := append(b.clear[:rtpHeader], payload...)
	putRTP(p, false, b.a.st.Recv.PT, b.seq, b.ts, 0xaaaa)
	b.seq++
	b.ts += 960
	out, err := b.browser.EncryptRTP(b.cipher, p, &b.header)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// fromPhone is the next RTP packet of the phone.
func (b *bench) fromPhone(payload []byte) []byte {
	p := append(b.clear[:rtpHeader], payload...)
	putRTP(p, false, b.b.st.Recv.PT, b.seq, b.ts, 0xbbbb)
	b.seq++
	b.ts += 160
	return p
}

// step lets 20 ms pass.
func (b *bench) step() {
	b.l.now += int64(20 * time.Millisecond)
	b.l.clock()
	b.l.flush()
}

var profiles = map[string]srtp.Profile{"GCM": srtp.GCM128, "AES-CM": srtp.AES80}

// pionProfiles are for the far ends of tests: an implementation that is not ours.
var pionProfiles = map[srtp.Profile]pion.ProtectionProfile{
	srtp.GCM128: pion.ProtectionProfileAeadAes128Gcm,
	srtp.AES80:  pion.ProtectionProfileAes128CmHmacSha1_80,
	srtp.AES32:  pion.ProtectionProfileAes128CmHmacSha1_32,
}

// Budget: 0 allocations for a relayed packet in either direction, crypto and the system call included.
func TestRelayAllocatesNothing(t *testing.T) {
	if underRace {
		t.Skip("the race detector allocates")
	}
	payload := make([]byte, 80)
	for name, profile := range profiles {
		b := newBench(t, profile, opusCodec, opusCodec)
		check := func(direction string, fn func()) {
			t.Helper()
			fn() // the first packet of a stream makes its SRTP state
			if n := testing.AllocsPerRun(1000, fn); n != 0 {
				t.Errorf("%s %s: %v allocations a packet", name, direction, n)
			}
		}
		check("SRTP to RTP", func() {
			if d := b.a.media(b.l, b.fromBrowser(t, payload), b.src); d != Delivered {
				t.Fatal(d)
			}
		})
		check("RTP to SRTP", func() {
			if d := b.b.media(b.l, b.fromPhone(payload), b.phone); d != Delivered {
				t.Fatal(d)
			}
			b.l.flush()
		})
	}
}

// Budget: 0 allocations for a transcoded frame in either direction.
func TestTranscodingAllocatesNothing(t *testing.T) {
	if underRace {
		t.Skip("the race detector allocates")
	}
	frames, voice := opusFrames(t, 50), make([]byte, 160)
	for _, far := range []offer.Codec{pcmuCodec, g722Codec} {
		for name, profile := range profiles {
			b := newBench(t, profile, opusCodec, far)
			check := func(direction string, frame func()) {
				t.Helper()
				for range 20 {
					frame()
				}
				if n := testing.AllocsPerRun(500, frame); n != 0 {
					t.Errorf("%s, %s %s: %v allocations a frame", name, direction, far.Name, n)
				}
			}
			i := 0
			check("Opus to", func() {
				if d := b.a.media(b.l, b.fromBrowser(t, frames[i%len(frames)]), b.src); d != Delivered {
					t.Fatal(d)
				}
				i++
				b.step()
			})
			b.seq, b.ts = 1, 0
			check("to Opus from", func() {
				if d := b.b.media(b.l, b.fromPhone(voice), b.phone); d != Delivered {
					t.Fatal(d)
				}
				b.step()
			})
		}
	}
}

func opusFrames(t testing.TB, n int) [][]byte {
	t.Helper()
	enc, err := transcode.NewEncoder("opus", 48000, transcode.Options{})
	if errors.Is(err, transcode.ErrNoOpus) {
		t.Skip(err) // a build without cgo
	}
	if err != nil {
		t.Fatal(err)
	}
	src := tone.Source{Freq: 1000, Rate: 48000}
	pcm, out := make([]int16, 960), make([][]byte, n)
	for i := range out {
		src.Fill(pcm)
		b := make([]byte, 1500)
		k, err := enc.Encode(b, pcm)
		if err != nil {
			t.Fatal(err)
		}
		out[i] = b[:k]
	}
	return out
}

// Budget: 0 allocs; one direction of a relayed, protected 20 ms frame, from datagram to system call.
func BenchmarkRelaySRTP(b *testing.B) {
	payload := make([]byte, 160)
	for name, profile := range profiles {
		b.Run("in/"+name, func(b *testing.B) {
			w := newBench(b, profile, opusCodec, opusCodec)
			b.ReportAllocs()
			for b.Loop() {
				w.a.media(w.l, w.fromBrowser(b, payload), w.src)
			}
		})
		b.Run("out/"+name, func(b *testing.B) {
			w := newBench(b, profile, opusCodec, opusCodec)
			n := 0
			b.ReportAllocs()
			for b.Loop() {
				copyTo := w.l.slot()
				p := w.fromPhone(payload)
				w.b.media(w.l, copyTo[:copy(copyTo, p)], w.phone)
				if n++; n%batchSize == 0 {
					w.l.flush()
				}
			}
		})
	}
}

// Budget: 0 allocs; 20 ms of Opus to PCMU, and of PCMU to Opus.
func BenchmarkTranscode(b *testing.B) {
	b.Run("opus-pcmu", func(b *testing.B) {
		w := newBench(b, profiles["GCM"], opusCodec, pcmuCodec)
		frames := opusFrames(b, 50)
		i := 0
		b.ReportAllocs()
		for b.Loop() {
			w.a.media(w.l, w.fromBrowser(b, frames[i%len(frames)]), w.src)
			i++
			w.step()
		}
	})
	b.Run("pcmu-opus", func(b *testing.B) {
		w := newBench(b, profiles["GCM"], opusCodec, pcmuCodec)
		voice := make([]byte, 160)
		b.ReportAllocs()
		for b.Loop() {
			w.b.media(w.l, w.fromPhone(voice), w.phone)
			w.step()
		}
	})
}

func TestConsentIsLostAndFound(t *testing.T) {
	b := newBench(t, profiles["GCM"], opusCodec, opusCodec)
	d := b.l.doors[0]
	b.a.learn(b.l, d, b.l, sockaddrOf(b.src), true)
	for range 60 { // 30 s of checks every half second
		b.l.now += int64(500 * time.Millisecond)
		b.a.learn(b.l, d, b.l, sockaddrOf(b.src), false)
		b.l.clock()
	}
	if kinds(b.events, EventFailed) != 0 {
		t.Fatalf("events %+v", b.events)
	}
	b.l.now += int64(consentLimit) + 1
	b.l.clock()
	if ev := b.events[len(b.events)-1]; ev.Kind != EventFailed || ev.Reason != "consent" {
		t.Fatalf("last event %+v", ev)
	}
	if b.a.ready() {
		t.Error("media still goes to a browser that is gone")
	}
	b.a.learn(b.l, d, b.l, sockaddrOf(b.src), false)
	if !b.a.ready() {
		t.Error("a check does not bring it back")
	}
}

func kinds(events []Event, k EventKind) (n int) {
	for _, ev := range events {
		if ev.Kind == k {
			n++
		}
	}
	return n
}

// A packet that is inserted moves the numbers behind it; a late packet from before must not reuse one (two-time pad).
func TestNoSequenceNumberIsUsedTwice(t *testing.T) {
	b := newBench(t, profiles["AES-CM"], opusCodec, opusCodec)
	used := map[uint16]bool{}
	r := b.b.onward.(*relay)
	send := func(ext int64) {
		if seq, ok := r.number(b.l, &packet{ext: ext, ts: uint32(ext) * 960}); ok {
			if used[seq] {
				t.Errorf("number %d twice", seq)
			}
			used[seq] = true
			if int16(seq-b.a.out.seq) > 0 {
				b.a.out.sent(seq, 0, b.l.now)
			}
		}
	}
	insert := func() {
		seq := b.a.out.add()
		if used[seq] {
			t.Errorf("number %d twice", seq)
		}
		used[seq] = true
	}
	for _, ext := range []int64{10, 11, 13, 14} {
		send(ext)
	}
	insert()
	send(12) // late, from before the insertion
	send(16)
	send(15) // late, from after it
	insert()
	insert()
	send(17)
	send(14)
	send(20)
	if len(used) != 4+3+4 {
		t.Errorf("%d numbers used: %v", len(used), used)
	}
}

func TestWindow(t *testing.T) {
	var w window
	for _, c := range []struct {
		ext int64
		ok  bool
	}{{100, true}, {100, false}, {101, true}, {99, true}, {99, false}, {300, true}, {173, true}, {173, false}, {172, false}, {236, true}, {237, true}, {301, true}, {300, false}, {237, false}} {
		if got := w.add(c.ext); got != c.ok {
			t.Errorf("add(%d) = %v", c.ext, got)
		}
	}
}

func TestTimersFireInOrder(t *testing.T) {
	l := &loop{}
	ts := make([]timer, 100)
	for i := range ts {
		l.arm(&ts[i], int64(i*37%101))
	}
	for i := 0; i < len(ts); i += 3 {
		l.disarm(&ts[i])
		l.disarm(&ts[i])
	}
	for i := 1; i < len(ts); i += 3 {
		l.arm(&ts[i], int64(i*53%97))
	}
	last, n := int64(-1), 0
	for ; len(l.timers) > 0; n++ {
		first := l.timers[0].timer
		if first.at < last {
			t.Fatalf("%d after %d", first.at, last)
		}
		last = first.at
		l.disarm(first)
	}
	if n != 66 {
		t.Errorf("%d timers, want 66", n)
	}
	if w := (timers{{at: 1_500_000}}).wait(0); w != 2 {
		t.Errorf("wait %d ms, want 2", w)
	}
}

func TestReportsAreWellFormed(t *testing.T) {
	b := newBench(t, profiles["GCM"], opusCodec, pcmuCodec)
	b.b.media(b.l, b.fromPhone(make([]byte, 160)), b.phone)
	b.b.out.packets, b.b.out.octets = 7, 700
	report := b.b.appendReport(b.l, nil)
	if len(report) != rtcpHeader+senderSize+reportSize+rtcpHeader+20 || report[1] != rtcpSR || report[0] != 0x81 {
		t.Fatalf("% x", report)
	}
	if n := binary.BigEndian.Uint32(report[20:]); n != 7 {
		t.Errorf("packets %d", n)
	}
	// The peer has had our SR for 100 ms, and 30 ms have gone by on the way.
	sent := b.l.ntp()
	b.l.now += int64(130 * time.Millisecond)
	rr := appendHeader(nil, 1, rtcpRR, (rtcpHeader+reportSize)/4-1, 1)
	rr = binary.BigEndian.AppendUint32(rr, b.b.out.ssrc)
	rr = append(rr, make([]byte, 12)...)
	rr = binary.BigEndian.AppendUint32(rr, uint32(sent>>16))
	rr = binary.BigEndian.AppendUint32(rr, 6554)
	if d := b.b.control(b.l, rr, b.phone); d != Delivered {
		t.Fatal(d)
	}
	if rtt := b.b.stats(b.l).RTT.Round(time.Millisecond); rtt != 30*time.Millisecond {
		t.Errorf("RTT %s", rtt)
	}
	for _, bad := range [][]byte{rr[:6], {0x81, 201, 0, 9, 0, 0, 0, 0}, {0x80, 200, 0, 1, 0, 0, 0, 0}, append(append([]byte{}, rr...), 1)} {
		if d := b.b.control(b.l, bad, b.phone); d != DropRTCP {
			t.Errorf("% x: %s", bad, d)
		}
	}
	if d := b.b.control(b.l, rr, netip.MustParseAddrPort("192.0.2.1:9")); d != DropSource {
		t.Errorf("a stranger's report: %s", d)
	}
}

func FuzzParseRTP(f *testing.F) {
	f.Add([]byte{0x80, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 9})
	f.Add([]byte{0xb1, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0xbe, 0xde, 0, 1, 1, 2, 3, 4, 5, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		var p, q packet
		if !p.parse(b) {
			return
		}
		if p.start < rtpHeader || p.start > p.end || p.end > len(b) {
			t.Fatalf("payload %d:%d of %d", p.start, p.end, len(b))
		}
		payload := string(p.payload())
		out := p.inPlace(true, 5, 6, 7, 8) // what we send is a plain packet with the same payload
		if !q.parse(out) || q.start != rtpHeader || string(q.payload()) != payload || !q.marker || q.pt != 5 || q.seq != 6 || q.ts != 7 || q.ssrc != 8 {
			t.Fatalf("sent % x", out)
		}
	})
}

// Whatever comes in on a browser socket from an unknown source changes nothing and is not answered.
func FuzzUnknownSource(f *testing.F) {
	f.Add([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
	f.Add([]byte{22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1})
	f.Add([]byte{0x80, 111, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 9})
	b := newBench(f, profiles["GCM"], opusCodec, opusCodec)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > slotSize-tailRoom {
			t.Skip()
		}
		d := b.l.doors[0]
		b.l.admit(d, append([]byte(nil), raw...), netip.MustParseAddrPort("192.0.2.1:9"))
		if d.out.n != 0 || len(d.known) != 0 {
			t.Fatalf("answered or believed: %d, %v", d.out.n, d.known)
		}
	})
}

// Whatever a peer sends, authentic or not, leaves a leg that works.
func FuzzPeer(f *testing.F) {
	f.Add([]byte{0x80, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 9}, false)
	f.Add([]byte{0x80, 101, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 5, 0x80, 1, 1}, false)
	f.Add([]byte{0x81, 201, 0, 7, 0, 0, 0, 2, 0, 0, 0, 3, 9}, true)
	b := newBench(f, profiles["GCM"], opusCodec, pcmuCodec)
	f.Fuzz(func(t *testing.T, raw []byte, control bool) {
		if len(raw) > slotSize-tailRoom {
			t.Skip()
		}
		in := b.l.slot()
		in = in[:copy(in, raw)]
		if control {
			b.b.control(b.l, in, b.phone)
		} else {
			b.b.media(b.l, in, b.phone)
		}
		b.step()
		if !b.b.ready() || b.b.onward == nil {
			t.Fatal("the leg is gone")
		}
	})
}

// Budget: a leg without codecs fits into the allocator's class of 1 792 bytes, of which 8 are the allocator's own (media.md section 7 gives a
// relayed call 16 kB in all).
func TestLegIsSmall(t *testing.T) {
	if n := unsafe.Sizeof(leg{}); n > 1792-8 {
		t.Errorf("a leg has %d bytes", n)
	}
	t.Logf("leg %d bytes", unsafe.Sizeof(leg{}))
}
