package rtpmath

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// heard feeds a pattern: '.' came, 'x' is lost.
func heard(pattern string) BurstReport {
	var b Bursts
	for i, c := range pattern {
		if c == '.' {
			b.Update(int64(i))
		}
	}
	return b.Report(20 * time.Millisecond)
}

func repeat(s string, n int) (out string) {
	for range n {
		out += s
	}
	return out
}

func TestBursts(t *testing.T) {
	gap := repeat(".", 20)
	for _, c := range []struct {
		name, pattern string
		want          BurstReport
	}{
		{"nothing", "", BurstReport{Ratio: 1}},
		{"clean", gap + gap, BurstReport{Received: 40, Ratio: 1, GapDuration: 800 * time.Millisecond}},
		{"single losses are a gap", gap + "x" + gap + "x" + gap,
			BurstReport{Lost: 2, Received: 60, Ratio: 1, GapDensity: 2. / 62, GapDuration: 1240 * time.Millisecond}},
		{"three in a row are a burst", gap + "xxx" + gap,
			// c11 40, c13 1, c33 2: all of a burst's packets are lost, and it has three of them. Mean run 3, of random loss 43/40.
			BurstReport{Lost: 3, Received: 40, Ratio: 3 * (1 - 3./43), BurstDensity: 1, BurstDuration: 60 * time.Millisecond, GapDuration: 820 * time.Millisecond}},
		{"every other one", gap + "x.x.x.x" + gap,
			// p23 1, p32 3/4 of the moves out of a loss.
			BurstReport{Lost: 4, Received: 43, Ratio: 1, BurstDensity: 1 / 1.75, BurstDuration: 140 * time.Millisecond, GapDuration: 820 * time.Millisecond}},
		{"16 received end a burst", gap + "xx" + gap[:16] + "xx" + gap,
			BurstReport{Lost: 4, Received: 56, Ratio: 2 * (1 - 4./60), BurstDensity: 1, BurstDuration: 40 * time.Millisecond, GapDuration: 580 * time.Millisecond}},
	} {
		got := heard(c.pattern)
		if d := cmp.Diff(c.want, got, cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-9 })); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

func TestLatePacketsAreNotLost(t *testing.T) {
	var b Bursts
	for _, ext := range []int64{100, 101, 104, 103, 102, 110, 105, 106, 107, 108, 109, 111} {
		b.Update(ext)
	}
	if r := b.Report(20 * time.Millisecond); r.Lost != 0 || r.Received != 12 {
		t.Errorf("reordered: %+v", r)
	}
	for ext := int64(113); ext < 140; ext++ { // 112 comes when nobody waits any more
		b.Update(ext)
	}
	b.Update(112)
	if r := b.Report(20 * time.Millisecond); r.Lost != 1 {
		t.Errorf("too late: %+v", r)
	}
}

func TestRestartIsNoLoss(t *testing.T) {
	var b Bursts
	b.Update(10)
	b.Update(11)
	b.Restart()
	b.Update(1 << 20)
	if r := b.Report(20 * time.Millisecond); r.Lost != 0 || r.Received != 3 {
		t.Errorf("%+v", r)
	}
}

// Losses at random have a ratio of 1, those of a channel that stays bad for four packets one of nearly 4.
func TestBurstRatioOfKnownChannels(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	measure := func(good, bad float64) BurstReport { // chance of losing after a packet received, after a loss
		var b Bursts
		lost := false
		for ext := range int64(200_000) {
			p := good
			if lost {
				p = bad
			}
			if lost = random.Float64() < p; !lost {
				b.Update(ext)
			}
		}
		return b.Report(20 * time.Millisecond)
	}
	if r := measure(.05, .05); math.Abs(r.Ratio-1) > .03 {
		t.Errorf("random: %+v", r)
	}
	if r := measure(.0125, .75); math.Abs(r.Ratio-3.8) > .2 {
		t.Errorf("bursts: %+v", r)
	}
}
