package transcode

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"drawbridge/tests/corpora"
)

// TestG711Vectors compares every 16-bit sample with the octets and decodings of the ITU-T software tools library.
func TestG711Vectors(t *testing.T) {
	dir := filepath.Join(corpora.Dir(t, "vectors"), "g711")
	load := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	samples := load("sweep.s16le")
	for _, l := range laws {
		law := map[string]string{"PCMU": "ulaw", "PCMA": "alaw"}[l.name]
		octets, decoded := load("sweep."+law), load("sweep-decoded-"+law+".s16le")
		var encodings, decodings int
		for i, want := range octets {
			sample := int16(binary.LittleEndian.Uint16(samples[2*i:]))
			if got := l.encode(sample); got != want {
				if encodings++; encodings < 5 {
					t.Errorf("%s: sample %d becomes %#02x, want %#02x", l.name, sample, got, want)
				}
			}
			if got, want := l.decode(want), int16(binary.LittleEndian.Uint16(decoded[2*i:])); got != want {
				if decodings++; decodings < 5 {
					t.Errorf("%s: octet %#02x becomes %d, want %d", l.name, octets[i], got, want)
				}
			}
		}
		if len(octets) != 1<<16 || encodings+decodings > 0 {
			t.Errorf("%s: %d octets, %d encodings and %d decodings differ", l.name, len(octets), encodings, decodings)
		}
	}
}
