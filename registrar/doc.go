// Package registrar keeps the bindings of local accounts and authenticates requests by digest: RFC 3261 sections 10 and 22, RFC 8760
// (SHA-256 beside MD5), RFC 5626 (instance-id and reg-id as the binding's key).
//
// Read in this order: config.go (what it is told), accounts.go (who may register, which may change), register.go (a REGISTER from arrival to answer), bulk.go (those of a PBX), table.go (bindings and expiry),
// digest.go (who sent this?), nonce.go (stateless challenges), replay.go (nonce counts), guesses.go (wrong passwords). The exported
// methods may be called from any goroutine; REGISTER requests run on the shard that received them and never block. Run sweeps what has
// expired.
package registrar
