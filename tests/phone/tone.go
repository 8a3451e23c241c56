package phone

import "math"

const rate = 8000

// Share is the part of the power of pcm that is a tone of the frequency, and the rms of everything. A clean tone is near 1.
func Share(pcm []int16, frequency float64) (tone, rms float64) {
	if len(pcm) == 0 {
		return 0, 0
	}
	var re, im, power, weight float64
	step := 2 * math.Pi * frequency / rate
	for i, s := range pcm {
		hann := 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/float64(len(pcm)-1))
		x := float64(s)
		re += x * hann * math.Cos(step*float64(i))
		im += x * hann * math.Sin(step*float64(i))
		power += x * x
		weight += hann
	}
	power /= float64(len(pcm))
	if power == 0 {
		return 0, 0
	}
	return 2 * (re*re + im*im) / (weight * weight) / power, math.Sqrt(power)
}
