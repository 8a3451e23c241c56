package tone

import (
	"math"
	"time"
)

// Chosen here.
const (
	// window is a whole number of periods of every multiple of 10 Hz, so that such tones do not leak into each other.
	window = 100 * time.Millisecond
	// quiet is the level under which nothing is a tone, in dB of full scale.
	quiet = -50
	// floor is the level of digital silence.
	floor = -120
)

// Detector keeps the last 100 ms of a PCM stream and measures single frequencies in it (Goertzel). It belongs to one goroutine.
type Detector struct {
	rate int
	ring []int16
	next int
	full bool
}

// NewDetector listens to PCM at rate.
func NewDetector(rate int) *Detector {
	return &Detector{rate: rate, ring: make([]int16, int(window*time.Duration(rate)/time.Second))}
}

// Write takes the next samples.
func (d *Detector) Write(pcm []int16) {
	for _, s := range pcm {
		d.ring[d.next] = s
		if d.next++; d.next == len(d.ring) {
			d.next, d.full = 0, true
		}
	}
}

// Full reports whether 100 ms have been heard since the start or the last Reset.
func (d *Detector) Full() bool { return d.full }

// Reset forgets what was heard.
func (d *Detector) Reset() {
	clear(d.ring)
	d.next, d.full = 0, false
}

// Level is the level of a sine at freq in dB of a full-scale sine; -120 for silence.
func (d *Detector) Level(freq float64) float64 { return decibel(2 * d.power(freq)) }

// Total is the level of everything heard, in dB of a full-scale sine.
func (d *Detector) Total() float64 { return decibel(2 * d.energy()) }

// SNR is the power at freq against the power of all the rest, in dB.
func (d *Detector) SNR(freq float64) float64 {
	at, all := d.power(freq), d.energy()
	if at == 0 {
		return floor
	}
	return 10 * math.Log10(at/max(all-at, at*1e-9))
}

// Heard reports whether freq is the dominant tone: loud enough to be heard and at least snr dB above all the rest. A tone that went
// through Opus and G.711 has about 20 dB.
func (d *Detector) Heard(freq, snr float64) bool {
	return d.full && d.Level(freq) > quiet && d.SNR(freq) >= snr
}

// Dominant returns the loudest of the candidates and its SNR; 0 when none is above the quiet level.
func (d *Detector) Dominant(candidates ...float64) (freq, snr float64) {
	best := float64(quiet)
	for _, f := range candidates {
		if l := d.Level(f); l > best {
			best, freq = l, f
		}
	}
	if freq == 0 {
		return 0, floor
	}
	return freq, d.SNR(freq)
}

// power is the mean power of the sine at freq, of full scale 1.
func (d *Detector) power(freq float64) float64 {
	w := 2 * math.Pi * freq / float64(d.rate)
	k := 2 * math.Cos(w)
	var s1, s2 float64
	for i := range d.ring {
		s1, s2 = d.at(i)+k*s1-s2, s1
	}
	n := float64(len(d.ring))
	return max(2*(s1*s1+s2*s2-k*s1*s2)/(n*n), 0)
}

// energy is the mean power of all samples.
func (d *Detector) energy() float64 {
	var sum float64
	for i := range d.ring {
		x := d.at(i)
		sum += x * x
	}
	return sum / float64(len(d.ring))
}

// at is the i-th oldest sample.
func (d *Detector) at(i int) float64 {
	if i += d.next; i >= len(d.ring) {
		i -= len(d.ring)
	}
	return float64(d.ring[i]) / (math.MaxInt16 + 1)
}

func decibel(power float64) float64 {
	if power <= 0 {
		return floor
	}
	return max(10*math.Log10(power), floor)
}
