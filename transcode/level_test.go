package transcode

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"drawbridge/transcode/tone"
)

// TestLevelIsNotTouched: what goes in comes out as loud, through every codec at every rate that the gateway runs it at.
func TestLevelIsNotTouched(t *testing.T) {
	for _, c := range []struct {
		in, out string
		write   int // rate of the encoder
		read    int // rate of the decoder
		opt     Options
	}{
		{"PCMU", "PCMU", 8000, 8000, Options{}},
		{"PCMA", "PCMA", 8000, 8000, Options{}},
		{"G722", "G722", 16000, 16000, Options{}},
		{"G722", "G722", 16000, 8000, Options{}}, // from a wideband phone to G.711
		{"G722", "G722", 8000, 16000, Options{}}, // and back
		{"opus", "opus", 8000, 8000, Options{}},
		{"opus", "opus", 16000, 16000, Options{}},
		{"opus", "opus", 48000, 8000, Options{LowDelay: true, Bitrate: 64000}}, // a browser, heard at G.711
		{"opus", "opus", 8000, 48000, Options{}},
		{"opus", "opus", 16000, 48000, Options{}},
	} {
		for _, hz := range []float64{400, 1000, 2000, 3000} {
			for _, peak := range []float64{0.5, 0.05} {
				name := fmt.Sprintf("%s %d Hz to %d Hz, tone of %v Hz at %v", c.in, c.write, c.read, hz, peak)
				enc, err := NewEncoder(c.in, c.write, c.opt)
				if errors.Is(err, ErrNoOpus) {
					continue
				}
				if err != nil {
					t.Fatal(name, err)
				}
				dec, err := NewDecoder(c.out, c.read)
				if err != nil {
					t.Fatal(name, err)
				}
				src, ear := tone.Source{Freq: hz, Rate: c.write, Amplitude: peak}, tone.NewDetector(c.read)
				in, out, payload := make([]int16, c.write/50), make([]int16, c.read*120/1000), make([]byte, 1275)
				for range 50 {
					src.Fill(in)
					n, err := enc.Encode(payload[:0], in)
					if err != nil {
						t.Fatal(name, err)
					}
					if n, err = dec.Decode(out, payload[:n]); err != nil {
						t.Fatal(name, err)
					}
					ear.Write(out[:n])
				}
				if off := ear.Level(hz) - 20*math.Log10(peak); math.Abs(off) > 0.2 {
					t.Errorf("%s: %+.2f dB, SNR %.1f dB", name, off, ear.SNR(hz))
				}
			}
		}
	}
}
