// Package store keeps what outlives a call: cells of rates, counts of what is in use. It judges nothing: policy does, by value. Everything
// here is bounded, so that no number of sources can make it grow, and may be used from any goroutine.
//
// cells.go has cells by key, book.go values by key for as many keys as there is room, shares.go counts of what is in use, fraud.go what the
// fraud rules count, scores.go how the calls of trunks have been.
package store
