// Package offer is the SDP side of one leg: the offer/answer machine of RFC 3264 over typed SDP.
//
// Each leg of a call has its own [Machine] and negotiates with the gateway only, so what one peer says never reaches the
// other: no extmap, ssrc, msid, candidate or fingerprint crosses, because every line sent is written here from our own values.
// The package is pure: no socket, clock, lock, random source or logger. A Machine belongs to the goroutine that owns the call.
//
// types.go, direction.go, config.go and errors.go have what callers see. An SDP from outside takes this way, in this order of files:
//
//	lines.go     words, limits on characters, and the lines that a session must have
//	read.go      text -> description in one pass over its lines: what each m-line says, tokens checked
//	attributes.go  the a= lines of the session and of its audio
//	fingerprint.go  which certificate the peer will show, and ICE's words
//	address.go   which addresses media may be sent to
//	machine.go   the machine: who has an offer open, what is agreed
//	answer.go    a peer's offer or answer -> Stream
//	codec.go     which format; payload types keep their meaning for the whole session
//	crypto.go    a=crypto, read and written
//	srtp.go      what encryption is asked for, and what is agreed
//	xr.go        whether VoIP metrics (RFC 3611) are sent
//	precondition.go  what a trunk says of QoS preconditions, which end here
//	suit.go      what the other side of the call can hear, so that nothing is transcoded that need not be
//	pack.go      the machine of a call that lasts, in little memory
//	write.go     our SDP, the same bytes as long as nothing changed
//
// A refusal is an [*Error] with the SIP status owed (400 when it cannot be read, 488 when it cannot be served). Whatever the
// error, the machine is as it was before the call.
//
// RFC 3264 offer/answer, RFC 3312 preconditions, RFC 8866 SDP, RFC 8829 JSEP, RFC 8839 ICE in SDP, RFC 8842 DTLS in SDP, RFC 4568 SDES, RFC
// 8643 opportunistic SRTP, RFC 9143 BUNDLE, RFC 5761 rtcp-mux, RFC 4733 telephone-event, RFC 7587 Opus.
package offer
