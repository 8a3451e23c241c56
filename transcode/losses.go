package transcode

// Chosen here.
const (
	lossMemory = 256  // packets: a single loss is 0.4 %
	lossy      = 0.02 // from here on a frame of delay is spent on redundancy
	lossless   = 0.01 // and below it is saved again
)

// losses watches how many packets are missing when the one behind them is played. Redundancy is in the packet behind the lost one, so it
// comes 20 ms late for a ring with one frame of delay: where much is lost a second frame pays.
type losses struct {
	rate float64
	on   bool
}

// note takes a packet that is played, and how many are missing before it.
func (l *losses) note(missing int) {
	for range min(missing, deepest) {
		l.rate += (1 - l.rate) / lossMemory
	}
	l.rate -= l.rate / lossMemory
	l.on = l.rate > lossy || l.on && l.rate > lossless
}
