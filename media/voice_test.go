package media

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"drawbridge/media/offer"
	"drawbridge/transcode"
	"drawbridge/transcode/tone"

	"golang.org/x/sys/unix"
)

// These tests hear what comes out of a path, in virtual time: both peers are here, and nothing is lost on the way to them.

var (
	pcmaCodec = offer.Codec{Name: "PCMA", PT: 8, Clock: 8000, Channels: 1}
	g722Codec = offer.Codec{Name: "G722", PT: 9, Clock: 8000, Channels: 1}
)

// heard is a packet as its receiver sees it.
type heard struct {
	pt      uint8
	marker  bool
	seq     uint16
	ts      uint32
	payload []byte
}

// sent takes all that has been sent to the sink since the last time. Only plain RTP can be read: the tests let phones talk to phones.
func (b *bench) sent(t testing.TB) (out []heard) {
	t.Helper()
	for _, raw := range b.onWire(t) {
		if isRTCP(raw) { // a report may be due
			continue
		}
		var p packet
		if !p.parse(raw) {
			t.Fatalf("no RTP: % x", raw)
		}
		out = append(out, heard{p.pt, p.marker, p.seq, p.ts, append([]byte(nil), p.payload()...)})
	}
	return out
}

// onWire is the same as it came, with room behind each datagram.
func (b *bench) onWire(t testing.TB) (out [][]byte) {
	t.Helper()
	b.l.flush() // the round is over
	conn, err := b.sink.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, slotSize)
	read := func(fd uintptr) bool {
		for {
			n, _, err := unix.Recvfrom(int(fd), buf, unix.MSG_DONTWAIT) // loopback: what was sent is there
			if err != nil {
				return true
			}
			out = append(out, append(make([]byte, 0, slotSize), buf[:n]...))
		}
	}
	if err := conn.Read(read); err != nil {
		t.Fatal(err)
	}
	return out
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// newPhones is a session of two phones: what each sends goes to the other, and both hear at the sink.
func newPhones(t testing.TB, a, b offer.Stream) *bench {
	t.Helper()
	w := newBench(t, profiles["GCM"], opusCodec, pcmuCodec)
	w.a.leave(w.l)
	w.s.legs[A] = nil
	w.a = w.seat(t, A, "core", offer.RTP)
	w.events = nil
	a.Remote, b.Remote = w.phone, w.phone
	a.MaySend, a.MayRecv, b.MaySend, b.MayRecv = true, true, true, true
	w.a.bind(w.l, a)
	w.b.bind(w.l, b)
	w.s.compose(w.l)
	return w
}

// speak lets a phone send one packet; false when it was dropped.
func (b *bench) speak(t testing.TB, from *leg, pt uint8, seq uint16, ts uint32, payload []byte) Drop {
	t.Helper()
	return b.speakAs(0xcccc, from, pt, seq, ts, payload)
}

// speakAs is speak of a source.
func (b *bench) speakAs(ssrc uint32, from *leg, pt uint8, seq uint16, ts uint32, payload []byte) Drop {
	in := b.l.slot()[:0]
	in = append(in, 0x80, pt)
	in = binary.BigEndian.AppendUint16(in, seq)
	in = binary.BigEndian.AppendUint32(in, ts)
	in = binary.BigEndian.AppendUint32(in, ssrc)
	in = append(in, payload...)
	return from.media(b.l, in, b.phone)
}

func stream(c offer.Codec, ptime int) offer.Stream {
	st := offer.Stream{Send: c, Recv: c, PtimeMS: 20}
	if ptime > 0 {
		st.PtimeMS, st.PtimeAsked = ptime, true
	}
	return st
}

// TestPacketTimes: whatever packets a phone sends, the other gets the length that it asked for, with the same audio in it.
func TestPacketTimes(t *testing.T) {
	for _, codecs := range [][2]offer.Codec{{pcmaCodec, pcmaCodec}, {pcmaCodec, pcmuCodec}, {g722Codec, g722Codec}, {g722Codec, pcmaCodec}, {pcmuCodec, g722Codec}} {
		for _, from := range []int{5, 10, 20, 30, 40, 50, 60} {
			for _, to := range []int{10, 20, 30, 40, 50, 60} {
				t.Run(fmt.Sprintf("%s to %s/%d to %d ms", codecs[0].Name, codecs[1].Name, from, to), func(t *testing.T) {
					packetTimes(t, codecs[0], codecs[1], from, to)
				})
			}
		}
	}
}

