package transcode

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// run is what came of a stream that went through a Playout.
type run struct {
	PlayoutStats
	first, last, most int // ms from the sender's mouth to the ear: in the first minute at most, in the last minute at most, ever
}

// listen plays seconds of a sender whose clock is fast by skew parts per million, whose packets take delay ms, or are lost when it is
// negative. A decoder that numbers its samples tells how old each frame is that is heard.
func listen(seconds, skew int, dec Decoder, delay func(n int) float64) (r run) {
	type arrival struct {
		at float64 // ms
		n  int
	}
	sent := func(n int) float64 { return float64(n) * 20 * (1 - float64(skew)/1e6) }
	var due []arrival
	for n := range (seconds + 1) * 50 { // a fast one does not end early
		if d := delay(n); d >= 0 {
			due = append(due, arrival{sent(n) + d, n})
		}
	}
	slices.SortStableFunc(due, func(a, b arrival) int { return int(a.at*1000) - int(b.at*1000) })
	p := NewPlayout(dec, 48000)
	pcm := make([]int16, 160)
	for tick := range seconds * 50 {
		now := float64(tick * 20)
		for len(due) > 0 && due[0].at <= now {
			n := due[0].n
			p.Push(uint16(n), uint32(n*960), numberedPayload(n%(1<<14), 20))
			due = due[1:]
		}
		n, k := p.Pull(pcm)
		if n == 0 || k != Played || tick < 250 {
			continue
		}
		const again = 1 << 14 // numbers start anew there
		behind := (tick - int(pcm[80])) % again
		if behind < -again/2 || behind > again/2 {
			behind -= again * (behind / max(behind, -behind))
		}
		number := tick - behind
		age := int(now - sent(number))
		r.most = max(r.most, age)
		if tick < 60*50 {
			r.first = max(r.first, age)
		}
		if tick >= (seconds-60)*50 {
			r.last = max(r.last, age)
		}
	}
	r.PlayoutStats = p.Stats()
	return r
}

// TestHalfAnHourOfSkew: the clocks of the two sides run apart, and neither does the delay grow nor is anything invented that need not be.
func TestHalfAnHourOfSkew(t *testing.T) {
	for _, skew := range []int{200, -200, 0} {
		for _, jitter := range []float64{0, 3, 30} {
			random := rand.New(rand.NewPCG(uint64(skew+500), uint64(jitter)))
			r := listen(1800, skew, numbered{}, func(int) float64 { return 5 + jitter*random.Float64() })
			t.Logf("%+d ppm, jitter of %2.0f ms: delay at most %d ms in the first minute, %d in the last, %d ever; %d frames concealed, %d taken out",
				skew, jitter, r.first, r.last, r.most, r.Concealed, r.Shrunk)
			apart := 1800 * 200 / 20_000 // frames by which the clocks are apart in the end
			if r.most > 60+int(jitter) || r.last > r.first+20 || r.Silence > 0 || r.Late > 10 || r.Dropped > 0 {
				t.Errorf("%+d ppm, jitter of %.0f ms: %+v", skew, jitter, r)
			}
			switch {
			case skew < 0 && (int(r.Concealed) < apart || int(r.Concealed-r.Shrunk) > apart+6):
				t.Errorf("%+d ppm, jitter of %.0f ms: %d frames concealed, want about %d", skew, jitter, r.Concealed, apart)
			case skew > 0 && (r.Concealed > 3 || int(r.Shrunk) < apart || int(r.Shrunk) > apart+4):
				t.Errorf("%+d ppm, jitter of %.0f ms: %d frames taken out, want about %d", skew, jitter, r.Shrunk, apart)
			case skew == 0 && r.Concealed > 0:
				t.Errorf("no skew, jitter of %.0f ms: %d frames concealed", jitter, r.Concealed)
			}
		}
	}
}

// TestJitterAndLoss: 30 ms of jitter and much loss cost one frame for each packet that is lost, and few more.
func TestJitterAndLoss(t *testing.T) {
	for _, percent := range []int{1, 3, 5, 10} {
		random := rand.New(rand.NewPCG(5, uint64(percent)))
		r := listen(300, 0, recovering{}, func(int) float64 {
			if random.IntN(100) < percent {
				return -1
			}
			return 5 + 30*random.Float64()
		})
		t.Logf("%2d %% lost, jitter of 30 ms: delay at most %d ms; %d frames recovered, %d concealed, %d taken out, %d packets late", percent, r.most,
			r.Recovered, r.Concealed, r.Shrunk, r.Late)
		if lost := uint64(300 * 50 * percent / 100); r.most > 80 || r.Recovered+r.Concealed > lost*5/4 || percent > 2 && r.Concealed > lost/5 {
			t.Errorf("%d %% lost: %+v", percent, r)
		}
	}
}
