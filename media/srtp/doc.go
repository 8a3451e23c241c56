// Package srtp protects RTP and RTCP in place (RFC 3711, RFC 7714). A Context is one direction of one stream's peer: its keys, and for each
// source the roll-over counter and what has been seen. It is small and lies together, because a relay meets thousands of them in turn and
// each comes from far memory; working space is in a Scratch that its user shares among all.
//
// A Context and a Scratch belong to one goroutine. Nothing allocates after New but for a new source.
//
// Files: profile.go (transforms and key derivation), source.go (packet indices and replay), context.go (RTP), rtcp.go (RTCP), keystream.go
// (AES in counter mode), mac.go (HMAC-SHA1), aes_amd64.go, aes_other.go, sha1_amd64.go and sha1_other.go (the processor's part of them),
// scratch.go.
package srtp