func packetTimes(t *testing.T, in, out offer.Codec, from, to int) {
	w := newPhones(t, stream(in, 0), stream(out, to))
	enc, dec := must(transcode.NewEncoder(in.Name, pcmRate(in, in), transcode.Options{})), must(transcode.NewDecoder(out.Name, pcmRate(out, out)))
	src, ear := tone.Source{Freq: 800, Rate: enc.Rate()}, tone.NewDetector(dec.Rate())
	ticks := uint32(from * 8)
	var got []heard
	const length = 720 // ms: a multiple of all
	for i := range length / from {
		pcm, payload := make([]int16, from*enc.Rate()/1000), make([]byte, 480)
		src.Fill(pcm)
		n := must(enc.Encode(payload[:0], pcm))
		if d := w.speak(t, w.a, in.PT, uint16(i), uint32(i)*ticks, payload[:n]); d != Delivered {
			t.Fatal(d)
		}
		w.l.now += int64(from) * int64(time.Millisecond)
	}
	got = w.sent(t)
	short := 0
	for i, p := range got {
		if len(p.payload) != to*8 {
			short++
		} else if i > oddRun && (p.seq != got[i-1].seq+1 || p.ts-got[i-1].ts != uint32(to*8)) {
			t.Errorf("packet %d: seq %d ts %d behind seq %d ts %d", i, p.seq, p.ts, got[i-1].seq, got[i-1].ts)
		}
		pcm := make([]int16, maxPCM)
		ear.Write(pcm[:must(dec.Decode(pcm, p.payload))])
	}
	if short > oddRun-1 {
		t.Errorf("%d of %d packets are not of %d ms", short, len(got), to)
	}
	if !ear.Heard(800, 20) {
		t.Errorf("no tone: level %.1f dB, SNR %.1f dB", ear.Level(800), ear.SNR(800))
	}
}

// Nothing is cut for a peer that has not asked, but for what it says it cannot take.
func TestPacketsPassAsTheyAreUnlessAsked(t *testing.T) {
	limited := stream(pcmaCodec, 0)
	limited.MaxPtimeMS = 30
	for _, c := range []struct {
		to   offer.Stream
		want int // of the last packet, in octets
	}{{stream(pcmaCodec, 0), 480}, {limited, 160}} {
		w := newPhones(t, stream(pcmaCodec, 0), c.to)
		for i := range uint16(6) {
			w.speak(t, w.a, 8, i, uint32(i)*480, make([]byte, 480))
		}
		if got := w.sent(t); len(got[len(got)-1].payload) != c.want {
			t.Errorf("%d octets, want %d", len(got[len(got)-1].payload), c.want)
		}
	}
}

// Comfort noise passes between phones that take it, and is a pause for one that does not.
func TestComfortNoise(t *testing.T) {
	takes := stream(pcmuCodec, 0)
	takes.Comfort = true
	for _, c := range []struct {
		name string
		in   offer.Codec
		out  offer.Stream
		want int // packets of comfort noise
	}{
		{"relayed", pcmuCodec, takes, 2}, {"other law", pcmaCodec, takes, 2}, {"from G.722", g722Codec, takes, 2}, {"not taken", pcmuCodec, stream(pcmuCodec, 0), 0},
	} {
		w := newPhones(t, stream(c.in, 0), c.out)
		seq, ts := uint16(0), uint32(0)
		say := func(pt uint8, payload []byte, ticks uint32) {
			if d := w.speak(t, w.a, pt, seq, ts, payload); d != Delivered {
				t.Errorf("%s: %s", c.name, d)
			}
			seq, ts = seq+1, ts+ticks
			w.l.now += int64(ticks) * int64(time.Second) / 8000
		}
		voice := make([]byte, 160)
		say(c.in.PT, voice, 160)
		say(c.in.PT, voice, 160)
		say(comfortPT, []byte{60}, 1600)
		say(comfortPT, []byte{61, 1, 2}, 1600)
		say(c.in.PT, voice, 160)
		got, noises := w.sent(t), 0
		for i, p := range got {
			if i > 0 && p.seq != got[i-1].seq+1 {
				t.Errorf("%s: packet %d: number %d behind %d", c.name, i, p.seq, got[i-1].seq)
			}
			if p.pt == comfortPT {
				if noises++; p.payload[0] != byte(59+noises) {
					t.Errorf("%s: % x", c.name, p.payload)
				}
			}
		}
		if noises != c.want || len(got) != 3+c.want || got[len(got)-1].ts-got[0].ts != 3520 {
			t.Errorf("%s: %d packets, %d of noise, the last %d ticks behind the first", c.name, len(got), noises, got[len(got)-1].ts-got[0].ts)
		}
	}
}

