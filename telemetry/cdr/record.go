package cdr

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"drawbridge/telemetry"
)

// Record is one line of the file. Durations are whole milliseconds from the monotonic clock, times are UTC.
type Record struct {
	Call       string             `json:"call"`
	From       string             `json:"from"`
	To         string             `json:"to"`
	Start      time.Time          `json:"start"`
	Answer     *time.Time         `json:"answer,omitempty"` // absent when never answered
	End        time.Time          `json:"end"`
	SetupMS    int64              `json:"setupMs"`    // INVITE to 2xx, or to the final failure
	DurationMS int64              `json:"durationMs"` // answer to end, 0 when never answered
	Cause      Cause              `json:"cause"`
	Rule       string             `json:"rule,omitempty"`     // policy rule that refused or ended the call
	Term       string             `json:"term,omitempty"`     // "fraud" when a fraud rule did
	Config     *telemetry.Version `json:"config,omitempty"`   // that the call has begun with
	Transfer   string             `json:"transfer,omitempty"` // the call that the transfer began with: the same in the records of all its calls
	A          telemetry.Leg      `json:"a"`
	B          telemetry.Leg      `json:"b"`

	Attempts []telemetry.Attempt `json:"attempts,omitempty"` // absent when the first target has answered
}

// Cause is why the call ended.
type Cause struct {
	SIP  int    `json:"sip"` // 0 when a confirmed call ended normally
	Q850 int    `json:"q850"`
	Text string `json:"text"`
	By   string `json:"by"` // "a", "b" or "gateway"
}

// NewRecord turns the event into a record.
func NewRecord(e telemetry.CallEnded) Record {
	r := Record{
		Call: e.Call, From: e.From, To: e.To,
		Start: e.Start.UTC(), End: e.End.UTC(),
		SetupMS: e.Setup.Milliseconds(), DurationMS: e.Duration.Milliseconds(),
		Cause: Cause{SIP: e.Cause.SIP, Q850: e.Cause.Q850, Text: e.Cause.Text, By: e.Cause.By},
		Rule:  e.Rule, Transfer: e.Transfer, A: e.A, B: e.B, Attempts: e.Attempts,
	}
	if strings.HasPrefix(e.Rule, "fraud/") {
		r.Term = "fraud"
	}
	if e.Config.Number > 0 {
		config := e.Config // and not e as a whole
		r.Config = &config
	}
	if !e.Answer.IsZero() {
		at := e.Answer.UTC()
		r.Answer = &at
	}
	return r
}

// encoder makes lines of records. It keeps its memory from one to the next: records come at the rate of calls.
type encoder struct {
	buf  bytes.Buffer
	json *json.Encoder
}

func newEncoder() *encoder {
	e := &encoder{}
	e.json = json.NewEncoder(&e.buf)
	e.json.SetEscapeHTML(false)
	return e
}

// line encodes r as one line, newline included. Control characters in values from the wire come out escaped.
func (e *encoder) line(r *Record) ([]byte, error) {
	e.buf.Reset()
	if err := e.json.Encode(r); err != nil {
		return nil, err
	}
	return telemetry.AppendPlain(make([]byte, 0, e.buf.Len()), e.buf.Bytes()), nil
}
