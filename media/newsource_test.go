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
	if told != 1 || k.heard < 17 {
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
