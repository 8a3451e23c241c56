// Package rtpmath is the arithmetic of RTP receivers and reports: sequence numbers, loss, jitter, NTP time, round trips.
// It is pure and allocates nothing. All types are values; their zero value is ready. A value belongs to one goroutine.
//
//	sequence.go  extended sequence numbers, received, lost, fraction lost (RFC 3550 appendix A.1, A.3)
//	jitter.go    inter-arrival jitter (RFC 3550 appendix A.8)
//	clock.go     RTP timestamps and NTP time (RFC 3550 section 4)
//	burst.go     how losses lie together (RFC 3611 section 4.7.2, BurstR of ITU-T G.107)
//	emodel.go    R-factor and MOS (ITU-T G.107)
//	rtt.go       round trip from SR and RR (RFC 3550 section 6.4.1)
package rtpmath
