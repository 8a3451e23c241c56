//go:build cgo && !noopus

package transcode

import (
	"errors"
	"math"
	"testing"

	"drawbridge/transcode/tone"
)

var opusKinds = []struct {
	name string
	rate int
	opt  Options
	snr  float64 // least, dB, of a 1 kHz tone
}{
	{"low delay 8 kHz", 8000, Options{}, 25},
	{"low delay 16 kHz", 16000, Options{}, 25},
	{"low delay 48 kHz", 48000, Options{LowDelay: true, Bitrate: 64000}, 25},
	{"voice with redundancy", 8000, Options{LossPct: 10, Complexity: 3}, 12},
}

func newOpusPair(t testing.TB, rate int, opt Options) (Encoder, Decoder) {
	t.Helper()
	enc, err := NewEncoder("opus", rate, opt)
	if err != nil {
		t.Fatal(err)
	}
	dec, err := NewDecoder("Opus", rate)
	if err != nil {
		t.Fatal(err)
	}
	return enc, dec
}

func TestToneSurvivesOpus(t *testing.T) {
	for _, k := range opusKinds {
		enc, dec := newOpusPair(t, k.rate, k.opt)
		heard := through(t, enc, dec, 50)
		if snr := heard.SNR(1000); snr < k.snr {
			t.Errorf("%s: %.1f dB, want %.0f", k.name, snr, k.snr)
		}
		if l, want := heard.Level(1000), 20*math.Log10(0.4); math.Abs(l-want) > 1.5 {
			t.Errorf("%s: level %.1f dB, want %.1f", k.name, l, want)
		}
	}
}

func TestToneSurvivesTheWholeWay(t *testing.T) {
	enc, _ := newOpusPair(t, 48000, Options{LowDelay: true})
	dec, err := NewDecoder("opus", 8000) // the browser's 48 kHz comes out at the trunk's rate
	if err != nil {
		t.Fatal(err)
	}
	if snr := through(t, enc, dec, 50).SNR(1000); snr < 25 {
		t.Errorf("48 kHz in, 8 kHz out: %.1f dB", snr)
	}
}

func TestOpusRateIsChecked(t *testing.T) {
	if _, err := NewDecoder("opus", 44100); !errors.Is(err, ErrRate) {
		t.Errorf("decoder: %v", err)
	}
	if _, err := NewEncoder("opus", 44100, Options{}); !errors.Is(err, ErrRate) {
		t.Errorf("encoder: %v", err)
	}
}

func TestOpusStaysWithinTheBuffers(t *testing.T) {
	enc, dec := newOpusPair(t, 8000, Options{})
	pcm := make([]int16, 160)
	buf := make([]byte, 1500)
	n, err := enc.Encode(buf[:0:40], pcm)
	if err != nil || n > 40 {
		t.Fatalf("%d octets, %v: more than the 40 allowed", n, err)
	}
	for i, b := range buf[40:] {
		if b != 0 {
			t.Fatalf("octet %d behind the capacity was written", i)
		}
	}
	out := make([]int16, 2000)
	out[200] = 77
	if _, err := dec.Conceal(out[:200], 160); err != nil {
		t.Fatal(err)
	}
	if _, err := dec.Decode(out[:160], buf[:n]); err != nil {
		t.Fatal(err)
	}
	if out[200] != 77 {
		t.Error("the decoder wrote beyond the length of its slice")
	}
	if _, err := dec.Decode(out, nil); !errors.Is(err, ErrEmpty) {
		t.Errorf("empty payload: %v", err)
	}
}

