package media

import (
	"testing"
	"time"

	"drawbridge/media/offer"
)

// talker is a phone whose source changes, as after a transfer within its PBX.
type talker struct {
	w    *bench
	seq  uint16
	ts   uint32
	ssrc uint32

	heard int // packets that went on
}

func (k *talker) send(pt uint8, ts uint32, payload []byte) {
	if k.w.speakAs(k.ssrc, k.w.a, pt, k.seq, ts, payload) == Delivered {
		k.heard++
	}
	k.seq, k.ts = k.seq+1, k.ts+160
}

func (k *talker) talk(n int) {
	for range n {
		k.send(0, k.ts, make([]byte, 160))
		k.w.step()
	}
}

// burst sends so many packets at once, as a network does that has stood still.
func (k *talker) burst(n int) {
	for range n {
		k.send(0, k.ts, make([]byte, 160))
	}
}

func (k *talker) press(code uint8) {
	for i, begin := 0, k.ts; i < 7; i++ {
		k.send(101, begin, eventOf(code, i >= 4, uint16(160*min(i+1, 5))))
		k.w.step()
	}
}

// become is another source from here on.
func (k *talker) become(seq uint16, ts uint32) { k.seq, k.ts, k.ssrc, k.heard = seq, ts, k.ssrc+1, 0 }

func newTalker(t *testing.T, out offer.Codec) *talker {
	t.Helper()
	a, b := stream(pcmuCodec, 0), stream(out, 0)
	a.SendEvent, a.RecvEvent, b.SendEvent, b.RecvEvent = eventRTP, eventRTP, eventRTP, eventRTP
	return &talker{w: newPhones(t, a, b), seq: 40_000, ts: 1 << 20, ssrc: 1}
}

// Whatever becomes of the first packet of a new source, those behind it are heard.
func TestANewSourceIsHeard(t *testing.T) {
	for _, out := range []offer.Codec{pcmuCodec, pcmaCodec, g722Codec, opusCodec} {
		for name, begin := range map[string]func(k *talker){
			"with voice":   func(*talker) {},
			"with a digit": func(k *talker) { k.press(5) },
			"with an event that is no digit": func(k *talker) {
				k.press(16)
				k.ts += 160
			},
			"with more than it may send": func(k *talker) { k.burst(2) },
		} {
			k := newTalker(t, out)
			k.w.a.police.limit(pcmuCodec)
			k.talk(100)
			k.burst(25)
			k.become(100, 7)
			begin(k)
			k.w.l.now += int64(40 * time.Millisecond)
			k.heard = 0
			k.talk(500)
			if k.heard < 480 {
				t.Errorf("to %s, %s: %d of 500 packets", out.Name, name, k.heard)
			}
		}
	}
}

// Times of another source say nothing of a digit.
func TestDigitsOfANewSource(t *testing.T) {
	for _, jump := range []uint32{1 << 30, 3 << 30} {
		k := newTalker(t, pcmuCodec)
		k.talk(20)
		k.press(1)
		k.talk(10)
		k.become(30_000, k.ts+jump)
		k.talk(20)
		k.press(2)
		k.talk(20)
		told := ""
		for _, ev := range k.w.events {
			if ev.Kind == EventDTMF {
				told += string(ev.Digit)
			}
		}
		if told != "12" {
			t.Errorf("timestamps %d further: the call was told %q", jump, told)
		}
	}
}

// A digit that is held down while the source changes has ended.
func TestANewSourceEndsADigit(t *testing.T) {
	k := newTalker(t, pcmaCodec)
	k.talk(20)
	k.send(101, k.ts, eventOf(3, false, 160))
	k.w.step()
	k.become(7, 1<<31)
	k.talk(20)
	told := 0
	for _, ev := range k.w.events {
		if ev.Kind == EventDTMF && ev.Digit == '3' {
			told++
		}
	}
	if told != 1 || k.heard < 13 {
		t.Errorf("told %d times; %d packets of the new source", told, k.heard)
	}
}

// A sender's clock that jumps, or stands still while it sends nothing, is no jitter.
func TestAJumpIsNoJitter(t *testing.T) {
	for name, jump := range map[string]func(k *talker){
		"jump":        func(k *talker) { k.ts += 1 << 30 },
		"frozen hold": func(k *talker) { k.w.l.now += int64(time.Minute) },
	} {
		k := newTalker(t, pcmuCodec)
		k.talk(500)
		jump(k)
		k.talk(50)
		if q, _ := k.w.a.rateIn(); q.MOS < 4 || k.w.a.in.jitter.Value() > 80 {
			t.Errorf("%s: MOS %.2f, jitter %v, reported as %d", name, q.MOS, q.Jitter, k.w.a.in.jitter.Value())
		}
	}
}

