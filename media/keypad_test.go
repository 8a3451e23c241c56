package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"drawbridge/media/offer"
	"drawbridge/transcode"
	"drawbridge/transcode/tone"
)

// A telephone each on both legs of a session, in virtual time: what one presses, by whatever way, the other has to hear once.

// set is a kind of telephone: its codec, and how it sends and takes digits.
type set struct {
	name  string
	codec offer.Codec
	event int // clock of its telephone-event; 0: none
	mode  DTMF
}

var (
	setEvent8  = set{"event/8000", pcmuCodec, 8000, DTMFAuto}
	setEvent48 = set{"event/48000", opusCodec, 48000, DTMFAuto}
	setFirefox = set{"opus, event/8000", opusCodec, 8000, DTMFAuto}
	setSignal  = set{"signal", pcmaCodec, 0, DTMFSignal}
	setTones   = set{"tones", pcmaCodec, 0, DTMFTones}
	setWide    = set{"G722 tones", g722Codec, 0, DTMFTones}
	setOpus    = set{"opus tones", opusCodec, 0, DTMFTones}
	setWide8   = set{"G722 event/8000", g722Codec, 8000, DTMFAuto}
)

func (s set) stream(to netip.AddrPort) offer.Stream {
	st := offer.Stream{Remote: to, Send: s.codec, Recv: s.codec, MaySend: true, MayRecv: true, PtimeMS: 20}
	if s.event > 0 {
		st.SendEvent = offer.Codec{Name: "telephone-event", PT: 101, Clock: s.event, Channels: 1}
		st.RecvEvent = st.SendEvent
	}
	return st
}

// rate is the PCM rate of its codec.
func (s set) rate() int {
	switch {
	case isG722(s.codec):
		return wideRate
	case isOpus(s.codec):
		return 48000
	}
	return narrowRate
}

// handset is a telephone of a kind at the end of a leg.
type handset struct {
	t    testing.TB
	set  set
	wire *wires
	leg  *leg
	fd   int
	addr netip.AddrPort
	enc  transcode.Encoder
	dec  transcode.Decoder
	ear  *tone.DTMFDetector
	pcm  []int16
	buf  []byte

	seq  uint16
	ts   uint32
	loss float64 // of what it sends and of what it gets

	heard   []byte         // digits, by whatever way it takes them
	lengths []int          // of events in ticks
	tones   []byte         // digits in its audio
	stamps  map[uint32]int // packets of events by timestamp
	ends    map[uint32]int
	audio   int

	from, until uint32 // timestamps of the last event
	segment     uint32 // of its present segment
	open        bool   // it has not ended
}

// wires is a session with a handset on both legs.
type wires struct {
	t      testing.TB
	l      *loop
	s      *Session
	events []Event
	sets   [2]*handset
	rand   *rand.Rand

	pressed []int  // how long, in ms
	then    func() // done at the next pass, once
}

func newWires(t testing.TB, a, b set) *wires {
	t.Helper()
	e, err := New(Config{Loops: 1, Realms: map[string]Realm{"core": {Bind: localhost, AllowLoopback: true}}})
	if err != nil {
		t.Fatal(err)
	}
	w := &wires{t: t, l: e.loops[0], rand: rand.New(rand.NewPCG(4733, 24))}
	w.l.now = int64(time.Second)
	w.s = e.Open("digits", func(ev Event) { w.events = append(w.events, ev) })
	for i, k := range []set{a, b} {
		w.sets[i] = w.connect(LegID(i), k)
	}
	w.s.compose(w.l)
	t.Cleanup(func() {
		w.s.end(w.l)
		e.release()
		_ = unix.Close(w.sets[0].fd)
		_ = unix.Close(w.sets[1].fd)
	})
	return w
}

