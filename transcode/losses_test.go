//go:build cgo && !noopus

package transcode

import (
	"math/rand/v2"
	"testing"

	"drawbridge/transcode/transcodetest"
)

// played plays packets that come in time, or not at all: packet n is pushed right before pull n.
func played(t *testing.T, packets [][]byte, lost func(n int) bool, dec Decoder) ([]int16, PlayoutStats) {
	t.Helper()
	p := NewPlayout(dec, 48000)
	var out []int16
	pcm := make([]int16, p.frame)
	for n, payload := range packets {
		if !lost(n) {
			p.Push(uint16(n), uint32(n*960), payload)
		}
		k, _ := p.Pull(pcm)
		out = append(out, pcm[:k]...)
	}
	return out, p.Stats()
}

// bare is a decoder without recovery.
type bare struct{ Decoder }

// atLosses is the segmental SNR, in dB, of the frames that were lost. The delay changes by frames, so that a second is compared at the shift
// that fits it best.
func atLosses(want, got []int16, lost func(n int) bool, rate int) float64 {
	frame, sum, n := rate/50, 0.0, 0
	for from := 0; from+rate <= min(len(want), len(got)-3*frame); from += rate {
		best, shift := -11.0, 0
		for s := range 4 {
			if snr := transcodetest.SegmentalSNR(want[from:from+rate], got[from+s*frame:from+s*frame+rate], rate); snr > best {
				best, shift = snr, s*frame
			}
		}
		for at := from; at < from+rate; at += frame {
			if !lost(at/frame) || Level(want[at:at+frame]) > 50 {
				continue
			}
			sum, n = sum+transcodetest.SegmentalSNR(want[at:at+frame], got[at+shift:at+shift+frame], rate), n+1
		}
	}
	return sum / float64(max(n, 1))
}

// TestLossIsConcealed measures what loss leaves of speech, with and without redundancy, against the same stream without loss.
func TestLossIsConcealed(t *testing.T) {
	const seconds, rate = 60, 8000
	voice := transcodetest.Speech(seconds, rate, 3)
	for _, c := range []struct {
		percent  int
		least    float64 // dB of the lost frames, with redundancy
		gain     float64 // dB that redundancy is worth
		recovers float64 // share of the lost frames that comes back
	}{{1, 1, -1, 0}, {3, 14, 10, 0.8}, {5, 14, 10, 0.8}, {10, 14, 10, 0.8}} {
		enc, err := NewEncoder("opus", rate, Options{LossPct: max(c.percent, 3), Complexity: 5, Bitrate: 32000}) // a browser that was told maxplaybackrate
		if err != nil {
			t.Fatal(err)
		}
		var packets [][]byte
		for i := 0; i+rate/50 <= len(voice); i += rate / 50 {
			b := make([]byte, 1275)
			n, err := enc.Encode(b[:0], voice[i:i+rate/50])
			if err != nil {
				t.Fatal(err)
			}
			packets = append(packets, b[:n])
		}
		decoder := func() Decoder {
			d, err := NewDecoder("opus", rate)
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
		random := rand.New(rand.NewPCG(9, uint64(c.percent)))
		gone := make([]bool, len(packets))
		for i := range gone {
			gone[i] = random.IntN(100) < c.percent
		}
		lost := func(n int) bool { return n < len(gone) && gone[n] }
		clean, _ := played(t, packets, func(int) bool { return false }, decoder())
		with, s := played(t, packets, lost, decoder())
		without, _ := played(t, packets, lost, bare{decoder()})
		a, b := atLosses(clean, with, lost, rate), atLosses(clean, without, lost, rate)
		t.Logf("%2d %% lost: the lost frames have %.1f dB with redundancy, %.1f dB without; %d recovered, %d concealed, %d frames taken out again",
			c.percent, a, b, s.Recovered, s.Concealed, s.Shrunk)
		if a < c.least || a < b+c.gain {
			t.Errorf("%d %% lost: %.1f dB with redundancy, want %.0f; without it %.1f", c.percent, a, c.least, b)
		}
		if float64(s.Recovered) < c.recovers*float64(s.Recovered+s.Concealed) {
			t.Errorf("%d %% lost: %d frames recovered, %d concealed", c.percent, s.Recovered, s.Concealed)
		}
	}
}
