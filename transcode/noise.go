package transcode

import "math"

// Noise makes low white noise: a dead line sounds like a broken call. The zero value is ready. It belongs to one goroutine.
type Noise struct{ seed uint32 }

// quietest is the level, in dB below full scale, of the noise where nobody says how loud it was.
const quietest = 72

// Fill writes noise that is level dB below full scale (RFC 3389 section 3.1: 0 to 127). Below 84 dB it is silence: a sample is whole.
func (n *Noise) Fill(pcm []int16, level int) {
	rms := 32768 * math.Pow(10, -float64(level)/20)
	span := uint32(2*math.Round(rms*math.Sqrt(3))) + 1 // even spread has a peak of sqrt(3) times its RMS
	for i := range pcm {
		n.seed = n.seed*1664525 + 1013904223
		pcm[i] = int16(min(max(int64(uint64(n.seed)*uint64(span)>>32)-int64(span/2), math.MinInt16), math.MaxInt16))
	}
}

// Level is how far the RMS of the samples is below full scale, in dB, 0 to 127.
func Level(pcm []int16) int {
	var sum float64
	for _, s := range pcm {
		sum += float64(s) * float64(s)
	}
	if sum == 0 {
		return 127
	}
	rms := math.Sqrt(sum / float64(len(pcm)))
	return int(math.Round(min(max(20*math.Log10(32768/rms), 0), 127)))
}
