// Package transcodetest has what codecs are judged with: something like speech, and how near what comes out is. It knows no codec.
package transcodetest

import (
	"math"
	"math/rand/v2"
)

// Speech makes seconds of something with the traits of speech that codecs and concealment live on: a voice whose pitch and formants wander,
// syllables, hissing consonants, pauses. The same seed makes the same speech at every rate.
func Speech(seconds, rate int, seed uint64) []int16 {
	random := rand.New(rand.NewPCG(seed, 7))
	out := make([]int16, 0, seconds*rate)
	phase, hiss := 0.0, rand.New(rand.NewPCG(seed, 8))
	for len(out) < seconds*rate {
		length := 0.12 + 0.2*random.Float64() // of the syllable, s
		from, to := 100+80*random.Float64(), 100+80*random.Float64()
		first, second := 300+500*random.Float64(), 900+1300*random.Float64()
		consonant := random.Float64() < 0.3
		pause := random.Float64() < 0.15
		n := int(length * float64(rate))
		for i := range n {
			at := float64(i) / float64(n)
			envelope := math.Sin(math.Pi*at) * 6000
			pitch := from + (to-from)*at
			phase += pitch / float64(rate)
			var x float64
			switch {
			case pause:
			case consonant && at < 0.4:
				x = envelope * 0.3 * (2*hiss.Float64() - 1)
			default:
				for k := 1; float64(k)*pitch < 3400; k++ {
					f := float64(k) * pitch
					gain := 1/(1+math.Pow((f-first)/120, 2)) + 0.5/(1+math.Pow((f-second)/200, 2)) + 0.02
					x += gain * math.Sin(2*math.Pi*phase*float64(k))
				}
				x *= envelope
			}
			out = append(out, int16(math.Max(-32000, math.Min(32000, x))))
		}
	}
	return out[:seconds*rate]
}

// SegmentalSNR is, in dB, the mean over the 20 ms frames with sound of how far the difference lies below want, each between -10 and 35 dB.
func SegmentalSNR(want, got []int16, rate int) float64 {
	frame, sum, frames := rate/50, 0.0, 0
	for i := 0; i+frame <= min(len(want), len(got)); i += frame {
		var signal, noise float64
		for j := i; j < i+frame; j++ {
			d := float64(want[j]) - float64(got[j])
			signal, noise = signal+float64(want[j])*float64(want[j]), noise+d*d
		}
		if signal/float64(frame) < 100*100 {
			continue
		}
		sum += min(max(10*math.Log10(signal/max(noise, 1)), -10), 35)
		frames++
	}
	return sum / float64(max(frames, 1))
}
