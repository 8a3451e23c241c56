package tone

import (
	"math"
	"time"
)

// The digits and their two frequencies (ITU-T Q.23): rows are low, columns high.
const dtmfKeys = "123A456B789C*0#D"

var (
	dtmfLow  = [4]float64{697, 770, 852, 941}
	dtmfHigh = [4]float64{1209, 1336, 1477, 1633}
)

// Limits after ITU-T Q.24 and ETSI ES 201 235-3: 40 ms are a digit, 20 ms are none; a break below 20 ms does not end one.
const (
	dtmfBlocks = 100   // blocks per second
	dtmfSpan   = 2     // blocks under one window: 20 ms, so that neighbouring frequencies part
	dtmfHits   = 3     // windows that must agree before a digit is one
	dtmfMisses = 3     // windows without it before it is over
	dtmfFloor  = 2e-5  // mean power of the weaker tone, of full scale: about -44 dBm0 for a sine
	dtmfTwist  = 6.3   // 8 dB: high above low
	dtmfBack   = 4.0   // 6 dB: low above high
	dtmfPure   = 0.68  // share of the two tones in all that is heard: speech stays below, a window that is full by three quarters above
	dtmfOff    = 0.015 // how far a frequency may be off
	dtmfKept   = 0.85  // of the power that a frequency so far off leaves in a clean window
	dtmfClear  = 6.3   // 8 dB: a tone above the others of its group
	dtmfOver   = 40    // 16 dB: a tone above an overtone; voices and instruments have louder ones
)

// DTMFDetector finds digits in PCM. It belongs to one goroutine; nothing allocates after it is made.
type DTMFDetector struct {
	block  int // samples
	window []float64
	at     int // samples in the last block of the window
	low    [4]goertzel
	high   [4]goertzel
	off    [2][4]detuned
	over   [2][4]detuned // an overtone of each: the second of the low ones, because the first lies among the high ones

	candidate byte // what the last window held
	hits      int
	current   byte // the digit that is on
	misses    int
	blocks    int // of the digit that is on
}

// goertzel is one frequency: 2 cos w.
type goertzel float64

func at(freq float64, rate int) goertzel { return goertzel(2 * math.Cos(2*math.Pi*freq/float64(rate))) }

// NewDTMFDetector listens to PCM at rate, 8000 or more.
func NewDTMFDetector(rate int) *DTMFDetector {
	d := &DTMFDetector{block: rate / dtmfBlocks}
	d.window = make([]float64, dtmfSpan*d.block)
	for i := range d.low {
		low, high := dtmfLow[i], dtmfHigh[i]
		d.low[i], d.off[0][i], d.over[0][i] = at(low, rate), detune(low, rate), detune(3*low, rate)
		d.high[i], d.off[1][i], d.over[1][i] = at(high, rate), detune(high, rate), detune(2*high, rate)
	}
	return d
}

// Write takes the next samples and calls over for each digit that has ended, with the length that it had.
func (d *DTMFDetector) Write(pcm []int16, over func(digit byte, length time.Duration)) {
	for _, s := range pcm {
		d.window[len(d.window)-d.block+d.at] = float64(s) / 32768
		if d.at++; d.at < d.block {
			continue
		}
		if digit, length := d.follow(d.look()); digit != 0 {
			over(digit, length)
		}
		copy(d.window, d.window[d.block:])
		d.at = 0
	}
}

// Sounding is the digit that is being heard now, 0 for none; it is known three windows after it begins.
func (d *DTMFDetector) Sounding() byte { return d.current }

// Suspects reports whether the last window held a digit, or a digit is not over yet: what was written last may be its tone.
func (d *DTMFDetector) Suspects() bool { return d.candidate != 0 || d.current != 0 }

