package transcode

import (
	"errors"
	"testing"

	"drawbridge/transcode/tone"
)

func TestUnknownCodecsAndRatesAreRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		rate int
		want error
	}{
		{"G729", 8000, ErrCodec}, {"", 8000, ErrCodec}, {"PCMU", 16000, ErrRate}, {"pcma", 48000, ErrRate},
	} {
		if _, err := NewDecoder(c.name, c.rate); !errors.Is(err, c.want) {
			t.Errorf("decoder %q at %d: %v, want %v", c.name, c.rate, err, c.want)
		}
		if _, err := NewEncoder(c.name, c.rate, Options{}); !errors.Is(err, c.want) {
			t.Errorf("encoder %q at %d: %v, want %v", c.name, c.rate, err, c.want)
		}
	}
}

func TestOptionsAreClamped(t *testing.T) {
	if got := (Options{}).withDefaults(); got != DefaultOptions {
		t.Errorf("zero options become %+v", got)
	}
	got := Options{Complexity: 99, Bitrate: 1, LossPct: -3, LowDelay: true}.withDefaults()
	if want := (Options{Complexity: 10, Bitrate: 6000, LowDelay: true}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// through sends a 1 kHz tone through encoder and decoder, frame by frame, and returns what came out.
func through(t testing.TB, enc Encoder, dec Decoder, frames int) *tone.Detector {
	t.Helper()
	src := tone.Source{Freq: 1000, Rate: enc.Rate(), Amplitude: 0.4}
	heard := tone.NewDetector(dec.Rate())
	in := make([]int16, enc.Rate()/50)
	out := make([]int16, dec.Rate()*120/1000)
	payload := make([]byte, 0, 1275)
	for range frames {
		src.Fill(in)
		n, err := enc.Encode(payload, in)
		if err != nil {
			t.Fatal(err)
		}
		if n, err = dec.Decode(out, payload[:n]); err != nil {
			t.Fatal(err)
		}
		heard.Write(out[:n])
	}
	return heard
}

func TestToneSurvivesG711(t *testing.T) {
	for _, name := range []string{"PCMU", "PCMA"} {
		enc, err := NewEncoder(name, 8000, Options{})
		if err != nil {
			t.Fatal(err)
		}
		dec, err := NewDecoder(name, 8000)
		if err != nil {
			t.Fatal(err)
		}
		if snr := through(t, enc, dec, 20).SNR(1000); snr < 33 {
			t.Errorf("%s: %.1f dB, want 33", name, snr)
		}
	}
}

func TestG711AllocatesNothing(t *testing.T) {
	g, err := newG711("PCMA", 8000)
	if err != nil {
		t.Fatal(err)
	}
	pcm, payload := make([]int16, 160), make([]byte, 160)
	if n := testing.AllocsPerRun(1000, func() {
		g.Encode(payload, pcm)
		g.Decode(pcm, payload)
		g.Conceal(pcm, 160)
	}); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}
