package rtpmath

import (
	"math"
	"testing"
	"time"
)

func TestEModelGoldenValues(t *testing.T) {
	for _, c := range []struct {
		codec  Impairment
		loss   float64
		delay  time.Duration
		r, mos float64
	}{
		{G711, 0, 50, 92.00, 4.385},
		{G711, 1, 100, 87.16, 4.263},
		{G711, 3, 150, 79.46, 4.003},
		{G711, 5, 200, 70.12, 3.603},
		{G711, 10, 300, 45.44, 2.338},
		{G711Bare, 1, 100, 72.88, 3.729},
		{G711Bare, 3, 150, 50.56, 2.604},
	} {
		r := RFactor(c.codec, c.loss, c.delay*time.Millisecond, 1)
		if math.Abs(r-c.r) > 0.005 || math.Abs(MOS(r)-c.mos) > 0.0006 {
			t.Errorf("%v, %v %%, %d ms: R %.3f, MOS %.4f; want %v, %v", c.codec, c.loss, c.delay, r, MOS(r), c.r, c.mos)
		}
	}
}

func TestEModelStaysOnItsScale(t *testing.T) {
	if r := RFactor(G711Bare, 100, time.Minute, 0); MOS(r) != 1 {
		t.Errorf("nothing heard is %v", MOS(r))
	}
	if MOS(101) != 4.5 {
		t.Errorf("beyond the scale is %v", MOS(101))
	}
	if random, bursts := RFactor(G711, 5, 0, 1), RFactor(G711, 5, 0, 3); bursts >= random {
		t.Errorf("bursts %v are no worse than random losses %v", bursts, random)
	}
}
