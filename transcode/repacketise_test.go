package transcode

import (
	"slices"
	"testing"
)

func TestRepacketiserKeepsEverySampleInOrder(t *testing.T) {
	for _, in := range []int{10, 20, 30, 40, 60} {
		for _, out := range []int{10, 20, 30, 40, 60} {
			r := NewRepacketiser[int16](out * 8)
			var want, got []int16
			for i := range 24 {
				packet := make([]int16, in*8)
				for k := range packet {
					packet[k] = int16(i*len(packet) + k)
				}
				want = append(want, packet...)
				r.Write(packet)
				for {
					f, ok := r.Next()
					if !ok {
						break
					}
					if len(f) != out*8 || cap(f) != out*8 {
						t.Fatalf("%d to %d ms: frame of %d, room for %d", in, out, len(f), cap(f))
					}
					got = append(got, f...)
				}
			}
			if len(want)-len(got) != r.Pending() || !slices.Equal(got, want[:len(got)]) {
				t.Errorf("%d to %d ms: samples lost or moved", in, out)
			}
		}
	}
}

func TestRepacketiserReset(t *testing.T) {
	r := NewRepacketiser[byte](160)
	r.Write(make([]byte, 159))
	r.Reset()
	r.Write(make([]byte, 10))
	if r.Pending() != 10 {
		t.Errorf("%d pending after Reset", r.Pending())
	}
}

func TestRepacketiserAllocatesNothing(t *testing.T) {
	r := NewRepacketiser[byte](240)
	in := make([]byte, 160)
	if n := testing.AllocsPerRun(1000, func() {
		r.Write(in)
		r.Next()
	}); n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
}
