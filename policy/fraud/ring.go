package fraud

// slots of a ring: what falls out of the sum falls out a sixtieth of the time late.
const slots = 60

// ring sums what has come within the last 60 ticks.
type ring[T uint16 | float64] struct {
	tick int64 // of the newest slot
	slot [slots]T
}

// turn lets go of what is too old. A clock that goes back stands still here.
func (r *ring[T]) turn(tick int64) {
	switch {
	case tick <= r.tick:
		return
	case tick-r.tick >= slots:
		r.slot = [slots]T{}
	default:
		for t := r.tick + 1; t <= tick; t++ {
			r.slot[t%slots] = 0
		}
	}
	r.tick = tick
}

func (r *ring[T]) add(tick int64, n T) {
	r.turn(tick)
	if at := &r.slot[r.tick%slots]; *at+n >= *at { // full is full
		*at += n
	}
}

func (r *ring[T]) sum(tick int64) (all float64) {
	r.turn(tick)
	for _, n := range r.slot {
		all += float64(n)
	}
	return all
}

// Ticks, in seconds.
const (
	ofMinute = 1
	ofHour   = 60
	ofDay    = 24 * 60
)
