// Package shield judges what sources do to the gateway: which offence an event is, how many of a kind are an alarm, and how many a ban
// (requirements SEC-01, SEC-03; the classes are those of AudioCodes' intrusion detection). It is pure: what is remembered of a source is a
// Record, a value that somebody else keeps, and time comes in as nanoseconds of the caller's clock.
//
// offence.go says what counts as what, rule.go how many are too many, record.go what that makes of a source.
package shield
