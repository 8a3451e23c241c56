package media

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"drawbridge/media/offer"
)

// TestDigitsOverLossInTheAudio: a tone that is lost in part is one digit still, if it is long enough to be one.
func TestDigitsOverLossInTheAudio(t *testing.T) {
	for _, c := range [][2]set{{setTones, setEvent48}, {setTones, setEvent8}, {setTones, setSignal}, {setEvent48, setTones}, {setSignal, setTones}} {
		t.Run(c[0].name+" to "+c[1].name, func(t *testing.T) {
			w := newWires(t, c[0], c[1])
			w.sets[0].loss, w.sets[1].loss = 0.05, 0.05
			w.play(200, func(i int) int { return 160 + 40*(i%4) }, false)
		})
	}
}

// TestNoToneBesideADigit: a telephone that sends the tone in its audio as well is heard once: the audio waits.
func TestNoToneBesideADigit(t *testing.T) {
	for _, in := range []set{setEvent8, setEvent48, setWide8} {
		for _, out := range []set{setEvent8, setEvent48, setSignal, setTones, setWide8} {
			t.Run(in.name+" to "+out.name, func(t *testing.T) {
				newWires(t, in, out).play(40, mixedLengths, true)
			})
		}
	}
}

// TestOneDigitByTwoWays: a peer that says every digit twice, in one order or the other, has pressed it once.
func TestOneDigitByTwoWays(t *testing.T) {
	type sender func(h *handset, key byte)
	event := func(h *handset, key byte) { h.pressEvent(key, 100, false) }
	sound := func(h *handset, key byte) { h.pressTone(key, 100) }
	signal := func(h *handset, key byte) {
		h.wire.s.legs[1-h.leg.id].signalled(h.wire.l, key, 100*time.Millisecond)
	}
	for _, c := range []struct {
		name string
		in   set
		ways []sender
	}{
		{"event, then signal", setEvent8, []sender{event, signal}},
		{"signal, then event", setEvent8, []sender{signal, event}},
		{"signal, then tone", setTones, []sender{signal, sound}},
		{"tone, then signal", setTones, []sender{sound, signal}},
	} {
		for _, out := range []set{setEvent8, setEvent48, setSignal} {
			t.Run(c.name+" to "+out.name, func(t *testing.T) {
				w := newWires(t, c.in, out)
				near, keys := w.sets[0], "1122#1#1555"
				near.hush(10)
				for i := range keys {
					for _, send := range c.ways {
						send(near, keys[i])
					}
					near.hush(15)
				}
				near.hush(20)
				w.check(keys)
			})
		}
	}
}

// TestOneDigitByThreeWays, and one that goes on beside: the second and third way may be late.
func TestOneDigitByThreeWays(t *testing.T) {
	var seen twins
	const second = int64(time.Second)
	for _, c := range []struct {
		key  byte
		way  digitWay
		at   int64
		twin bool
	}{
		{'5', byEvent, 10 * second, false},
		{'5', bySignal, 11 * second, true},
		{'5', byTone, 11 * second, true},
		{'5', byEvent, 11 * second, false}, // pressed again
		{'6', bySignal, 11 * second, false},
		{'5', bySignal, 12 * second, true},
		{'5', bySignal, 12 * second, false}, // and again, by signalling alone
		{'6', byEvent, 14 * second, false},  // too late to be the same
	} {
		if got := seen.known(c.key, c.way, c.at); got != c.twin {
			t.Errorf("%c by %d at %d s: %v", c.key, c.way, c.at/second, got)
		}
	}
}

// TestLongDigits: an event of 3 s at 48 kHz has three segments, at 8 kHz it is one; one that never ends is told after its last packet.
func TestLongDigits(t *testing.T) {
	for _, in := range []set{setEvent48, setEvent8} {
		for _, out := range []set{setEvent8, setEvent48, setSignal, setTones} {
			t.Run(in.name+" to "+out.name, func(t *testing.T) {
				newWires(t, in, out).play(3, func(int) int { return 3000 }, false)
			})
		}
	}
	t.Run("signalled to event/48000", func(t *testing.T) {
		w := newWires(t, setSignal, setEvent48)
		w.play(3, func(int) int { return 3000 }, false)
		for i, ticks := range w.sets[1].lengths {
			if ticks != 3000*48 {
				t.Errorf("digit %d: %d ticks", i, ticks)
			}
		}
	})
}

