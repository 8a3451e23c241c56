package transcode

import "slices"

// Chosen here.
const (
	delayWindow = pullsPerSecond // pulls per verdict: one second
	outliers    = delayWindow / 20
	sureWindows = 3 // windows in which no pull may have needed a frame that is one too many
	calm        = 5 // windows without a stall before the delay may fall
	patience    = 5 // windows of waiting for a quiet frame
	hurry       = 3 // so many frames too many are not waited with
)

// delays watches how many frames wait at each Pull, and says when there are too many.
type delays struct {
	pulls     int
	seen      [deepest + 1]int // pulls that found so many frames
	fewest    [sureWindows]int // frames at the pull that found fewest, of the last windows
	excess    int              // frames too many
	since     int              // windows since the last stall
	impatient int              // windows that an excess has waited for a quiet frame
}

// note takes the depth before a Pull, and how much would do. A frame is too many when no pull of the last seconds needed it, and so are all
// but one that 95 % of the pulls of the last second could have done without: what is taken out at the edge has to be invented a moment later.
func (d *delays) note(depth, enough int) {
	d.seen[min(depth, deepest)]++
	if d.pulls++; d.pulls < delayWindow {
		return
	}
	copy(d.fewest[1:], d.fewest[:])
	d.fewest[0] = slices.IndexFunc(d.seen[:], func(pulls int) bool { return pulls > 0 })
	below, usual := 0, 0
	for ; usual < deepest; usual++ {
		if below += d.seen[usual]; below > outliers {
			break
		}
	}
	clear(d.seen[:])
	d.pulls = 0
	d.since++
	d.impatient++
	if d.excess = max(slices.Min(d.fewest[:])-enough, usual-enough-1); d.excess <= 0 {
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