func (w *wires) connect(id LegID, k set) *handset {
	w.t.Helper()
	h := &handset{
		t: w.t, set: k, wire: w, seq: 1, ts: 1000, buf: make([]byte, 2048), pcm: make([]int16, 5760),
		stamps: map[uint32]int{}, ends: map[uint32]int{},
	}
	var err error
	if h.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0); err != nil {
		w.t.Fatal(err)
	}
	if err := unix.Bind(h.fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		w.t.Fatal(err)
	}
	name, err := unix.Getsockname(h.fd)
	if err != nil {
		w.t.Fatal(err)
	}
	h.addr = netip.AddrPortFrom(localhost, uint16(name.(*unix.SockaddrInet4).Port))
	if h.enc, err = transcode.NewEncoder(k.codec.Name, k.rate(), transcode.Options{}); errors.Is(err, transcode.ErrNoOpus) {
		w.t.Skip(err)
	} else if err != nil {
		w.t.Fatal(err)
	}
	if h.dec, err = transcode.NewDecoder(k.codec.Name, k.rate()); err != nil {
		w.t.Fatal(err)
	}
	h.ear = tone.NewDTMFDetector(k.rate())
	h.leg = newLeg(w.s, id, w.l.engine.realms.get("core"), offer.RTP)
	h.leg.dtmf = k.mode
	if _, err := h.leg.allocate(); err != nil {
		w.t.Fatal(err)
	}
	w.s.place(w.l, h.leg)
	h.leg.bind(w.l, k.stream(h.addr))
	return h
}

// pass lets 20 ms go by: the gateway's clock runs, and both handsets take what has come.
func (w *wires) pass() {
	if then := w.then; then != nil {
		w.then = nil
		then()
	}
	for range 4 {
		w.l.now += int64(5 * time.Millisecond)
		w.l.clock()
		w.l.flush()
	}
	for _, h := range w.sets {
		h.listen()
	}
}

// lost draws whether a packet of the handset is.
func (h *handset) lost() bool { return h.wire.rand.Float64() < h.loss }

// emit sends one packet, unless it is lost on the way.
func (h *handset) emit(pt uint8, marker bool, ts uint32, payload []byte) {
	b := h.wire.l.slot()[:rtpHeader+len(payload)]
	copy(b[rtpHeader:], payload)
	putRTP(b, marker, pt, h.seq, ts, 0xcafe+uint32(h.leg.id))
	h.seq++
	if !h.lost() {
		h.wire.l.drop(h.leg.media(h.wire.l, b, h.addr), h.addr, h.leg)
	}
}

// speak sends 20 ms of audio.
func (h *handset) speak(pcm []int16) {
	n, err := h.enc.Encode(h.buf[:0:1500], pcm)
	if err != nil {
		h.t.Fatal(err)
	}
	h.emit(h.set.codec.PT, false, h.ts, h.buf[:n])
	h.ts += h.step()
}

func (h *handset) step() uint32 { return uint32(h.set.codec.Clock / 50) }

// hush sends audio without digits, a hum, for so many frames.
func (h *handset) hush(frames int) {
	src := tone.Source{Freq: 180, Rate: h.set.rate(), Amplitude: 0.05}
	for range frames {
		pcm := make([]int16, h.set.rate()/50)
		src.Fill(pcm)
		h.speak(pcm)
		h.wire.pass()
	}
}

// press sends a digit the way the handset does; beside says that its tone is in the audio as well.
func (h *handset) press(key byte, ms int, beside bool) {
	switch {
	case h.set.event > 0:
		h.pressEvent(key, ms, beside)
	case h.set.mode == DTMFSignal:
		h.wire.s.legs[1-h.leg.id].signalled(h.wire.l, key, time.Duration(ms)*time.Millisecond)
		if beside {
			h.pressTone(key, ms)
		}
	default:
		h.pressTone(key, ms)
	}
}

// pressEvent sends telephone-event as Chromium does: in the place of audio, or beside it as many telephones do.
func (h *handset) pressEvent(key byte, ms int, beside bool) {
	src, _ := tone.NewDTMFSource(key, h.set.rate())
	stamp, frames := h.ts, (ms+19)/20
	for i := range frames + eventEnds - 1 {
		b := []byte{byte(strings.IndexByte(eventKeys, key)), eventVolume, 0, 0}
		ticks := min((i+1)*20, ms) * h.set.event / 1000
		segment := ticks / segmentMax
		if i >= frames-1 {
			b[1] |= eventEnd
		}
		binary.BigEndian.PutUint16(b[2:], uint16(ticks-segment*segmentMax))
		h.emit(101, i == 0, stamp+uint32(segment*segmentMax), b)
		if beside && i < frames {
			pcm := make([]int16, h.set.rate()/50)
			for k := range pcm {
				pcm[k] = src.Next()
			}
			h.speak(pcm)
		} else {
			h.ts += h.step()
		}
		h.wire.pass()
	}
}

