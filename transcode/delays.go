package transcode

// Chosen here.
const (
	delayWindow = pullsPerSecond // pulls per verdict: one second
	outliers    = delayWindow / 20
	calm        = 5 // windows without a stall before the delay may fall
	patience    = 5 // windows of waiting for a quiet frame
	hurry       = 3 // so many frames too many are not waited with
)

// delays watches how many frames wait at each Pull, and says when there are too many.
type delays struct {
	pulls     int
	seen      [deepest + 1]int // pulls that found so many frames
	excess    int              // frames that 95 % of the last window's pulls could have done without
	since     int              // windows since the last stall
	impatient int              // windows that an excess has waited for a quiet frame
}

// note takes the depth before a Pull.
func (d *delays) note(depth int) {
	d.seen[min(depth, deepest)]++
	if d.pulls++; d.pulls < delayWindow {
		return
	}
	below, least := 0, 0
	for ; least < deepest; least++ {
		if below += d.seen[least]; below > outliers {
			break
		}
	}
	clear(d.seen[:])
	d.pulls = 0
	d.since++
	d.impatient++
	if d.excess = least - 1; d.excess <= 0 {
		d.impatient = 0
	}
}

// stall says that the ring was empty at a Pull.
func (d *delays) stall() { d.since, d.excess = 0, 0 }

// shouldShrink reports whether this frame should be blended with the next, once for each frame of excess.
func (d *delays) shouldShrink(quiet bool) bool {
	if d.excess <= 0 || (d.since < calm && d.excess < hurry) {
		return false
	}
	if !quiet && d.impatient < patience && d.excess < hurry {
		return false
	}
	d.excess--
	return true
}
