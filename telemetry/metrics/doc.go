// Package metrics turns events into Prometheus metrics and gathers what other packages count.
//
// Events feed counters whose children are held, so an event costs no label look-up (Metrics.Listener). What a package counts itself is
// read when somebody scrapes (Gauge, Counter, Counters, Gauges): the packet path never sees this package. No label carries a number, an
// address or a call: label values are words of the program, and their count is bounded.
//
// Files: metrics.go (registry and events), quality.go (how calls have sounded), pull.go (what is read at scrape).
package metrics
