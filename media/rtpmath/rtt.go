package rtpmath

import "time"

// RTT is the round trip that a reception report shows (RFC 3550 section 6.4.1): now and lsr are middle NTP bits of our own clock, dlsr
// is the peer's delay in 1/65536 s. ok is false when the report refers to no sender report, or clocks make it negative.
func RTT(now, lsr, dlsr uint32) (rtt time.Duration, ok bool) {
	if lsr == 0 {
		return 0, false
	}
	d := int32(now - lsr - dlsr)
	if d < 0 {
		return 0, false
	}
	return time.Duration(d) * time.Second >> 16, true
}

// DLSR is the delay since the last sender report in 1/65536 s, for our own reception reports.
func DLSR(since time.Duration) uint32 { return uint32(Units(since, 65536)) }
