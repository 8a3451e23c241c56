// Package fraud judges whether calls look like toll fraud. Rules count the calls of one account towards one prefix; what they count is a
// Counter, a value that whoever keeps it hands in under its own lock. The package is pure: time, prices and counters come in, verdicts
// go out.
//
// Reading order: rule.go (rules, and which of them watch a call), window.go (when a rule counts), counter.go (what becomes of a counter when
// a call is tried, answered, goes on and ends), alarm.go (what is said of it), ring.go (sums of the last minute, hour and day).
package fraud
