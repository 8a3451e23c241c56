// Package telemetry is the one stream of typed events. Domain code emits a fact once; the log, the metrics, the call records and the
// tests subscribe (see Listener and Tee). Sinks with weight of their own live in sub-packages: telemetry/cdr, telemetry/metrics.
//
// Files: event.go (the events), listener.go (Listener, Tee, the nil-safe emitters), slog.go (the log sink), burst.go (one line a
// second for refusals), mask.go (numbers in logs), plain.go (what a terminal would obey).
//
// The package starts no goroutine. Emitters run on the caller's goroutine, so a Listener must not block: a slow sink drops and counts.
package telemetry