// eventOf is a payload of telephone-event.
func eventOf(code byte, end bool, ticks uint16) []byte {
	b := []byte{code, eventVolume, 0, 0}
	if end {
		b[1] |= eventEnd
	}
	binary.BigEndian.PutUint16(b[2:], ticks)
	return b
}

// wandering sends a digit with three ends, of which one packet is lost, and a timestamp that moves with every packet.
func wandering(h *handset, lost uint32) {
	for i := range uint32(7) {
		if i == lost {
			h.seq++
			continue
		}
		h.emit(101, i == 0, h.ts+160*i, eventOf(3, i >= 4, uint16(160*min(i+1, 5))))
		h.wire.pass()
	}
}

// TestBadEvents: what is no digit is dropped and counted, and does not disturb those around it.
// Digits take numbers of the stream that they lie in: to the ring that plays the audio nothing is lost.
func TestDigitsAreNoLoss(t *testing.T) {
	for _, beside := range []bool{false, true} {
		w := newWires(t, setEvent48, setEvent8)
		h := w.sets[0]
		h.hush(50)
		ring := h.leg.onward.(*player).ring
		for range 10 {
			h.press('5', 100, beside)
			h.hush(10)
		}
		if s := ring.Stats(); s.Recovered > 0 {
			t.Errorf("beside audio %t: %d frames recovered of none that were lost", beside, s.Recovered)
		}
		h.hush(5)
		if d := ring.Depth(); d > 0 {
			t.Errorf("beside audio %t: %d frames wait", beside, d)
		}
	}
}

func TestBadEvents(t *testing.T) {
	for _, c := range []struct {
		name  string
		send  func(h *handset)
		want  string
		drops map[Drop]uint64
	}{
		{"flash and other codes beyond the keys", func(h *handset) {
			h.emit(101, true, h.ts, eventOf(16, false, 160))
			h.emit(101, false, h.ts, eventOf(16, true, 320))
		}, "", map[Drop]uint64{DropDigit: 2}},
		{"half an event", func(h *handset) { h.emit(101, true, h.ts, []byte{5, 10}) }, "", map[Drop]uint64{DropDigit: 1}},
		{"an end alone, three times", func(h *handset) {
			for range 3 {
				h.emit(101, false, h.ts, eventOf(5, true, 800))
			}
		}, "", map[Drop]uint64{DropDigit: 3}},
		{"an end whose beginning is lost", func(h *handset) {
			h.seq += 4
			for range 3 {
				h.emit(101, false, h.ts, eventOf(5, true, 800))
			}
		}, "5", nil},
		{"an end that is a beginning, too", func(h *handset) { h.emit(101, true, h.ts, eventOf(5, true, 320)) }, "5", nil},
		{"an end of no length", func(h *handset) {
			h.seq += 4
			h.emit(101, false, h.ts, eventOf(5, true, 0))
		}, "", map[Drop]uint64{DropDigit: 1}},
		{"time that runs back", func(h *handset) {
			h.emit(101, true, h.ts, eventOf(7, false, 320))
			h.emit(101, false, h.ts, eventOf(7, false, 160))
			h.emit(101, false, h.ts, eventOf(7, true, 480))
		}, "7", map[Drop]uint64{DropDigit: 1}},
		{"after its end", func(h *handset) {
			h.emit(101, true, h.ts, eventOf(7, false, 160))
			h.emit(101, false, h.ts, eventOf(7, true, 320))
			h.emit(101, false, h.ts, eventOf(7, false, 480))
		}, "7", map[Drop]uint64{DropDigit: 1}},
		{"a type that nobody agreed to", func(h *handset) { h.emit(96, true, h.ts, eventOf(7, true, 320)) }, "", map[Drop]uint64{DropPayloadType: 1}},
		{"a timestamp that moves with every packet", func(h *handset) {
			for i := range uint32(5) {
				h.emit(101, i == 0, h.ts+160*i, eventOf(3, i == 4, uint16(160*(i+1))))
			}
		}, "3", nil},
		{"a timestamp that moves, and the first end is lost", func(h *handset) { wandering(h, 4) }, "3", nil},
		{"a timestamp that moves, and the second end is lost", func(h *handset) { wandering(h, 5) }, "3", nil},
		{"a digit that another one cuts short", func(h *handset) {
			h.emit(101, true, h.ts, eventOf(1, false, 160))
			h.ts += 320
			h.emit(101, true, h.ts, eventOf(2, false, 160))
			h.emit(101, false, h.ts, eventOf(2, true, 320))
		}, "12", nil},
		{"a digit from before comes late", func(h *handset) {
			h.emit(101, true, h.ts, eventOf(1, true, 320))
			h.ts += 960
			h.emit(101, true, h.ts, eventOf(2, true, 320))
			h.emit(101, false, h.ts-960, eventOf(1, true, 320))
		}, "12", map[Drop]uint64{DropReplay: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWires(t, setEvent8, setEvent48)
			h := w.sets[0]
			h.hush(5)
			before := drops(w.l)
			c.send(h)
			h.ts += 1600
			h.hush(20)
			w.check(c.want)
			for d, n := range drops(w.l) {
				if n -= before[d]; n != c.drops[d] {
					t.Errorf("%s: %d, want %d", d, n, c.drops[d])
				}
			}
		})
	}
}

