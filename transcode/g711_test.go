package transcode

import (
	"errors"
	"testing"
)

// laws are the two codecs under one test.
var laws = []struct {
	name   string
	encode func(int16) byte
	decode func(byte) int16
}{
	{"PCMU", ULawEncode, ULawDecode},
	{"PCMA", ALawEncode, ALawDecode},
}

func TestEveryOctetSurvivesDecodeAndEncode(t *testing.T) {
	for _, l := range laws {
		for b := range 256 {
			got := l.encode(l.decode(byte(b)))
			if l.name == "PCMU" && b == 0x7f { // minus zero: the same sample as plus zero
				b = 0xff
			}
			if got != byte(b) {
				t.Errorf("%s: octet %#02x comes back as %#02x", l.name, b, got)
			}
		}
	}
}

func TestEverySampleIsNearItsDecoding(t *testing.T) {
	for _, l := range laws {
		last := -1 << 16
		for s := -32768; s <= 32767; s++ {
			got := int(l.decode(l.encode(int16(s))))
			if got < last {
				t.Fatalf("%s: not monotonic at %d", l.name, s)
			}
			last = got
			// Half a step of the sample's segment; mu-law also clips at 32 635.
			limit := max(abs(s)/32+8, abs(s)-32124)
			if abs(got-s) > limit {
				t.Fatalf("%s: %d becomes %d, further off than %d", l.name, s, got, limit)
			}
		}
	}
}

func TestG711KnownValues(t *testing.T) {
	for _, c := range []struct {
		name string
		got  int
		want int
	}{
		{"mu-law of silence", int(ULawEncode(0)), 0xff},
		{"mu-law of the maximum", int(ULawEncode(32767)), 0x80},
		{"mu-law of the minimum", int(ULawEncode(-32768)), 0x00},
		{"A-law of silence", int(ALawEncode(0)), 0xd5},
		{"A-law of the maximum", int(ALawEncode(32767)), 0xaa},
		{"A-law of the minimum", int(ALawEncode(-32768)), 0x2a},
		{"mu-law peak", int(ULawDecode(0x80)), 32124},
		{"A-law peak", int(ALawDecode(0xaa)), 32256},
	} {
		if c.got != c.want {
			t.Errorf("%s: %#x, want %#x", c.name, c.got, c.want)
		}
	}
}

func TestG711ConcealsWithoutAStepAndFades(t *testing.T) {
	d, err := NewDecoder("PCMA", 8000)
	if err != nil {
		t.Fatal(err)
	}
	pcm := make([]int16, 960)
	payload := make([]byte, 160)
	for i := range payload {
		payload[i] = ALawEncode(8000)
	}
	if _, err := d.Decode(pcm, payload); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Conceal(pcm, 480); err != nil {
		t.Fatal(err)
	}
	if pcm[0] < 7000 {
		t.Errorf("concealment starts at %d: a step", pcm[0])
	}
	if pcm[479] > 100 {
		t.Errorf("after 60 ms still at %d", pcm[479])
	}
	if n, err := d.Conceal(pcm, 160); n != 160 || err != nil || pcm[0] != 0 {
		t.Errorf("after 60 ms: %d samples, %v, first %d; want 160 silent ones", n, err, pcm[0])
	}
}

func TestG711BuffersAreChecked(t *testing.T) {
	g, err := newG711("PCMU", 8000)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Decode(make([]int16, 3), make([]byte, 4)); !errors.Is(err, ErrShort) {
		t.Errorf("Decode: %v", err)
	}
	if _, err := g.Encode(make([]byte, 0, 3), make([]int16, 4)); !errors.Is(err, ErrShort) {
		t.Errorf("Encode: %v", err)
	}
	if _, err := g.Conceal(make([]int16, 3), 4); !errors.Is(err, ErrShort) {
		t.Errorf("Conceal: %v", err)
	}
}

func abs(x int) int { return max(x, -x) }
