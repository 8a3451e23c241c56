package transcode

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"drawbridge/tests/corpora"
	"drawbridge/transcode/tone"
)

func vector(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(corpora.Dir(t, "vectors"), "g722", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func samplesOf(b []byte) []int16 {
	pcm := make([]int16, len(b)/2)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
	}
	return pcm
}

func TestG722EncodesTheReferenceExactly(t *testing.T) {
	in, want := samplesOf(vector(t, "in.s16le")), vector(t, "ref.g722")
	e, err := newG722Encoder(16000)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(want))
	for i := 0; i < len(in); i += 320 { // frames of 20 ms
		end := min(i+320, len(in))
		if _, err := e.Encode(got[i/2:end/2:end/2], in[i:end]); err != nil {
			t.Fatal(err)
		}
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("octet %d of %d is %#02x, want %#02x", i, len(want), got[i], want[i])
		}
	}
}

func TestG722DecodesTheReferenceExactly(t *testing.T) {
	in := vector(t, "ref.g722")
	for mode, name := range map[int]string{1: "out-mode1.s16le", 2: "out-mode2.s16le", 3: "out-mode3.s16le"} {
		want := samplesOf(vector(t, name))
		d, err := newG722Decoder(16000)
		if err != nil {
			t.Fatal(err)
		}
		d.mode = mode
		got := make([]int16, 2*len(in))
		if n, err := d.Decode(got, in); err != nil || n != len(got) {
			t.Fatal(n, err)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("mode %d: sample %d of %d is %d, want %d", mode, i, len(want), got[i], want[i])
			}
		}
	}
}

// TestG722CarriesATone needs no corpora: what goes in is heard again, above 4 kHz too.
func TestG722CarriesATone(t *testing.T) {
	for _, hz := range []float64{440, 1000, 3000, 6000} {
		e, _ := newG722Encoder(16000)
		d, _ := newG722Decoder(16000)
		source := tone.Source{Freq: hz, Rate: 16000, Amplitude: 0.25}
		ear := tone.NewDetector(16000)
		pcm, payload := make([]int16, 320), make([]byte, 160)
		for range 50 {
			source.Fill(pcm)
			n, err := e.Encode(payload, pcm)
			if err != nil || n != 160 {
				t.Fatal(n, err)
			}
			if _, err := d.Decode(pcm, payload); err != nil {
				t.Fatal(err)
			}
			ear.Write(pcm)
		}
		if snr := ear.SNR(hz); snr < 20 {
			t.Errorf("%v Hz is %.1f dB above the rest", hz, snr)
		}
	}
}

func TestG722DoesNotAllocate(t *testing.T) {
	e, _ := newG722Encoder(16000)
	d, _ := newG722Decoder(16000)
	pcm, payload := make([]int16, 320), make([]byte, 160)
	if n := testing.AllocsPerRun(100, func() {
		_, _ = e.Encode(payload, pcm)
		_, _ = d.Decode(pcm, payload)
	}); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

func BenchmarkG722(b *testing.B) {
	e, _ := newG722Encoder(16000)
	d, _ := newG722Decoder(16000)
	pcm, payload := make([]int16, 320), make([]byte, 160)
	b.Run("encode", func(b *testing.B) {
		for b.Loop() {
			_, _ = e.Encode(payload, pcm)
		}
	})
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			_, _ = d.Decode(pcm, payload)
		}
	})
}
