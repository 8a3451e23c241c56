package browser

import (
	"bytes"
	"encoding/binary"
	"math"
)

// Microphone is the frequency of the tone that browsers send unless they are told otherwise, in Hz.
const Microphone = 1000

const (
	wavRate    = 48000
	wavSeconds = 10 // Chromium plays it in a loop; a whole number of periods makes the seam silent
)

// wav is a tone as a RIFF file of 16-bit mono PCM.
func wav(frequency int) []byte {
	var b bytes.Buffer
	size := uint32(2 * wavRate * wavSeconds)
	put := func(values ...any) {
		for _, v := range values {
			if s, ok := v.(string); ok {
				b.WriteString(s)
			} else {
				_ = binary.Write(&b, binary.LittleEndian, v) // a bytes.Buffer takes everything
			}
		}
	}
	put("RIFF", 36+size, "WAVE", "fmt ", uint32(16), uint16(1), uint16(1), uint32(wavRate), uint32(2*wavRate), uint16(2), uint16(16), "data", size)
	for i := range wavRate * wavSeconds {
		put(int16(10000 * math.Sin(2*math.Pi*float64(frequency)*float64(i)/wavRate)))
	}
	return b.Bytes()
}
