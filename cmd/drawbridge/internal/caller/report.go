package caller

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"
)

// Verdict is the outcome of a run.
type Verdict string

// The verdicts.
const (
	Pass Verdict = "pass"
	Fail Verdict = "fail"
)

// Report is what a run has to say, one line of JSON.
type Report struct {
	Verdict Verdict `json:"verdict"`
	Stage   string  `json:"stage,omitempty"` // the stage that failed
	Error   string  `json:"error,omitempty"`
	Stages  Stages  `json:"stages"`
}

// Stages are the stages that were passed, in order. As JSON they are an object: {"wss":3.1,"register":5.9,...}.
type Stages []Passed

// Passed is a stage and the time it was passed at, since the start of the run.
type Passed struct {
	Name string
	At   time.Duration
}

// At returns the time of a stage.
func (s Stages) At(name string) (time.Duration, bool) {
	for _, p := range s {
		if p.Name == name {
			return p.At, true
		}
	}
	return 0, false
}

// MarshalJSON keeps the order of the stages; times are milliseconds with one decimal.
func (s Stages) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, p := range s {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Quote(p.Name))
		b.WriteByte(':')
		b.WriteString(strconv.FormatFloat(float64(p.At.Microseconds())/1000, 'f', 1, 64))
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// String is the report as one line of JSON.
func (r Report) String() string {
	b, err := json.Marshal(r)
	if err != nil {
		return `{"verdict":"fail"}` // strings and numbers always marshal
	}
	return string(b)
}
