// Package resolve finds where a SIP URI leads: RFC 3263 over DNS. Host names never reach further than this package: what leaves it is a
// list of txn.Hop, numbers all, best first.
//
// Files: resolver.go (New, Run, Hops: at once from the cache, else later from a bounded pool), plan.go (the procedure of RFC 3263, pure),
// order.go (RFC 2782 weights, families), cache.go (TTL, negative entries, stale ones while no server answers), ask.go (the questions on
// the wire), watch.go (names that are kept fresh), config.go, errors.go.
//
// Goroutines: the workers and the watcher under Run; each look-up asks its questions side by side.
//
// RFC 1035, 2308 (negative answers), 2782 (SRV), 3263, 3403 (NAPTR), 3596 (AAAA), 5922 (whose name a certificate bears), 6761 (.invalid),
// 8767 (stale answers).
package resolve