func drops(l *loop) map[Drop]uint64 {
	m := map[Drop]uint64{}
	for d := Delivered + 1; d < numDrops; d++ {
		m[d] = l.count.drop[d].Load()
	}
	return m
}

// TestDigitsAfterALongSilence: timestamps have gone half way round, and all the way.
func TestDigitsAfterALongSilence(t *testing.T) {
	for _, in := range []set{setEvent8, setEvent48} {
		w := newWires(t, in, setEvent8)
		h := w.sets[0]
		for _, key := range []byte("159") {
			h.hush(3)
			h.press(key, 100, false)
			h.hush(3)
			w.l.now += int64(13 * time.Hour)
			h.ts += uint32(13 * 3600 * h.set.codec.Clock % (1 << 32))
		}
		w.check("159")
	}
}

// TestDigitsDuringHold: a digit that cannot go out is counted and not kept for later; the call hears of it all the same. In between, one
// that is being played or relayed comes to its end.
func TestDigitsDuringHold(t *testing.T) {
	for _, in := range []set{setEvent8, setSignal} {
		t.Run(in.name, func(t *testing.T) {
			w := newWires(t, in, setEvent48)
			near, far := w.sets[0], w.sets[1]
			near.hush(5)
			near.press('1', 100, false)
			near.hush(12)
			st := far.set.stream(far.addr)
			st.MaySend = false
			w.rebind(far, st)
			near.press('2', 100, false)
			near.hush(12)
			w.rebind(far, far.set.stream(far.addr))
			near.hush(12)
			near.press('3', 100, false)
			near.hush(12)
			if got := far.got(); got != "13" {
				t.Errorf("heard %q", got)
			}
			if got := w.told(A); got != "123" {
				t.Errorf("told %q", got)
			}
			if w.l.count.drop[DropDigit].Load() == 0 {
				t.Error("not counted")
			}
		})
	}
}

func (w *wires) rebind(h *handset, st offer.Stream) {
	h.leg.bind(w.l, st)
	w.s.compose(w.l)
}

