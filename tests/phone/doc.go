// Package phone is a G.711 phone for the black-box tests: SIPp speaks its SIP, with the scenarios of tests/sipp, and a UDP socket in this
// process is its microphone and ear. SIPp's SDP announces that socket.
//
// Every byte that reaches the phone is kept, so that a test can search it.
//
// Files: media.go (RTP in and out), dtmf.go (RFC 4733 digits), tone.go (a tone's share of what is heard), sipp.go (a running scenario),
// messages.go (its message log), tunnel.go (TLS for it).
package phone
