package cdr

import (
	"io"
	"testing"
	"time"

	"drawbridge/telemetry"
)

// BenchmarkTake is what a record costs until it waits to be written.
func BenchmarkTake(b *testing.B) {
	w, err := New(Config{Out: io.Discard})
	if err != nil {
		b.Fatal(err)
	}
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	e := &telemetry.CallEnded{
		Call: "5f0c9a7d3b1e", From: "sip:sipp@127.0.22.1", To: "+4930222", Start: at, Answer: at.Add(time.Millisecond), End: at.Add(time.Second),
		Setup: time.Millisecond, Duration: time.Second, Config: telemetry.Version{Number: 1},
	}
	b.ReportAllocs()
	for b.Loop() {
		w.take(e)
		w.pending.clear()
	}
}
