package tone

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// TestTalkOff: a quarter of an hour of speech and one of music have no digit in them.
func TestTalkOff(t *testing.T) {
	for name, source := range map[string]func(r *rand.Rand) func([]int16){"speech": speech, "music": music} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			minutes := 15
			if testing.Short() {
				minutes = 2
			}
			d, next, digits, loud := NewDTMFDetector(8000), source(rand.New(rand.NewPCG(15, 16))), 0, 0
			pcm := [160]int16{}
			for range minutes * 60 * 50 {
				next(pcm[:])
				if level(pcm[:]) > 300 {
					loud++
				}
				d.Write(pcm[:], func(byte, time.Duration) { digits++ })
			}
			if digits != 0 {
				t.Errorf("%d digits in %d minutes", digits, minutes)
			}
			if loud < minutes*60*20 {
				t.Errorf("only %d loud frames: nothing is proved", loud)
			}
		})
	}
}

func level(pcm []int16) float64 {
	sum := 0.0
	for _, x := range pcm {
		sum += float64(x) * float64(x)
	}
	return math.Sqrt(sum / float64(len(pcm)))
}

// resonator is a formant: two poles.
type resonator struct{ a, b, c, y1, y2 float64 }

func (f *resonator) set(freq, width float64) {
	r := math.Exp(-math.Pi * width / 8000)
	f.b, f.c = 2*r*math.Cos(2*math.Pi*freq/8000), -r*r
	f.a = 1 - f.b - f.c
}

func (f *resonator) next(x float64) float64 {
	y := f.a*x + f.b*f.y1 + f.c*f.y2
	f.y1, f.y2 = y, f.y1
	return y
}

// speech is a voice that says nothing: glottal pulses of a gliding pitch through the formants of vowels, hissing between them, pauses.
func speech(r *rand.Rand) func([]int16) {
	vowels := [][3]float64{
		{270, 2290, 3010}, {390, 1990, 2550}, {530, 1840, 2480}, {660, 1720, 2410}, {730, 1090, 2440},
		{570, 840, 2410}, {440, 1020, 2240}, {300, 870, 2240}, {640, 1190, 2390}, {490, 1350, 1690}, // Peterson and Barney 1952
	}
	var f [3]resonator
	left, kind, pitch, glide, phase, gain := 0, 0, 120.0, 0.0, 0.0, 0.0
	return func(pcm []int16) {
		for i := range pcm {
			if left--; left < 0 {
				left = 400 + r.IntN(1600) // 50 to 250 ms
				switch k := r.IntN(10); {
				case k < 7:
					kind = 0
				case k < 9:
					kind = 1
				default:
					kind = 2
				}
				v, voice := vowels[r.IntN(len(vowels))], 0.9+0.35*r.Float64() // men, women, children
				for j := range f {
					f[j].set(v[j]*voice*(0.95+0.1*r.Float64()), 50+30*float64(j))
				}
				pitch = 80 + 220*r.Float64()
				glide = (r.Float64() - 0.5) * 60 / 1000 * 4
				gain = 0.3 + r.Float64()
			}
			x := 0.0
			switch kind {
			case 0:
				pitch = min(max(pitch+glide/8, 70), 400)
				if phase += pitch / 8000; phase >= 1 {
					phase--
					x = 8
				}
				x += 0.02 * r.NormFloat64()
			case 1:
				x = 0.5 * r.NormFloat64()
			}
			y := 0.0
			for j := range f {
				y += f[j].next(x) / float64(j+1)
			}
			pcm[i] = int16(max(min(gain*y*12000, 32767), -32768))
		}
	}
}

// music is up to four voices that play notes of the tempered scale, each with overtones, some of them with vibrato. Some chords are a
// digit but for the overtones.
func music(r *rand.Rand) func([]int16) {
	type voice struct {
		wave                 [1024]float64
		freq, phase, vibrato float64
		left                 int
	}
	note := func(v *voice) {
		v.freq, v.left, v.vibrato = 110*math.Pow(2, float64(r.IntN(52))/12), 800+r.IntN(8000), 0.006*float64(r.IntN(2))
		slope, gain := 0.7+1.3*r.Float64(), r.Float64()
		clear(v.wave[:])
		for h := 1.0; h <= 16 && h*v.freq < 3800; h++ {
			peak := gain * math.Pow(h, -slope)
			for i := range v.wave {
				v.wave[i] += peak * math.Sin(2*math.Pi*h*float64(i)/float64(len(v.wave)))
			}
		}
	}
	var voices [4]voice
	wobble := 0.0
	return func(pcm []int16) {
		for i := range pcm {
			sum := 0.0
			if i%16 == 0 {
				wobble += 2 * math.Pi * 5.5 * 16 / 8000
			}
			swing := math.Sin(wobble)
			for k := range voices {
				v := &voices[k]
				if v.left--; v.left < 0 {
					note(v)
				}
				v.phase += v.freq * (1 + v.vibrato*swing) / 8000
				v.phase -= math.Floor(v.phase)
				sum += v.wave[int(v.phase*float64(len(v.wave)))]
			}
			pcm[i] = int16(max(min(sum*6000, 32767), -32768))
		}
	}
}
