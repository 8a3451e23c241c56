package rtpmath

import "time"

// ntpEpoch is 1 January 1900 in seconds before the Unix epoch (RFC 5905 section 6).
const ntpEpoch = 2208988800

// Units is the number of clock ticks in d.
func Units(d time.Duration, clock int) int64 {
	sec, rest := d/time.Second, d%time.Second
	return int64(sec)*int64(clock) + int64(rest)*int64(clock)/int64(time.Second)
}

// Time is the duration of so many clock ticks.
func Time(units int64, clock int) time.Duration {
	if clock <= 0 {
		return 0
	}
	sec, rest := units/int64(clock), units%int64(clock)
	return time.Duration(sec)*time.Second + time.Duration(rest)*time.Second/time.Duration(clock)
}

// NTP is t as a 64-bit NTP timestamp: seconds since 1900 and a 32-bit fraction.
func NTP(t time.Time) uint64 {
	sec := uint64(t.Unix()+ntpEpoch) << 32
	return sec | (uint64(t.Nanosecond())<<32+5e8)/1e9
}

// FromNTP is the time of an NTP timestamp, in era 0 from 1968 and in era 1 to 2104 (RFC 4330 section 3).
func FromNTP(n uint64) time.Time {
	sec := int64(n >> 32)
	if sec < 1<<31 {
		sec += 1 << 32
	}
	return time.Unix(sec-ntpEpoch, int64((n&0xffffffff*1e9+1<<31)>>32)).UTC()
}

// Middle is the middle 32 bits of an NTP timestamp, as LSR carries them.
func Middle(n uint64) uint32 { return uint32(n >> 16) }