// Towards Opus comfort noise is a frame of noise and word that nothing follows; afterwards audio goes on where time is by then.
func TestComfortNoiseBecomesOpus(t *testing.T) {
	b := newBench(t, profiles["GCM"], opusCodec, pcmuCodec)
	voice := make([]byte, 160)
	b.b.media(b.l, b.fromPhone(voice), b.phone)
	before := b.a.out
	b.b.st.Recv.PT = comfortPT
	p := b.fromPhone([]byte{50})
	b.b.st.Recv.PT = 0
	if d := b.b.media(b.l, p, b.phone); d != Delivered {
		t.Fatal(d)
	}
	if n := b.a.out.packets - before.packets; n != 2 || b.a.out.octets-before.octets < 10 || b.a.out.ts-before.ts != 2*960 {
		t.Errorf("%d packets, %d octets, %d ticks", n, b.a.out.octets-before.octets, b.a.out.ts-before.ts)
	}
	b.l.now += int64(500 * time.Millisecond)
	b.ts += 3840 // it rested for 480 ms more
	b.b.media(b.l, b.fromPhone(voice), b.phone)
	if ticks := b.a.out.ts - before.ts; ticks != 960+960+480*48 {
		t.Errorf("the next frame is %d ticks behind", ticks)
	}
}

// Opus that rests becomes comfort noise for a phone that takes it.
func TestRestBecomesComfortNoise(t *testing.T) {
	b := newBench(t, profiles["GCM"], opusCodec, pcmuCodec)
	st := b.b.st
	st.Comfort = true
	b.b.bind(b.l, st)
	frames := opusFrames(t, 3)
	for _, f := range frames {
		b.a.media(b.l, b.fromBrowser(t, f), b.src)
		b.step()
	}
	b.a.media(b.l, b.fromBrowser(t, []byte{opusRest}), b.src)
	for range 25 {
		b.step()
	}
	b.ts += 25 * 960
	b.a.media(b.l, b.fromBrowser(t, frames[0]), b.src)
	b.step()
	b.step()
	got := b.sent(t)
	var kinds string
	for _, p := range got {
		switch {
		case p.pt == comfortPT && len(p.payload) == 1:
			kinds += "n"
		case p.marker:
			kinds += "V"
		default:
			kinds += "v"
		}
	}
	if kinds != "VvvnnnV" && kinds != "VvvnnnVv" {
		t.Errorf("the phone gets %s", kinds)
	}
	for i := range got[1:] {
		if got[i+1].seq != got[i].seq+1 || (got[i+1].ts-got[i].ts)%160 != 0 {
			t.Errorf("packet %d: %+v behind %+v", i+1, got[i+1], got[i])
		}
	}
}

// Payloads that no codec would send are played as far as they go, or dropped; the call goes on.
// Voice that follows comfort noise at once is later than the noise, and nothing is invented between them.
func TestVoiceSoonAfterComfortNoise(t *testing.T) {
	for _, gap := range []uint32{0, 160, 320, 800} {
		for _, c := range []struct {
			out   offer.Codec
			noise int // packets
		}{{opusCodec, 2}, {g722Codec, 1}} {
			st := stream(c.out, 0)
			st.Comfort = !isOpus(c.out)
			w := newPhones(t, stream(pcmuCodec, 0), st)
			seq, ts := uint16(0), uint32(0)
			say := func(pt uint8, payload []byte, ticks uint32) {
				if d := w.speak(t, w.a, pt, seq, ts, payload); d != Delivered {
					t.Error(d)
				}
				seq, ts = seq+1, ts+ticks
				w.l.now += int64(ticks) * int64(time.Second) / 8000
			}
			talk := func() {
				for range 3 {
					say(0, make([]byte, 160), 160)
				}
			}
			talk()
			say(comfortPT, []byte{60}, gap)
			talk()
			got := w.sent(t)
			if want := 3 + c.noise + 3; len(got) != want {
				t.Errorf("%s after %d: %d packets, want %d", c.out.Name, gap, len(got), want)
			}
			for i := 1; i < len(got); i++ {
				if step := int32(got[i].ts - got[i-1].ts); step < int32(c.out.Clock/50) {
					t.Errorf("%s after %d: packet %d is %d behind the one before it", c.out.Name, gap, i, step)
				}
			}
		}
	}
}

