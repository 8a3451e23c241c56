package media

import "time"

// A frame waits for its Pull because a later one may be held up on its way. How long it has to is not known when the first one comes, so playWait
// is for a way that is not good. From then on the Pulls move, by steps that nobody hears, to where the latest frame of a while came just in time:
// nearer on a good way, further off before a frame is missed. What moves is when packets leave, not what is in them, so the skew of the
// sender's clock is followed the same way and costs neither a hole nor a frame taken out.

// Chosen here.
const (
	phaseLook  = 25                      // Pulls to a look
	phaseFew   = 20                      // of them with a frame of their own, or nothing is known
	phaseSpare = 6 * time.Millisecond    // what the latest frame of a look shall have left
	phaseBand  = 1 * time.Millisecond    // more or less than that is left alone
	phaseStep  = 1500 * time.Microsecond // a look's move at most
)

// phase finds how far the Pulls of a player can move. It judges only a stream of which one frame waits at a time: where there are more, the ring
// gives them up by itself. The zero value has seen nothing.
type phase struct {
	came  int64 // the frame that the next Pull needs; 0 when it has come before
	least int64 // that one of a look had left
	seen  int   // frames of this look
	pulls int
}

// comes notes that a frame has come which the next Pull needs.
func (p *phase) comes(now int64) { p.came = now }

// pulled notes a Pull that was due at a time, and returns what the next one shall move by, in nanoseconds.
func (p *phase) pulled(due int64) (by int64) {
	if p.came != 0 {
		if left := max(due-p.came, 0); p.seen == 0 || left < p.least {
			p.least = left
		}
		p.seen++
		p.came = 0
	}
	if p.pulls++; p.pulls < phaseLook {
		return 0
	}
	if off := int64(phaseSpare) - p.least; p.seen >= phaseFew && (off > int64(phaseBand) || off < -int64(phaseBand)) {
		by = min(max(off, -int64(phaseStep)), int64(phaseStep))
	}
	*p = phase{}
	return by
}
