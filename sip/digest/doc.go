// Package digest answers challenges: the client's side of digest authentication (RFC 3261 section 22, RFC 7616, RFC 8760). The other
// side, which challenges, is the registrar's; both hash with Algorithm. It is pure: client nonces come from its caller, one goroutine
// owns a Client.
//
// Files: account.go (whose credentials, and for whom), client.go (challenges in, credentials out), algorithm.go (the hashes).
package digest