// The last words before a rest are sent, however long packets are, and timestamps keep to the clock over many rests.
func TestRestKeepsTime(t *testing.T) {
	for _, ptime := range []int{10, 20, 30, 40, 60} {
		b := newBench(t, profiles["GCM"], opusCodec, pcmuCodec)
		st := b.b.st
		st.Comfort, st.PtimeMS, st.PtimeAsked = true, ptime, true
		b.b.bind(b.l, st)
		b.s.compose(b.l)
		spurt := opusFrames(t, 5)
		var first, last uint32
		var began, ended int64
		words := 0
		note := func() {
			for _, p := range b.sent(t) {
				if began == 0 {
					began, first = b.l.now, p.ts
				}
				if ended, last = b.l.now, p.ts; p.pt != comfortPT {
					words += len(p.payload)
				}
			}
		}
		const spurts = 100
		for range spurts {
			for _, f := range append(spurt, []byte{opusRest}) {
				b.a.media(b.l, b.fromBrowser(t, f), b.src)
				b.step()
				note()
			}
			for range 9 {
				b.step()
			}
			note()
			b.ts += 9 * 960
		}
		if took, told := (ended-began)/int64(time.Millisecond), int64(last-first)/8; took-told > 250 || told-took > 100 {
			t.Errorf("ptime %d: timestamps are at %d ms after %d", ptime, told, took)
		}
		if least := spurts * len(spurt) * 160; words < least {
			t.Errorf("ptime %d: %d of %d octets of voice", ptime, words, least)
		}
	}
}

func TestOddPayloads(t *testing.T) {
	for _, c := range []struct{ from, to offer.Codec }{{pcmaCodec, pcmaCodec}, {pcmaCodec, pcmuCodec}, {pcmaCodec, g722Codec}, {g722Codec, pcmaCodec}} {
		w := newPhones(t, stream(c.from, 0), stream(c.to, 20))
		seq, ts := uint16(0), uint32(0)
		for _, n := range []int{160, 13, 160, 0, 1, 160, 7, 1400, 160, 13, 13, 13, 13, 160, 160} {
			w.speak(t, w.a, c.from.PT, seq, ts, make([]byte, n))
			seq, ts = seq+1, ts+uint32(n)
			w.l.now += int64(n) * int64(time.Second) / 8000
		}
		w.sent(t)
		if w.a.onward == nil || kinds(w.events, EventFailed) > 0 {
			t.Errorf("%s to %s: %+v", c.from.Name, c.to.Name, w.events)
		}
	}
	b := newBench(t, profiles["GCM"], opusCodec, pcmuCodec)
	good := opusFrames(t, 1)[0]
	for _, odd := range [][]byte{{0xff}, {0x03}, {0x0b, 0xff}, {0xfc, 0, 1}, {0x9b, 0x30}, make([]byte, 1400), {0x78}, {0xff, 0xff, 0xff}} {
		b.a.media(b.l, b.fromBrowser(t, odd), b.src)
		b.step()
		b.a.media(b.l, b.fromBrowser(t, good), b.src)
		b.step()
	}
	if got := b.sent(t); len(got) < 14 || kinds(b.events, EventFailed) > 0 {
		t.Errorf("%d packets, events %+v", len(got), b.events)
	}
}

