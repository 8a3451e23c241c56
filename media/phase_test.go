package media

import (
	"math/rand/v2"
	"testing"
	"time"
)

// heardLate is what becomes of a browser's stream: how long its frames waited at the end, and what the ring had to do.
func heardLate(t *testing.T, frames int, ppm int64, jitter time.Duration) (waits time.Duration, p *player) {
	t.Helper()
	b := newBench(t, profiles["GCM"], opusCodec, pcmuCodec)
	voice := opusFrames(t, 50)
	r := rand.New(rand.NewPCG(4, uint64(ppm)))
	start := b.l.now
	came := func(n int) int64 {
		at := start + int64(n)*int64(playStep)*(1_000_000-ppm)/1_000_000
		if jitter > 0 && n > 0 {
			at += r.Int64N(int64(jitter))
		}
		return at
	}
	out := uint64(0)
	next := came(0)
	last := int64(0)
	for n := 0; n < frames; b.l.now += int64(100 * time.Microsecond) {
		if b.l.now >= next {
			if d := b.a.media(b.l, b.fromBrowser(t, voice[n%len(voice)]), b.src); d != Delivered {
				t.Fatal(d)
			}
			n++
			last, next = b.l.now, came(n)
		}
		b.l.clock()
		b.l.flush()
		if sent := b.b.out.packets; sent != out {
			out, waits = sent, time.Duration(b.l.now-last)
		}
	}
	return waits, b.a.onward.(*player)
}

// On a good way a frame comes to wait for less than the first one did, whatever the skew, and none is missed or taken out; on another one it does
// not.
func TestFramesWaitForAsLongAsTheyMust(t *testing.T) {
	for _, c := range []struct {
		name     string
		frames   int
		ppm      int64
		jitter   time.Duration
		min, max time.Duration // that the last frame waited
	}{
		{"steady", 200, 0, 0, 5 * time.Millisecond, 7500 * time.Microsecond},
		{"a fast clock", 3000, 200, 0, 5 * time.Millisecond, 7500 * time.Microsecond},
		{"a slow clock", 3000, -200, 0, 4 * time.Millisecond, 7500 * time.Microsecond},
		{"some jitter", 500, 0, 5 * time.Millisecond, 5 * time.Millisecond, 13 * time.Millisecond},
		{"much", 500, 0, 11 * time.Millisecond, 4 * time.Millisecond, 20 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			waits, p := heardLate(t, c.frames, c.ppm, c.jitter)
			if waits < c.min || waits > c.max {
				t.Errorf("the last frame waited for %s, want %s to %s", waits, c.min, c.max)
			}
			if s := p.ring.Stats(); s.Concealed+s.Late+s.Dropped+s.Shrunk > 0 || s.Played < uint64(c.frames)-3 {
				t.Errorf("%+v of %d frames", s, c.frames)
			}
		})
	}
}

// A look that has seen too little, or what is near enough, moves nothing; a move is small.
func TestPhaseMovesInSmallSteps(t *testing.T) {
	const ms = int64(time.Millisecond)
	for _, c := range []struct {
		name   string
		left   int64 // of each frame
		frames int
		want   int64
	}{
		{"far", 12 * ms, phaseLook, -int64(phaseStep)},
		{"near enough", 7 * ms, phaseLook, 0},
		{"a little further", 6*ms + ms + ms/4, phaseLook, -(ms + ms/4)},
		{"too near", 0, phaseLook, int64(phaseStep)},
		{"few", 12 * ms, phaseFew - 1, 0},
	} {
		var p phase
		var by int64
		for i := range phaseLook {
			due := int64(i+1) * int64(playStep)
			if i < c.frames {
				p.comes(due - c.left)
			}
			if by != 0 {
				t.Errorf("%s: moved before the look was over", c.name)
			}
			by = p.pulled(due)
		}
		if by != c.want || p != (phase{}) {
			t.Errorf("%s: moves by %s, want %s; %+v is left", c.name, time.Duration(by), time.Duration(c.want), p)
		}
	}
}
