package tone

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// hear plays PCM in odd pieces, as packets come, and returns the digits found.
func hear(rate int, pcm []int16) string {
	d := NewDTMFDetector(rate)
	var got []byte
	pcm = append(pcm, make([]int16, rate/20)...) // the last digit ends
	for len(pcm) > 0 {
		n := min(133, len(pcm))
		d.Write(pcm[:n], func(b byte, _ time.Duration) { got = append(got, b) })
		pcm = pcm[n:]
	}
	return string(got)
}

// dial makes digits of on milliseconds with breaks of off.
func dial(rate int, digits string, on, off int) []int16 {
	var pcm []int16
	for i := range len(digits) {
		s, _ := NewDTMFSource(digits[i], rate)
		for range on * rate / 1000 {
			pcm = append(pcm, s.Next())
		}
		pcm = append(pcm, make([]int16, off*rate/1000)...)
	}
	return pcm
}

func TestEveryDigitIsFoundOnce(t *testing.T) {
	for _, rate := range []int{8000, 16000} {
		for _, on := range []int{40, 50, 70, 100, 500} {
			if got := hear(rate, dial(rate, dtmfKeys+"1122##", on, 40)); got != dtmfKeys+"1122##" {
				t.Errorf("%d Hz, %d ms: %q", rate, on, got)
			}
		}
	}
}

func TestShortTonesAreNoDigits(t *testing.T) {
	if got := hear(8000, dial(8000, dtmfKeys, 20, 60)); got != "" {
		t.Errorf("20 ms: %q", got)
	}
}

func TestABreakInADigitDoesNotDoubleIt(t *testing.T) {
	pcm := dial(8000, "5", 100, 8)
	if got := hear(8000, append(pcm, dial(8000, "5", 100, 0)...)); got != "5" {
		t.Errorf("%q", got)
	}
}

// pair makes two sines with levels in dB of full scale and a shift of both frequencies.
func pair(low, high float64, lowDB, highDB, shift float64) []int16 {
	pcm := make([]int16, 800)
	for i := range pcm {
		at := 2 * math.Pi * float64(i) / 8000 * (1 + shift)
		pcm[i] = int16(32767 * (math.Pow(10, lowDB/20)*math.Sin(low*at) + math.Pow(10, highDB/20)*math.Sin(high*at)))
	}
	return pcm
}

func TestLimitsOfADigit(t *testing.T) {
	for _, c := range []struct {
		name               string
		lowDB, highDB, off float64
		want               string
	}{
		{"loud", -7, -7, 0, "5"},
		{"weak", -40, -40, 0, "5"},
		{"too weak", -60, -60, 0, ""},
		{"high tone 6 dB up", -20, -14, 0, "5"},
		{"low tone 4 dB up", -14, -18, 0, "5"},
		{"high tone 12 dB up", -26, -14, 0, ""},
		{"low tone 10 dB up", -14, -24, 0, ""},
		{"1.5 % high", -10, -10, 0.015, "5"},
		{"1.5 % low", -10, -10, -0.015, "5"},
	} {
		if got := hear(8000, pair(770, 1336, c.lowDB, c.highDB, c.off)); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestFrequenciesOff: each digit is one 1.5 % off, either way, and none 3.5 % off (ITU-T Q.24).
func TestFrequenciesOff(t *testing.T) {
	for _, c := range []struct {
		off  float64
		want string
	}{{-0.015, dtmfKeys}, {0.015, dtmfKeys}, {0.035, ""}, {-0.035, ""}} {
		got := ""
		for _, low := range dtmfLow {
			for _, high := range dtmfHigh {
				got += hear(8000, pair(low, high, -10, -10, c.off))
			}
		}
		if got != c.want {
			t.Errorf("%v off: %q", c.off, got)
		}
	}
}

// TestAnyMomentWillDo: 40 ms are a digit wherever they lie in the detector's blocks, and in packets of any length.
func TestAnyMomentWillDo(t *testing.T) {
	for silence := range 160 {
		digit := dtmfKeys[silence%16 : silence%16+1]
		if got := hear(8000, append(make([]int16, silence), dial(8000, digit, 40, 40)...)); got != digit {
			t.Errorf("%q %d samples later: %q", digit, silence, got)
		}
	}
}

// TestOverdrivenDigits: a sender that clips its tones is understood.
func TestOverdrivenDigits(t *testing.T) {
	pcm := dial(8000, dtmfKeys, 60, 60)
	for i, x := range pcm {
		pcm[i] = int16(max(min(2*int(x), math.MaxInt16), math.MinInt16))
	}
	if got := hear(8000, pcm); got != dtmfKeys {
		t.Errorf("%q", got)
	}
}

// TestLengthOfADigit, within a block of either end.
func TestLengthOfADigit(t *testing.T) {
	for _, ms := range []int{40, 60, 100, 1000} {
		var got time.Duration
		d := NewDTMFDetector(8000)
		d.Write(dial(8000, "5", ms, 60), func(_ byte, length time.Duration) { got = length })
		if off := got - time.Duration(ms)*time.Millisecond; off < -10*time.Millisecond || off > 10*time.Millisecond {
			t.Errorf("%d ms: %s", ms, got)
		}
	}
}

// TestNoiseAndOtherTonesAreNoDigits: ten minutes of noise, of chords and of a sweep are silent.
func TestNoiseAndOtherTonesAreNoDigits(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	noise := make([]int16, 8000*60)
	last := 0.0
	for i := range noise {
		last = 0.9*last + 0.1*r.NormFloat64() // speech-like: low frequencies
		noise[i] = int16(max(min(20000*last, 32767), -32768))
	}
	if got := hear(8000, noise); got != "" {
		t.Errorf("noise: %q", got)
	}
	sweep := make([]int16, 8000*60)
	phase := 0.0
	for i := range sweep {
		phase += 2 * math.Pi * (300 + 3000*float64(i)/float64(len(sweep))) / 8000
		sweep[i] = int16(10000*math.Sin(phase) + 3000*math.Sin(2*phase))
	}
	if got := hear(8000, sweep); got != "" {
		t.Errorf("sweep: %q", got)
	}
	if got := hear(8000, pair(440, 480, -13, -13, 0)); got != "" {
		t.Errorf("ringback: %q", got)
	}
}

func TestDigitsInNoise(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	pcm := dial(8000, dtmfKeys, 80, 80)
	for i := range pcm {
		pcm[i] = int16(float64(pcm[i])/2 + 600*r.NormFloat64()) // about 15 dB
	}
	if got := hear(8000, pcm); got != dtmfKeys {
		t.Errorf("%q", got)
	}
}

func TestDTMFDetectorDoesNotAllocate(t *testing.T) {
	d, pcm := NewDTMFDetector(8000), dial(8000, "5", 20, 0)
	if n := testing.AllocsPerRun(100, func() { d.Write(pcm, func(byte, time.Duration) {}) }); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

func BenchmarkDTMFDetector(b *testing.B) {
	d, pcm := NewDTMFDetector(8000), dial(8000, "5", 20, 0)
	for b.Loop() {
		d.Write(pcm, func(byte, time.Duration) {})
	}
}
