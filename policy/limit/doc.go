// Package limit judges how often and how much: rates by the generic cell rate algorithm, and shares of nested budgets. It is pure: the
// state comes in as a value and goes out as one, time is an argument.
//
// rate.go has the rates, ITU-T I.371 Annex A (GCRA) in its virtual scheduling form; bounds.go what may be in use at a time, and which
// limit refuses; bandwidth.go what a codec takes of the network.
package limit