// TestSkewPassesThrough: half an hour of a phone whose clock is off by 200 ppm. What passes through, and what is encoded as it comes, leaves in
// the moment that it comes, with the sender's own clock, and RTCP goes with it.
func TestSkewPassesThrough(t *testing.T) {
	for _, c := range []struct {
		name string
		to   offer.Stream
		most int // packets that wait to be joined
	}{
		{"passed through", stream(pcmaCodec, 20), 0}, {"other law", stream(pcmuCodec, 0), 0}, {"regrouped", stream(pcmaCodec, 60), 2}, {"transcoded", stream(g722Codec, 0), 0},
	} {
		for _, ppm := range []int64{200, -200} {
			w := newPhones(t, stream(pcmaCodec, 0), c.to)
			voice := make([]byte, 160)
			minutes := 30
			if c.name == "transcoded" {
				minutes = 5 // it costs too much CPU for more
			}
			sent, began, step := 0, w.l.now, int64(20*time.Millisecond)*(1_000_000-ppm)/1_000_000
			var first, last heard
			for n := range minutes * 60 * 50 {
				w.l.now = began + int64(n)*step
				w.speak(t, w.a, 8, uint16(n), uint32(n*160), voice)
				for _, p := range w.sent(t) {
					if sent == 0 {
						first = p
					}
					last, sent = p, sent+len(p.payload)/160
				}
				if waiting := n + 1 - sent; waiting > c.most || waiting < 0 {
					t.Fatalf("%s, %+d ppm: after %d packets %d wait", c.name, ppm, n+1, waiting)
				}
			}
			spoken := sent*160 - len(last.payload)
			if got := int(last.ts - first.ts); got != spoken && got != spoken-1 { // where it is regrouped a tick is rounded, once
				t.Errorf("%s, %+d ppm: the last packet is %d ticks behind the first, want %d", c.name, ppm, got, spoken)
			}
			if off := int32(w.b.out.stamp(w.l.now, 8000) - last.ts); off < 0 || off > 160 {
				t.Errorf("%s, %+d ppm: RTCP is %d ticks off", c.name, ppm, off)
			}
		}
	}
}

func TestTranscodesAreCounted(t *testing.T) {
	w := newPhones(t, stream(pcmaCodec, 0), stream(pcmuCodec, 0))
	count := func(want int) {
		t.Helper()
		if n := w.l.engine.Stats().Transcodes; n != want {
			t.Errorf("%d directions are transcoded, want %d", n, want)
		}
	}
	count(0)
	st := w.b.st
	st.Send, st.Recv = g722Codec, g722Codec
	w.b.bind(w.l, st)
	w.s.compose(w.l)
	count(2)
	w.s.end(w.l)
	count(0)
}

// A call whose codecs cannot be turned into each other says so and drops its packets; a build without Opus is such a gateway.
func TestNoWayBetweenCodecs(t *testing.T) {
	strange := offer.Codec{Name: "strange", PT: 100, Clock: 8000, Channels: 1}
	w := newPhones(t, stream(pcmaCodec, 0), stream(strange, 0))
	if n := kinds(w.events, EventFailed); n != 2 {
		t.Errorf("%d directions failed, want 2: %+v", n, w.events)
	}
	if d := w.speak(t, w.a, 8, 1, 160, make([]byte, 160)); d != DropUnbound {
		t.Errorf("a packet is %s", d)
	}
}

// Budget: 0 allocations for a frame on every path of the telephone.
func TestTelephonePathsAllocateNothing(t *testing.T) {
	if underRace {
		t.Skip("the race detector allocates")
	}
	for _, c := range []struct {
		name     string
		in       offer.Codec
		out      offer.Stream
		perFrame int // ms
	}{
		{"G.722 to G.711", g722Codec, stream(pcmuCodec, 0), 20}, {"G.711 to G.722", pcmaCodec, stream(g722Codec, 0), 20},
		{"20 to 30 ms", pcmaCodec, stream(pcmaCodec, 30), 20}, {"60 to 10 ms", pcmaCodec, stream(pcmuCodec, 10), 60},
	} {
		w := newPhones(t, stream(c.in, 0), c.out)
		ticks, seq, payload := uint32(c.perFrame*8), uint16(0), make([]byte, c.perFrame*8)
		in := make([]byte, 0, slotSize)
		frame := func() {
			seq++
			in = append(in[:0], 0x80, c.in.PT)
			in = binary.BigEndian.AppendUint16(in, seq)
			in = binary.BigEndian.AppendUint32(in, uint32(seq)*ticks)
			in = binary.BigEndian.AppendUint32(in, 0xcccc)
			in = append(in, payload...)
			if d := w.a.media(w.l, in, w.phone); d != Delivered {
				t.Fatal(d)
			}
			w.l.now += int64(c.perFrame) * int64(time.Millisecond)
			w.l.flush()
		}
		for range 10 {
			frame()
		}
		if n := testing.AllocsPerRun(500, frame); n != 0 {
			t.Errorf("%s: %v allocations a packet", c.name, n)
		}
	}
}