func TestRedundancyBringsALostFrameBack(t *testing.T) {
	snr := map[bool]float64{}
	for _, recover := range []bool{false, true} {
		enc, dec := newOpusPair(t, 8000, Options{LossPct: 20, Complexity: 3, Bitrate: 32000})
		src := tone.Source{Freq: 400, Rate: 8000, Amplitude: 0.3}
		in, out := make([]int16, 160), make([]int16, 960)
		heard := tone.NewDetector(8000)
		var lost []byte
		for i := range 60 {
			src.Freq = 400 + 200*float64(i/10%2) // changing, so that plain concealment guesses wrongly
			src.Fill(in)
			payload := make([]byte, 0, 1275)
			n, err := enc.Encode(payload, in)
			if err != nil {
				t.Fatal(err)
			}
			payload = payload[:n]
			switch i {
			case 50: // first frame of a new tone is lost
				lost = payload
				continue
			case 51:
				if recover {
					_, err = dec.(Recoverer).Recover(out, 160, payload)
				} else {
					_, err = dec.Conceal(out, 160)
				}
				if err != nil {
					t.Fatal(err)
				}
				for range 5 { // the lost frame alone fills the window
					heard.Write(out[:160])
				}
			}
			if _, err := dec.Decode(out, payload); err != nil {
				t.Fatal(err)
			}
		}
		if len(lost) == 0 {
			t.Fatal("nothing was lost")
		}
		snr[recover] = heard.Level(600) - heard.Level(400)
	}
	if snr[true] < snr[false]+6 {
		t.Errorf("new tone over old: %.1f dB with redundancy, %.1f dB without", snr[true], snr[false])
	}
}

func TestPoolGivesBackResetEncodersOfTheSameKind(t *testing.T) {
	var p Pool
	a, err := p.Get(8000, Options{})
	if err != nil {
		t.Fatal(err)
	}
	first := encodeTone(t, a)
	p.Put(a)
	if other, err := p.Get(16000, Options{}); err != nil || other == a {
		t.Fatalf("another rate got the same encoder (%v)", err)
	}
	b, err := p.Get(8000, DefaultOptions)
	if err != nil {
		t.Fatal(err)
	}
	if a != b {
		t.Error("the idle encoder was not used")
	}
	if again := encodeTone(t, b); again != first {
		t.Error("a used encoder makes other octets than a new one: it was not reset")
	}
	if c, err := p.Get(8000, Options{}); err != nil || c == b {
		t.Errorf("an encoder in use was handed out twice (%v)", err)
	}
	g, err := NewEncoder("PCMA", 8000, Options{})
	if err != nil {
		t.Fatal(err)
	}
	p.Put(g) // let go
}

// encodeTone returns the octets of three frames.
func encodeTone(t *testing.T, e Encoder) string {
	t.Helper()
	src := tone.Source{Freq: 700, Rate: e.Rate()}
	in, buf := make([]int16, e.Rate()/50), make([]byte, 1275)
	var out []byte
	for range 3 {
		src.Fill(in)
		n, err := e.Encode(buf, in)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, buf[:n]...)
	}
	return string(out)
}

func TestOpusAllocatesNothing(t *testing.T) {
	enc, dec := newOpusPair(t, 8000, Options{})
	in, out, buf := make([]int16, 160), make([]int16, 960), make([]byte, 1275)
	if n := testing.AllocsPerRun(200, func() {
		n, _ := enc.Encode(buf, in)
		dec.Decode(out, buf[:n])
		dec.Conceal(out, 160)
		dec.(Recoverer).Recover(out, 160, buf[:n])
	}); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

// Budget: 0 allocs. ms/s is CPU milliseconds per second of audio, one direction.
func BenchmarkOpus(b *testing.B) {
	for _, k := range opusKinds {
		enc, dec := newOpusPair(b, k.rate, k.opt)
		src := tone.Source{Freq: 1000, Rate: k.rate}
		in, out, buf := make([]int16, k.rate/50), make([]int16, k.rate*120/1000), make([]byte, 1275)
		src.Fill(in)
		n, err := enc.Encode(buf, in)
		if err != nil {
			b.Fatal(err)
		}
		payload := append([]byte(nil), buf[:n]...)
		b.Run("encode/"+k.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				enc.Encode(buf, in)
			}
			perSecond(b)
		})
		b.Run("decode/"+k.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				dec.Decode(out, payload)
			}
			perSecond(b)
		})
	}
}