// pressTone sends a tone that begins and ends inside packets.
func (h *handset) pressTone(key byte, ms int) {
	src, _ := tone.NewDTMFSource(key, h.set.rate())
	from := h.wire.rand.IntN(h.set.rate() / 50)
	left := ms * h.set.rate() / 1000
	for left > 0 {
		pcm := make([]int16, h.set.rate()/50)
		for k := from; k < len(pcm) && left > 0; k++ {
			pcm[k] = src.Next() / 2
			left--
		}
		from = 0
		h.speak(pcm)
		h.wire.pass()
	}
}

// listen takes what has come to the handset.
func (h *handset) listen() {
	b := make([]byte, 2048)
	for {
		n, _, err := unix.Recvfrom(h.fd, b, unix.MSG_DONTWAIT)
		if err != nil {
			return
		}
		var p packet
		if !p.parse(b[:n]) {
			h.t.Fatalf("bad RTP: % x", b[:n])
		}
		if h.lost() {
			continue
		}
		if p.pt == 101 && h.set.event > 0 {
			h.event(&p)
			continue
		}
		if h.audio++; h.loss == 0 && h.until != h.from && p.ts-h.from < h.until-h.from {
			h.t.Errorf("audio lies in digit %d", len(h.heard))
		}
		k, err := h.dec.Decode(h.pcm, p.payload())
		if err != nil {
			h.t.Fatal(err)
		}
		h.ear.Write(h.pcm[:k], func(key byte, _ time.Duration) { h.tones = append(h.tones, key) })
	}
}

// event takes a packet of telephone-event as RFC 4733 has it: one event a timestamp, a marker on its first packet alone.
func (h *handset) event(p *packet) {
	b := p.payload()
	if next := p.ts != h.segment && p.ts != h.segment+segmentMax; h.loss == 0 && next {
		if h.open || h.until != h.from && int32(p.ts-h.until) <= 0 {
			h.t.Errorf("digit %d begins inside another", len(h.heard)+1)
		}
		h.from = p.ts
	}
	h.segment, h.until, h.open = p.ts, p.ts+uint32(binary.BigEndian.Uint16(b[2:])), b[1]&eventEnd == 0
	if h.stamps[p.ts]++; h.stamps[p.ts] == 1 {
		last := len(h.heard) - 1
		if segment := p.ts - segmentMax; h.stamps[segment] > 0 && h.ends[segment] == 0 && last >= 0 && h.heard[last] == eventKeys[b[0]] {
			h.lengths[last] += segmentMax
		} else {
			h.heard, h.lengths = append(h.heard, eventKeys[b[0]]), append(h.lengths, 0)
		}
		if !p.marker && h.loss == 0 && h.stamps[p.ts-segmentMax] == 0 {
			h.t.Errorf("digit %d: no marker", len(h.heard))
		}
	} else if p.marker {
		h.t.Errorf("digit %d: a marker again", len(h.heard))
	}
	if b[1]&eventEnd != 0 {
		if h.ends[p.ts]++; h.ends[p.ts] == 1 {
			h.lengths[len(h.lengths)-1] += int(binary.BigEndian.Uint16(b[2:]))
		}
	}
}

// told are the digits that the call has heard of from a leg.
func (w *wires) told(id LegID) (keys string) {
	for _, ev := range w.events {
		if ev.Kind == EventDTMF && ev.Leg == id {
			keys += string(ev.Digit)
		}
	}
	return keys
}

// got are the digits that the handset has heard, by the way it takes.
func (h *handset) got() string {
	switch h.leg.digitsGo() {
	case byEvent:
		return string(h.heard)
	case bySignal:
		return h.wire.told(1 - h.leg.id)
	case byTone, noWay:
	}
	return string(h.tones)
}

