package srtp

// Window is how many packets back a repetition is known; what is older is refused. RFC 3711 section 3.3.2 asks for 64 at least.
const Window = 256

// mostSources are kept for one direction, the newest. Only an authentic packet makes one.
const mostSources = 64

// source is what is known of an SSRC.
type source struct {
	ssrc    uint32
	started bool
	doubt   bool                // not heard since it was heard under another key
	top     int64               // highest index so far: roll-over counter and sequence number, or RTCP's index
	seen    [Window / 64]uint64 // bit 0 of the first is top
}

// sources has the present one first in reach: a stream changes its source rarely.
type sources struct {
	all   []source
	now   int
	first [1]source // room for the one that most streams ever have
}

// find returns the source, or nil when it is new.
func (s *sources) find(ssrc uint32) *source {
	if s.now < len(s.all) && s.all[s.now].ssrc == ssrc {
		return &s.all[s.now]
	}
	for i := range s.all {
		if s.all[i].ssrc == ssrc {
			s.now = i
			return &s.all[i]
		}
	}
	return nil
}

// keep adds a source, in the place of the oldest when there are too many.
func (s *sources) keep(src source) {
	if len(s.all) == mostSources {
		copy(s.all, s.all[1:])
		s.all = s.all[:mostSources-1]
	}
	if s.all == nil {
		s.all = s.first[:0]
	}
	s.all = append(s.all, src)
	s.now = len(s.all) - 1
}

// index is the packet index that a sequence number most likely stands for (RFC 3711 section 3.3.1 and appendix A).
func (s *source) index(seq uint16) int64 {
	if !s.started {
		return int64(seq)
	}
	const half = 1 << 15
	roc, last, n := s.top>>16, s.top&0xffff, int64(seq)
	switch {
	case last < half && n-last > half && roc > 0:
		roc--
	case last >= half && last-half > n:
		roc++
	}
	return roc<<16 | n
}

// fresh tells whether an index has not been seen and is not too old to know.
func (s *source) fresh(index int64) bool {
	if !s.started || index > s.top {
		return true
	}
	back := uint64(s.top - index)
	return back < Window && s.seen[back/64]&(1<<(back%64)) == 0
}

// note takes an index whose packet is authentic.
func (s *source) note(index int64) {
	if !s.started {
		s.started, s.top, s.seen = true, index, [Window / 64]uint64{1}
		return
	}
	if index > s.top {
		s.shift(uint64(index - s.top))
		s.top = index
		s.seen[0] |= 1
		return
	}
	if back := uint64(s.top - index); back < Window {
		s.seen[back/64] |= 1 << (back % 64)
	}
}

// shift makes room for n newer indices.
func (s *source) shift(n uint64) {
	if n >= Window {
		s.seen = [Window / 64]uint64{}
		return
	}
	words, bits := int(n/64), n%64
	for i := len(s.seen) - 1; i >= 0; i-- {
		var w uint64
		if from := i - words; from >= 0 {
			w = s.seen[from] << bits
			if from > 0 && bits > 0 {
				w |= s.seen[from-1] >> (64 - bits)
			}
		}
		s.seen[i] = w
	}
}
