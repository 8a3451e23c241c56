package rtpmath

// Fixed by RFC 3550 appendix A.1.
const (
	maxDropout  = 3000 // a jump ahead of at least this much is a restart, not loss
	maxMisorder = 100  // a step back of more than this is a restart, not reordering
)

// Arrival says what a sequence number was to the packets before it.
type Arrival uint8

const (
	InOrder   Arrival = iota // the newest so far
	Reordered                // older, and within the window: late or a duplicate
	Suspect                  // far away: dropped unless the next one follows it
	Restarted                // the second of two that follow each other far away: counting begins anew here
)

// Sequence extends 16-bit sequence numbers to 64 bits and counts what is missing.
type Sequence struct {
	started  bool
	bad      uint32 // the number that would confirm a restart, plus 1<<16; 0 none
	base     int64  // first extended number of this run
	highest  int64
	received int64
	lost     int64 // of runs before the last restart

	priorExpected, priorReceived int64 // at the last Report
}

// Update takes the next packet's number and returns its extended form, which rises over wraps and restarts. For a Suspect packet it
// is the newest number so far: the caller should drop the packet.
func (s *Sequence) Update(seq uint16) (ext int64, a Arrival) {
	if !s.started {
		*s = Sequence{started: true, base: int64(seq), highest: int64(seq), received: 1}
		return s.highest, InOrder
	}
	delta := seq - uint16(s.highest)
	switch {
	case delta != 0 && delta < maxDropout:
		s.highest += int64(delta)
		a = InOrder
	case delta == 0 || delta > 1<<16-maxMisorder:
		s.received++
		return s.highest + int64(int16(delta)), Reordered
	case s.bad == uint32(seq)+1<<16:
		s.restart(seq)
		return s.highest, Restarted
	default:
		s.bad = uint32(seq+1) + 1<<16
		return s.highest, Suspect
	}
	s.bad = 0
	s.received++
	return s.highest, a
}

// restart begins a new run that is above the old one, so that extended numbers never fall.
func (s *Sequence) restart(seq uint16) {
	s.lost = s.Lost()
	next := s.highest&^0xffff + 1<<16 + int64(seq)
	s.base, s.highest, s.received = next, next, 1
	s.bad, s.priorExpected, s.priorReceived = 0, 0, 0
}

// Received is the number of packets of this run, duplicates included.
func (s *Sequence) Received() int64 { return s.received }

// Highest is the extended highest sequence number, as a reception report carries it.
func (s *Sequence) Highest() uint32 { return uint32(s.highest) }

// Expected is the number of packets that this run should have had.
func (s *Sequence) Expected() int64 {
	if !s.started {
		return 0
	}
	return s.highest - s.base + 1
}

// Lost is the number of packets missing since the beginning; duplicates may make it negative (RFC 3550 section 6.4.1).
func (s *Sequence) Lost() int64 { return s.lost + s.Expected() - s.received }

// Report returns fraction lost (of 256) since the former Report, and cumulative lost in 24 bits, for a reception report block.
func (s *Sequence) Report() (fraction uint8, cumulative int32) {
	expected := s.Expected() - s.priorExpected
	received := s.received - s.priorReceived
	s.priorExpected, s.priorReceived = s.Expected(), s.received
	if lost := expected - received; expected > 0 && lost > 0 {
		fraction = uint8(min(lost<<8/expected, 255))
	}
	return fraction, int32(max(min(s.Lost(), 1<<23-1), -1<<23))
}
