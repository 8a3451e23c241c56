package main

import (
	"math"
	"testing"

	"drawbridge/transcode/transcodetest"
)

// Speech that comes back later, between two samples, is as near as the arithmetic allows; noise in it is measured for what it is.
func TestNearness(t *testing.T) {
	said := transcodetest.Speech(4, phoneRate, 1)
	fine := finer(said)
	const delay = 1234 // no multiple of a sample
	heard := make([]int16, len(fine)+opusRate)
	copy(heard[delay:], fine)
	if got := nearness(said, heard); got < 34 {
		t.Errorf("the same: %.1f dB", got)
	}
	for i := range heard {
		heard[i] += int16(300 * math.Sin(float64(i*i%7919)))
	}
	if got := nearness(said, heard); got > 25 || got < 5 {
		t.Errorf("with noise: %.1f dB", got)
	}
	if got := nearness(said, make([]int16, len(heard))); got > 1 {
		t.Errorf("silence: %.1f dB", got)
	}
}