// TestWhatIsPlayedIsAgreedAnew: the far side changes its codec and loses telephone-event while digits wait for it.
func TestWhatIsPlayedIsAgreedAnew(t *testing.T) {
	w := newWires(t, setSignal, setEvent8)
	near, far := w.sets[0], w.sets[1]
	near.hush(5)
	for _, key := range []byte("123456") {
		near.press(key, 100, false)
	}
	near.hush(14) // the second is on
	st := far.set.stream(far.addr)
	st.SendEvent.Name, st.RecvEvent.Name = "", ""
	w.rebind(far, st)
	near.hush(80)
	if got := string(far.heard) + "|" + string(far.tones); !strings.HasPrefix(got, "12|") || !strings.HasSuffix(got, "|3456") {
		t.Errorf("heard %q", got)
	}
	if far.leg.digits.busy() || far.leg.timers[timerDigit].pos != 0 {
		t.Error("the leg still plays")
	}
}

// TestDigitsMeet: what the gateway plays and what it relays never lie in one another.
func TestDigitsMeet(t *testing.T) {
	w := newWires(t, setEvent8, setEvent8)
	near := w.sets[0]
	near.hush(5)
	signal := func(key byte) { w.sets[1].leg.signalled(w.l, key, 200*time.Millisecond) }
	signal('1')
	near.hush(3)
	near.pressEvent('2', 100, false) // while the first is on
	near.hush(1)
	signal('3')
	near.hush(30)
	for _, key := range []byte("456") {
		if key == '5' {
			w.then = func() { signal('7') } // while it is on
		}
		near.pressEvent(key, 60, false)
		near.hush(2)
	}
	near.hush(40)
	if got := w.sets[1].got(); got != "1234576" && got != "1234567" {
		t.Errorf("heard %q", got)
	}
}

// TestLateAudioStaysOutOfADigit: what was delayed on the way belongs to the time of a digit that has been played meanwhile.
func TestLateAudioStaysOutOfADigit(t *testing.T) {
	for _, in := range []set{setSignal, setWide} {
		w := newWires(t, in, setEvent8)
		near, far := w.sets[0], w.sets[1]
		near.hush(5)
		far.leg.queueDigit(w.l, '5', 100*time.Millisecond)
		for range 8 {
			w.pass()
		}
		for range 8 {
			near.speak(make([]int16, near.set.rate()/50))
		}
		near.hush(10)
		if far.got() != "5" || far.audio < 15 {
			t.Errorf("heard %q and %d packets of audio", far.got(), far.audio)
		}
	}
}

// Budget: 0 allocations for a packet of telephone-event, relayed or played, and for a packet that is listened to.
func TestDigitsAllocateNothing(t *testing.T) {
	if underRace {
		t.Skip("the race detector allocates")
	}
	w := newWires(t, setEvent8, setEvent48)
	h := w.sets[0]
	h.hush(5)
	ticks := uint16(160)
	payload := eventOf(5, false, ticks)
	relay := func() {
		ticks++
		binary.BigEndian.PutUint16(payload[2:], ticks)
		h.emit(101, false, h.ts, payload)
		w.l.flush()
	}
	relay()
	if n := testing.AllocsPerRun(1000, relay); n != 0 {
		t.Errorf("a relayed packet: %v allocations", n)
	}
	for name, out := range map[string]set{"event": setEvent48, "tone": setTones} {
		w := newWires(t, setSignal, out)
		w.sets[0].hush(5)
		w.sets[1].leg.queueDigit(w.l, '5', eventLong)
		play := func() {
			w.l.now += int64(20 * time.Millisecond)
			w.l.clock()
			w.l.flush()
		}
		play()
		if n := testing.AllocsPerRun(200, play); n != 0 {
			t.Errorf("a played %s packet: %v allocations", name, n)
		}
	}
	w = newWires(t, setTones, setEvent8)
	h = w.sets[0]
	h.hush(5)
	frame := make([]byte, 160)
	listen := func() {
		h.emit(h.set.codec.PT, false, h.ts, frame)
		h.ts += 160
		w.l.now += int64(20 * time.Millisecond)
		w.l.flush()
	}
	if n := testing.AllocsPerRun(200, listen); n != 0 {
		t.Errorf("a packet that is listened to: %v allocations", n)
	}
}
