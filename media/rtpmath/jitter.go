package rtpmath

import "time"

// Jitter is the inter-arrival jitter of RFC 3550 section 6.4.1, in the units of the RTP clock.
type Jitter struct {
	started bool
	transit int64
	scaled  int64 // 16 times the jitter, as in appendix A.8
}

// jump is the change of transit time from which on it is none: the sender's clock has jumped, or stood still while it sent nothing. Chosen here:
// more than networks delay.
const jump = 2 * time.Second

// Update takes one packet: its arrival on any monotonic clock, its timestamp and the RTP clock in Hz. Only packets in
// order should be given.
func (j *Jitter) Update(arrival time.Duration, timestamp uint32, clock int) {
	units := uint32(Units(arrival, clock))
	transit := int64(int32(units - timestamp))
	d := int64(int32(uint32(transit) - uint32(j.transit)))
	j.transit = transit
	if !j.started {
		j.started = true
		return
	}
	if d < 0 {
		d = -d
	}
	if d >= Units(jump, clock) {
		return
	}
	j.scaled += d - (j.scaled+8)>>4
}

// Value is the jitter in clock units, for a reception report block.
func (j *Jitter) Value() uint32 { return uint32(j.scaled >> 4) }

// Duration is the jitter as time.
func (j *Jitter) Duration(clock int) time.Duration { return Time(int64(j.Value()), clock) }

// Restart forgets the last packet but keeps the estimate: a pause or a new SSRC is no jitter.
func (j *Jitter) Restart() { j.started = false }
