package caller

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"drawbridge/transcode"
	"drawbridge/transcode/tone"
)

// ear decodes what comes in and ticks off the expected tones.
type ear struct {
	done chan time.Time // every tone has been heard

	mu       sync.Mutex
	decoder  transcode.Decoder
	detector *tone.Detector
	pcm      []int16
	missing  []float64
	found    []float64
	packets  int
}

func newEar(expect []float64) (*ear, error) {
	dec, err := transcode.NewDecoder("opus", pcmRate)
	if err != nil {
		return nil, err
	}
	return &ear{
		done: make(chan time.Time, 1), decoder: dec, detector: tone.NewDetector(pcmRate),
		pcm: make([]int16, pcmRate*120/1000), missing: append([]float64(nil), expect...),
	}, nil
}

// hear takes one payload. One that does not decode is as good as lost: the tones come again and again.
func (e *ear) hear(payload []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.packets++
	n, err := e.decoder.Decode(e.pcm, payload)
	if err != nil {
		return
	}
	e.detector.Write(e.pcm[:n])
	for i, hz := range e.missing {
		if !e.detector.Heard(hz, toneSNR) {
			continue
		}
		e.found = append(e.found, hz)
		e.missing = append(e.missing[:i], e.missing[i+1:]...)
		if len(e.missing) == 0 {
			note(e.done)
		}
		return
	}
}

// report says what was heard and what was not, for the error of the stage.
func (e *ear) report() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return fmt.Sprintf("%d packets, heard %s, not %s, level %.0f dB", e.packets, hertz(e.found), hertz(e.missing), e.detector.Total())
}

func hertz(fs []float64) string {
	if len(fs) == 0 {
		return "no tone"
	}
	words := make([]string, len(fs))
	for i, f := range fs {
		words[i] = fmt.Sprintf("%.0f Hz", f)
	}
	return strings.Join(words, ", ")
}
