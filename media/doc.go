// Package media is the media plane: it owns every media socket and moves every packet of every call.
//
// Goroutines: one event loop per core, locked to its thread while it carries media (loop.go, pace.go). A loop owns one SO_REUSEPORT
// socket of every browser address, the port pairs, keys, codecs and counters of its calls, and it alone touches them: no lock,
// channel, timer, goroutine or allocation per packet. A Session belongs to one loop, with both legs; what other goroutines want of it
// travels as a command and takes effect between two batches. DTLS handshakes run on a bounded pool beside the loops (dtls.go), and
// Run's own goroutine sums up what was refused once a second (stats.go).
//
// Standards: RFC 3550 (RTP, RTCP), RFC 3711 and RFC 7714 (SRTP), RFC 4733 (telephone-event), RFC 5761 (rtcp-mux), RFC 5764 and
// RFC 7983 (DTLS-SRTP on one port), RFC 8445 (ICE, lite), RFC 8489 (STUN), RFC 7675 (consent, as far as a lite agent sees it).
//
// The files in reading order:
//
//	api.go (what b2bua sees), config.go, errors.go
//	engine.go, realms.go, session.go
//	loop.go, inbox.go, steer.go, singles.go, ahead.go, budget.go, pace.go, urgent.go, gather.go, lobby.go, socket_linux.go, ports.go, resting.go
//	demux.go, ice.go, pairs.go, restart.go
//	dtls.go, cookie.go, handshakes.go, certificate.go, pipe.go, srtp.go, rekey.go, keyring.go
//	latch.go, police.go
//	leg.go, ingress.go (steps 3 to 5 of loop.go, and the way out), change.go, departed.go, stream.go
//	relay.go
//	transcode.go, redundancy.go, playout.go, phase.go, comfort.go
//	dtmf.go, event.go, play.go, ear.go
//	rtcp.go, rtcpin.go, xr.go
//	quality.go, verdict.go, silence.go
//	clock.go, public.go, stats.go
package media