// lengths are how long the n-th digit lasts, in ms: from the shortest that counts to a second.
var pressLengths = []int{40, 60, 100, 160, 50, 80, 250, 40, 120, 1000, 70, 40, 90, 400, 60, 40}

// dialled is a sequence of n digits, every one of the sixteen, and pairs.
func dialled(r *rand.Rand, n int) string {
	b := []byte(eventKeys + "1122**")
	for len(b) < n {
		b = append(b, eventKeys[r.IntN(len(eventKeys))])
	}
	return string(b[:n])
}

// check compares what came with what was pressed.
func (w *wires) check(want string) {
	w.t.Helper()
	near, far := w.sets[0], w.sets[1]
	if got := w.told(A); got != want {
		w.t.Errorf("the call was told %s", differ(got, want))
	}
	if got := far.got(); got != want {
		w.t.Errorf("heard %s", differ(got, want))
	}
	if far.leg.digitsGo() != byTone && len(far.tones) > 0 {
		w.t.Errorf("%d digits leak in the audio: %.40q", len(far.tones), far.tones)
	}
	if near.set.event > 0 && far.set.event > 0 && near.loss == 0 && len(w.pressed) > 0 {
		for i, ticks := range far.lengths {
			if ms := ticks * 1000 / far.set.event; ms != w.pressed[i] {
				w.t.Errorf("digit %d lasts %d ms, pressed for %d", i, ms, w.pressed[i])
			}
		}
	}
	if far.audio == 0 {
		w.t.Error("no audio at all: nothing is proved")
	}
	if len(near.heard)+len(near.tones) > 0 || w.told(B) != "" {
		w.t.Errorf("digits came back: %q %q", near.heard, near.tones)
	}
}

func differ(got, want string) string {
	i := 0
	for i < min(len(got), len(want)) && got[i] == want[i] {
		i++
	}
	return fmt.Sprintf("%d digits of %d, the first %d right: %.20q, want %.20q", len(got), len(want), i, got[i:], want[i:])
}

// play presses digits and compares.
func (w *wires) play(n int, length func(i int) int, beside bool) {
	w.t.Helper()
	keys := dialled(w.rand, n)
	near := w.sets[0]
	near.hush(10)
	for i := range keys {
		ms := length(i)
		w.pressed = append(w.pressed, ms)
		near.press(keys[i], ms, beside)
		pause := 5
		if far := w.sets[1]; far.leg.digitsGo() != byEvent || near.set.mode == DTMFSignal || near.set.mode == DTMFTones {
			pause += max(ms, 80)/20 + 3 // it is played after it has been heard
		}
		near.hush(pause)
	}
	near.hush(40)
	w.check(keys)
}

func mixedLengths(i int) int { return pressLengths[i%len(pressLengths)] }

// TestDigitsAnyToAny is the matrix of MED-01: each way in with each way out, sixteen digits and more, 40 ms to a second.
func TestDigitsAnyToAny(t *testing.T) {
	all := []set{setEvent8, setEvent48, setFirefox, setSignal, setTones, setWide, setWide8}
	for _, in := range all {
		for _, out := range append(all[:len(all):len(all)], setOpus) {
			if isG722(in.codec) && isOpus(out.codec) && out.event == 0 {
				continue // what a browser never is
			}
			t.Run(in.name+" to "+out.name, func(t *testing.T) {
				newWires(t, in, out).play(40, mixedLengths, false)
			})
		}
	}
}

// TestDigitsOverLoss: a thousand digits each way of the main pairs, at 5 % loss on both sides: none is lost, none comes twice.
func TestDigitsOverLoss(t *testing.T) {
	n := 1000
	if testing.Short() || underRace {
		n = 100
	}
	for _, c := range [][2]set{
		{setEvent48, setEvent8}, {setEvent8, setEvent48}, {setEvent8, setEvent8}, {setEvent48, setSignal}, {setSignal, setEvent48},
		{setEvent8, setSignal}, {setSignal, setEvent8},
	} {
		t.Run(c[0].name+" to "+c[1].name, func(t *testing.T) {
			w := newWires(t, c[0], c[1])
			w.sets[0].loss, w.sets[1].loss = 0.05, 0.05
			w.play(n, mixedLengths, false)
		})
	}
}