// follow turns what single windows hold into digits with a beginning and an end; it returns the digit that has ended.
func (d *DTMFDetector) follow(digit byte) (over byte, length time.Duration) {
	if digit == d.candidate {
		d.hits++
	} else {
		d.candidate, d.hits = digit, 1
	}
	if d.current != 0 {
		d.blocks++
		if digit == d.current {
			d.misses = 0
			return 0, 0
		}
		d.misses++
	}
	begins := digit != 0 && d.hits == dtmfHits
	if d.current != 0 && (begins || d.misses == dtmfMisses) {
		over, length = d.current, time.Duration(d.blocks-d.misses)*time.Second/dtmfBlocks
		d.current = 0
	}
	if begins {
		d.current, d.misses, d.blocks = digit, 0, dtmfHits+dtmfSpan-1
	}
	return over, length
}

// look says which digit the window holds, 0 for none.
func (d *DTMFDetector) look() byte {
	total := 0.0
	for _, x := range d.window {
		total += x * x
	}
	total /= float64(len(d.window))
	if total < 2*dtmfFloor {
		return 0
	}
	row, low, ok := d.strongest(&d.low)
	if !ok {
		return 0
	}
	column, high, ok := d.strongest(&d.high)
	switch {
	case !ok, min(low, high) < dtmfFloor, high > low*dtmfTwist, low > high*dtmfBack:
		return 0
	}
	low, lowOn := d.tuned(&d.off[0][row], low)
	high, highOn := d.tuned(&d.off[1][column], high)
	switch {
	case !lowOn, !highOn, low+high < dtmfPure*total:
		return 0
	case d.loud(&d.over[0][row], low), d.loud(&d.over[1][column], high):
		return 0
	}
	return dtmfKeys[4*row+column]
}

// detuned are the frequencies as far off as a digit's may be.
type detuned struct {
	below, at, above goertzel
	least            float64 // share of the power that is left at the frequency itself
}

func detune(freq float64, rate int) detuned {
	x := math.Pi * freq * dtmfOff * dtmfSpan / dtmfBlocks
	return detuned{at(freq*(1-dtmfOff), rate), at(freq, rate), at(freq*(1+dtmfOff), rate), dtmfKept * math.Pow(math.Sin(x)/x, 2)}
}

// tuned is the power of a tone, whether or not its frequency is off; ok says that it is not too far off.
func (d *DTMFDetector) tuned(off *detuned, power float64) (best float64, ok bool) {
	best = max(power, off.below.power(d.window), off.above.power(d.window))
	return best, power >= off.least*best
}

// loud tells whether an overtone, which is as far off as its tone, is too loud for a key's.
func (d *DTMFDetector) loud(over *detuned, power float64) bool {
	best, _ := d.tuned(over, over.at.power(d.window))
	return best*dtmfOver > power
}

// strongest is the loudest frequency of a group; ok says that it stands clear of the others.
func (d *DTMFDetector) strongest(group *[4]goertzel) (at int, power float64, ok bool) {
	second := 0.0
	for i, f := range group {
		switch p := f.power(d.window); {
		case p > power:
			at, power, second = i, p, power
		case p > second:
			second = p
		}
	}
	return at, power, power > second*dtmfClear
}

// power is the mean power of the frequency in x.
func (f goertzel) power(x []float64) float64 {
	k, s1, s2 := float64(f), 0.0, 0.0
	for _, v := range x {
		s1, s2 = v+k*s1-s2, s1
	}
	n := float64(len(x))
	return 2 * (s1*s1 + s2*s2 - k*s1*s2) / (n * n)
}

// DTMFSource makes the two tones of a digit.
type DTMFSource struct{ low, high Source }

// NewDTMFSource makes the tones of digit (0-9, *, #, A-D) at rate, each at -8 dB of full scale. ok is false for anything else.
func NewDTMFSource(digit byte, rate int) (s *DTMFSource, ok bool) {
	const peak = 0.4
	for i := range len(dtmfKeys) {
		if dtmfKeys[i] == digit {
			return &DTMFSource{
				low:  Source{Freq: dtmfLow[i/4], Rate: rate, Amplitude: peak},
				high: Source{Freq: dtmfHigh[i%4], Rate: rate, Amplitude: peak},
			}, true
		}
	}
	return nil, false
}

// Next is the next sample.
func (s *DTMFSource) Next() int16 {
	var a, b [1]int16
	s.low.Fill(a[:])
	s.high.Fill(b[:])
	return a[0] + b[0]
}
