package tone

import (
	"math"
	"testing"
)

// listen plays the sum of tones, 300 ms of them, and returns a detector that has heard it.
func listen(rate int, sources ...Source) *Detector {
	d := NewDetector(rate)
	for range 15 {
		sum := make([]int16, rate/50)
		for i := range sources {
			part := make([]int16, len(sum))
			sources[i].Rate = rate
			sources[i].Fill(part)
			for k := range sum {
				sum[k] += part[k]
			}
		}
		d.Write(sum)
	}
	return d
}

func TestToneIsMeasured(t *testing.T) {
	for _, rate := range []int{8000, 16000, 48000} {
		for _, freq := range []float64{400, 620, 1000, 2130, 3400} {
			d := listen(rate, Source{Freq: freq, Amplitude: 0.1})
			if l := d.Level(freq); math.Abs(l+20) > 0.1 {
				t.Errorf("%v Hz at %d: level %.2f dB, want -20", freq, rate, l)
			}
			if !d.Heard(freq, 40) {
				t.Errorf("%v Hz at %d: not heard, %.1f dB", freq, rate, d.SNR(freq))
			}
			if d.Heard(freq+110, 0) {
				t.Errorf("%v Hz heard as %v", freq, freq+110)
			}
			if math.Abs(d.Total()+20) > 0.1 {
				t.Errorf("total %.2f dB, want -20", d.Total())
			}
		}
	}
}

func TestSourceIsContinuousOverFills(t *testing.T) {
	whole, parts := make([]int16, 600), make([]int16, 600)
	a, b := Source{Freq: 997, Rate: 8000}, Source{Freq: 997, Rate: 8000}
	a.Fill(whole)
	for i := 0; i < 600; i += 50 {
		b.Fill(parts[i : i+50])
	}
	for i := range whole {
		if whole[i] != parts[i] {
			t.Fatalf("sample %d differs: a click", i)
		}
	}
}

func TestDominantToneAmongOthers(t *testing.T) {
	d := listen(8000, Source{Freq: 620, Amplitude: 0.4}, Source{Freq: 1000, Amplitude: 0.04})
	if f, snr := d.Dominant(1000, 620, 1700); f != 620 || math.Abs(snr-20) > 1 {
		t.Errorf("dominant %v Hz with %.1f dB, want 620 with 20", f, snr)
	}
	if d.Heard(1000, 10) {
		t.Error("the weaker tone passes for the dominant one")
	}
}

func TestSilenceHasNoTone(t *testing.T) {
	d := NewDetector(8000)
	if d.Full() || d.Heard(1000, -200) {
		t.Error("heard before anything was written")
	}
	d.Write(make([]int16, 2000))
	if f, _ := d.Dominant(620, 1000); !d.Full() || f != 0 || d.Level(1000) != floor {
		t.Errorf("silence: dominant %v, level %v", f, d.Level(1000))
	}
}

func TestResetForgets(t *testing.T) {
	d := listen(8000, Source{Freq: 1000})
	d.Reset()
	if d.Full() || d.Level(1000) != floor {
		t.Error("the tone is still there")
	}
}

func TestNothingAllocates(t *testing.T) {
	d, s, pcm := NewDetector(8000), Source{Freq: 1000, Rate: 8000}, make([]int16, 160)
	if n := testing.AllocsPerRun(100, func() {
		s.Fill(pcm)
		d.Write(pcm)
		d.Heard(1000, 10)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