// A phone that has answered with two codecs changes between them without a word: the audio goes on, and nothing is heard of the change.
func TestPeerChangesItsCodec(t *testing.T) {
	for _, c := range []struct{ first, second, to offer.Codec }{
		{pcmaCodec, pcmuCodec, pcmaCodec}, {pcmaCodec, pcmuCodec, g722Codec}, {pcmaCodec, g722Codec, pcmuCodec},
	} {
		st := stream(c.first, 0)
		st.Also.Add(opusCodec) // which it never sends
		st.Also.Add(c.second)
		w := newPhones(t, st, stream(c.to, 20))
		dec, ear := must(transcode.NewDecoder(c.to.Name, 8000)), tone.NewDetector(8000)
		src := tone.Source{Freq: 800, Rate: 8000}
		var got []heard
		seq, odd := uint16(0), 0
		say := func(codec offer.Codec, frames int) {
			enc := must(transcode.NewEncoder(codec.Name, 8000, transcode.Options{}))
			for range frames {
				pcm, payload := make([]int16, 160), make([]byte, 160)
				src.Fill(pcm)
				n := must(enc.Encode(payload[:0], pcm))
				if d := w.speak(t, w.a, codec.PT, seq, uint32(seq)*160, payload[:n]); d != Delivered {
					odd++
				}
				seq++
				w.l.now += int64(20 * time.Millisecond)
				got = append(got, w.sent(t)...)
			}
		}
		for i := range 5 {
			say([]offer.Codec{c.first, c.second}[i%2], 15)
		}
		if odd > 0 || len(got) != 75 {
			t.Fatalf("to %s: %d packets dropped, %d sent", c.to.Name, odd, len(got))
		}
		for i, p := range got {
			if i > 0 && (p.seq != got[i-1].seq+1 || p.ts != got[i-1].ts+160) {
				t.Errorf("to %s: packet %d: %d/%d behind %d/%d", c.to.Name, i, p.seq, p.ts, got[i-1].seq, got[i-1].ts)
			}
			pcm := make([]int16, 960)
			ear.Write(pcm[:must(dec.Decode(pcm, p.payload))])
			if i%15 == 14 && !ear.Heard(800, 20) {
				t.Errorf("to %s: no tone before packet %d: level %.1f dB, SNR %.1f dB", c.to.Name, i, ear.Level(800), ear.SNR(800))
			}
		}
		if d := w.speak(t, w.a, 18, seq, uint32(seq)*160, make([]byte, 20)); d != DropPayloadType {
			t.Errorf("a codec that it did not answer with is %s", d)
		}
	}
}

// What a peer may send is the rate of the codec that it sends now, not of the one that it began with (QOS-01).
func TestRateFollowsAChangeOfCodec(t *testing.T) {
	for _, c := range []struct {
		first, second offer.Codec
		size          int // payload bytes of each packet of the second
		policed       bool
	}{
		{first: opusCodec, second: pcmaCodec, size: 1000, policed: true}, // 400 kbit/s
		{first: pcmaCodec, second: opusCodec, size: 1000},
		{first: opusCodec, second: pcmaCodec, size: 160},
	} {
		st := stream(c.first, 0)
		st.Also.Add(c.second)
		w := newPhones(t, st, stream(c.first, 0))
		w.a.realm.cfg.Police = true
		w.a.bind(w.l, w.a.st)
		policed := 0
		for seq := range uint16(50) {
			w.l.now += int64(20 * time.Millisecond)
			if w.speak(t, w.a, c.second.PT, seq, uint32(seq)*160, make([]byte, c.size)) == DropPolice {
				policed++
			}
			w.l.flush()
		}
		if w.a.st.Recv.Name != c.second.Name {
			t.Fatalf("%s instead of %s was not taken", c.second.Name, c.first.Name)
		}
		if (policed > 0) != c.policed {
			t.Errorf("%s instead of %s, %d bytes a packet: %d of 50 were policed", c.second.Name, c.first.Name, c.size, policed)
		}
	}
}
