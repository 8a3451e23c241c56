package phone

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestShareTellsToneFromNoiseAndFromOtherTones(t *testing.T) {
	pcm := make([]int16, window)
	for i := range pcm {
		pcm[i] = int16(8000 * math.Sin(2*math.Pi*620*float64(i)/rate))
	}
	if tone, rms := Share(pcm, 620); tone < 0.95 || rms < 5000 {
		t.Errorf("620 Hz in itself: share %.2f of rms %.0f", tone, rms)
	}
	if tone, _ := Share(pcm, 1000); tone > 0.01 {
		t.Errorf("1000 Hz in a tone of 620 Hz: share %.2f", tone)
	}
	for i := range pcm {
		pcm[i] = int16(uint16(i*40503) >> 1) // noise
	}
	if tone, _ := Share(pcm, 620); tone > 0.1 {
		t.Errorf("620 Hz in noise: share %.2f", tone)
	}
	if tone, rms := Share(make([]int16, window), 620); tone != 0 || rms != 0 {
		t.Errorf("620 Hz in silence: share %.2f of rms %.0f", tone, rms)
	}
}

func TestDigitsAreCountedByTheirTimestamps(t *testing.T) {
	m := &Media{}
	press := func(key byte, ts uint32) {
		for i := range 8 {
			end := byte(0)
			if i >= 5 {
				end = 0x80
			}
			m.event(ts, i == 0, []byte{key, end | 10, byte((i + 1) * 100 >> 8), byte((i + 1) * 100)})
		}
	}
	press(1, 160)
	press(11, 3200)
	if got, wrong := m.Digits(), m.Malformed(100); got != "1#" || wrong != "" {
		t.Errorf("got %q %s, want 1#", got, wrong)
	}
	press(11, 6400)
	if got := m.Digits(); got != "1##" {
		t.Errorf("a doubled digit is not seen: %q", got)
	}
	m.event(9600, false, []byte{2, 0x8a, 3, 32})
	if m.Malformed(100) == "" {
		t.Error("a digit without marker is not seen")
	}
}

func TestTheMessageLogIsReadBothWays(t *testing.T) {
	in, out := "OPTIONS sip:a SIP/2.0\r\nX: 1\r\n\r\n", "SIP/2.0 200 OK\r\n\r\n"
	log := strings.Join([]string{
		fmt.Sprintf("----- 2026-01-01\nUDP message received [%d] bytes :\n\n%s", len(in), in),
		fmt.Sprintf("----- 2026-01-01\nUDP message sent (%d bytes):\n\n%s", len(out), out),
	}, "\n")
	r := &Run{Dir: t.TempDir()}
	if err := os.WriteFile(filepath.Join(r.Dir, "messages.log"), []byte(log), 0o600); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]Message{{In: true, Text: in}, {Text: out}}, r.Messages()); d != "" {
		t.Error(d)
	}
}