// as sends n packets of another source of the phone, 20 ms apart, and counts those that went on.
func (k *talker) as(ssrc uint32, n int) (heard int) {
	other := *k
	other.ssrc, other.heard, other.seq = ssrc, 0, uint16(ssrc)
	other.talk(n)
	return other.heard
}

// Who forges the phone's address, but knows nothing else of its stream, gets nothing into it, in however good an order his packets are, and
// keeps none of the phone's from being heard (T13).
func TestAForgerDoesNotTakeTheStream(t *testing.T) {
	for name, forge := range map[string]func(k, evil *talker, n int) (sent int){
		"pairs": func(_, evil *talker, _ int) int {
			evil.burst(2)
			return 2
		},
		"a new source for each pair": func(_, evil *talker, n int) int {
			evil.ssrc = 5000 + uint32(n)
			evil.burst(2)
			return 2
		},
		"a burst now and then": func(_, evil *talker, n int) int {
			if n%50 != 0 {
				return 0
			}
			evil.burst(100)
			return 100
		},
	} {
		k := newTalker(t, pcmuCodec)
		evil := &talker{w: k.w, seq: 1000, ssrc: 0xe111}
		k.talk(50)
		k.heard = 0
		forged := 0
		for n := range 500 {
			forged += forge(k, evil, n)
			k.talk(1)
		}
		if evil.heard != 0 || k.heard != 500 || k.w.a.in.known != 0 {
			t.Errorf("%s: %d of %d forged packets went on, %d of 500 of the phone; %d changes", name, evil.heard, forged, k.heard, k.w.a.in.known)
		}
	}
}

// A forger who gets in while the phone is silent is out again soon after it has begun to speak, as often as he likes.
func TestAForgerIsOutWhenThePhoneSpeaks(t *testing.T) {
	k := newTalker(t, pcmuCodec)
	k.talk(50)
	for n := range uint32(10) {
		k.w.l.now += int64(time.Second)
		k.as(5000+n, 25)
		k.as(6000+n, 25)
		evil := &talker{w: k.w, seq: 1000, ssrc: 6000 + n}
		k.heard = 0
		for range 100 { // both speak
			evil.burst(1)
			k.talk(1)
		}
		if k.heard < 96 {
			t.Fatalf("pause %d: %d of 100 packets of the phone", n, k.heard)
		}
	}
}

// A phone that changes its source is heard within 200 ms, while others are forged; one that has been silent sooner.
func TestAChangeOfSourceIsHeardSoon(t *testing.T) {
	for _, c := range []struct {
		pause time.Duration
		spray bool
		lost  int // packets of 20 ms
	}{{0, false, 7}, {0, true, 9}, {time.Second, false, 3}} {
		k := newTalker(t, pcmuCodec)
		k.talk(50)
		k.w.l.now += int64(c.pause)
		k.become(7, 9)
		for n := range uint32(50) {
			k.talk(1)
			if c.spray {
				k.w.speakAs(9000+n, k.w.a, 0, uint16(n), 0, make([]byte, 160))
			}
		}
		if lost := 50 - k.heard; lost > c.lost {
			t.Errorf("after a pause of %s, spray %v: %d packets were lost", c.pause, c.spray, lost)
		}
	}
}

// Digits that come as a source of their own, in pauses of the voice, are heard all through a call.
func TestDigitsWithASourceOfTheirOwn(t *testing.T) {
	k := newTalker(t, pcmuCodec)
	k.talk(50)
	const presses = 10
	for n := range uint8(presses) {
		digits := &talker{w: k.w, seq: 1000 * uint16(n), ts: k.ts, ssrc: 0xd161}
		for i := range 15 { // 300 ms
			digits.send(101, k.ts, eventOf(n, i >= 12, uint16(160*min(i+1, 13))))
			k.w.step()
		}
		k.heard = 0
		k.talk(50)
		if k.heard < 46 {
			t.Errorf("%d of 50 packets of voice behind digit %d", k.heard, n)
		}
	}
	told := 0
	for _, ev := range k.w.events {
		if ev.Kind == EventDTMF {
			told++
		}
	}
	if told != presses {
		t.Errorf("%d of %d digits", told, presses)
	}
}

// Three changes a minute are all that a stream may make (T14).
func TestChangesOfSourceAreFew(t *testing.T) {
	k := newTalker(t, pcmuCodec)
	k.talk(50)
	for n := range 6 {
		k.become(7, 9)
		k.talk(50)
		if heard := k.heard > 0; heard != (n < sourceChanges) {
			t.Errorf("change %d: %d packets", n+1, k.heard)
		}
	}
	k.w.l.now += int64(time.Minute)
	k.talk(50)
	if k.heard < 46 {
		t.Errorf("a minute later: %d packets", k.heard)
	}
}
