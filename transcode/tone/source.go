package tone

import "math"

// Source is a sine without end; the phase goes on from one Fill to the next. Set the fields before the first Fill.
type Source struct {
	Freq      float64 // Hz
	Rate      int     // samples per second
	Amplitude float64 // peak, 0 to 1 of full scale; 0 means 0.5

	phase float64 // turns, 0 to 1
}

// Fill writes the next samples.
func (s *Source) Fill(pcm []int16) {
	peak := s.Amplitude
	if peak == 0 {
		peak = 0.5
	}
	step := s.Freq / float64(s.Rate)
	for i := range pcm {
		pcm[i] = int16(math.Round(peak * math.MaxInt16 * math.Sin(2*math.Pi*s.phase)))
		s.phase += step
		s.phase -= math.Floor(s.phase)
	}
}
