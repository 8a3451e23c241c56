// Package light is a WebRTC client without a PeerConnection, for tests that must control every datagram and for the benchmark, where
// the client may not cost more than what is measured: one UDP socket, connectivity checks with USE-CANDIDATE, a DTLS client, SRTP.
//
// Files: client.go (the socket and what comes in), sdp.go (offer and answer), stun.go (checks), dtls.go (handshake and keys), wire.go (for a caller with many clients), line.go (a
// JSON signalling connection).
package light
