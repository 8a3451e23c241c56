// Package score judges how the calls of a trunk have been: how they sounded and how many were answered. It is pure: a State is a value,
// whoever keeps it brings the time.
package score

import (
	"fmt"
	"math/bits"
	"strings"
	"time"
)

// Rules say when a trunk's calls are bad. The zero value calls none bad.
type Rules struct {
	MOS float64 // mean opinion score that is good enough; 0: nobody asks
	ASR int     // per cent of attempts that are to be answered; 0: nobody asks
}

// Chosen here. What has become bad is good again only beyond the limit, so that it does not change with every call.
const (
	window    = 20              // calls that a mean is taken of, and that are wanted before a trunk is called bad
	trials    = 5               // calls that are wanted before a bad one is believed to be good again
	seizures  = 40              // attempts that a ratio is taken of
	fewest    = 20              // attempts that are wanted before a trunk is called bad
	recovered = 0.2             // MOS beyond the limit
	recouped  = 10              // per cent beyond the limit
	lately    = 5 * time.Minute // of the mean that is shown
	worst     = 10.0            // no penalty is higher
	least     = 1.05            // none is lower: what is bad costs something
)

// State is what is known of the calls of one trunk.
type State struct {
	heard    [window]sample // how calls have sounded, around; next is overwritten
	next, n  uint8
	badSound bool
	sounded  float64 // the mean when it became bad, and that of the trials since
	answered uint64  // the last attempts, the newest in the lowest bit
	attempts uint8
	badRatio bool
	ratio    int // per cent when it became bad, and that of the trials since
}

type sample struct {
	at  time.Time
	mos float64
}

// Heard takes how a call has sounded.
func (s State) Heard(mos float64, r Rules, at time.Time) State {
	s.heard[s.next] = sample{at, mos}
	s.next, s.n = (s.next+1)%window, min(s.n+1, window)
	mean := s.mean(time.Time{})
	switch {
	case r.MOS <= 0:
	case !s.badSound && s.n == window && mean < r.MOS:
		s.badSound, s.sounded = true, mean
		s.next, s.n = 0, 0
	case s.badSound && s.n >= trials:
		s.sounded = mean
		s.badSound = mean < r.MOS+recovered
	}
	return s
}

// Tried takes whether an attempt was answered.
func (s State) Tried(answered bool, r Rules) State {
	s.answered = s.answered << 1 & (1<<seizures - 1)
	if answered {
		s.answered |= 1
	}
	s.attempts = min(s.attempts+1, seizures)
	ratio := s.asr()
	switch {
	case r.ASR <= 0:
	case !s.badRatio && s.attempts >= fewest && ratio < r.ASR:
		s.badRatio, s.ratio = true, ratio
		s.answered, s.attempts = 0, 0
	case s.badRatio && s.attempts >= fewest/2:
		s.ratio = ratio
		s.badRatio = ratio < min(r.ASR+recouped, 100)
	}
	return s
}

// mean is that of the calls since a time; 0 without any.
func (s State) mean(since time.Time) float64 {
	sum, n := 0.0, 0
	for _, h := range s.heard[:s.n] {
		if !h.at.Before(since) {
			sum += h.mos
			n++
		}
	}
	if n == 0 {
		return 0
	}
	return sum / float64(n)
}

func (s State) asr() int {
	if s.attempts == 0 {
		return 0
	}
	return bits.OnesCount64(s.answered) * 100 / int(s.attempts)
}

// MOS is the mean of the last five minutes, 20 calls at most; 0: there were none.
func (s State) MOS(now time.Time) float64 { return s.mean(now.Add(-lately)) }

// ASR is the share of the last attempts that were answered, per cent; ok is false when there were none.
func (s State) ASR() (percent int, ok bool) { return s.asr(), s.attempts > 0 }

// Penalty is what the price of the trunk is multiplied by when trunks are compared, 1 for a good one, and why it is not 1.
func (s State) Penalty(r Rules) (factor float64, why string) {
	factor = 1
	var reasons []string
	if s.badSound && r.MOS > 0 {
		factor *= square(r.MOS / max(s.sounded, 1))
		reasons = append(reasons, fmt.Sprintf("MOS %.2f, below %.2f", s.sounded, r.MOS))
	}
	if s.badRatio && r.ASR > 0 {
		factor *= float64(r.ASR) / float64(max(s.ratio, 1))
		reasons = append(reasons, fmt.Sprintf("ASR %d %%, below %d %%", s.ratio, r.ASR))
	}
	if len(reasons) == 0 {
		return 1, ""
	}
	return min(max(factor, least), worst), strings.Join(reasons, ", ")
}

func square(x float64) float64 { return x * x }
