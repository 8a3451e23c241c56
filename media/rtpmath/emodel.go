package rtpmath

import "time"

// Codec impairments of the E-model (ITU-T G.113 appendix I).
var (
	// G711 with packet loss concealment is the scale's reference.
	G711 = Impairment{Loss: 25.1}
	// G711Bare plays its losses as holes.
	G711Bare = Impairment{Loss: 4.3}
)

// Impairment is what a codec does to speech: Equipment (Ie) by itself, and how robust it is against loss (Bpl, larger is better).
type Impairment struct{ Equipment, Loss float64 }

// RFactor is the transmission rating of a stream, 0 to 93.2 for narrow-band speech, in the reduced form of the E-model (ITU-T G.107): loss in
// percent, one-way delay mouth to ear. burst is how much more often than at random losses follow each other (BurstR); 1 is random.
func RFactor(codec Impairment, loss float64, delay time.Duration, burst float64) float64 {
	const (
		best  = 93.2 // R0 - Is + A with default values
		limit = 177.3
	)
	ms := float64(delay) / float64(time.Millisecond)
	r := best - 0.024*ms
	if ms > limit {
		r -= 0.11 * (ms - limit)
	}
	if loss > 0 {
		r -= (95 - codec.Equipment) * loss / (loss/max(burst, 1) + codec.Loss)
	}
	return r - codec.Equipment
}

// MOS turns an R-factor into a mean opinion score from 1 to 4.5 (G.107 annex B).
func MOS(r float64) float64 {
	switch {
	case r < 0:
		return 1
	case r > 100:
		return 4.5
	}
	return 1 + 0.035*r + r*(r-60)*(100-r)*7e-6
}
