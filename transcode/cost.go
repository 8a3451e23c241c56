package transcode

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// Chosen here.
const (
	costRate   = 8000
	costWarmUp = 50 // frames that are not counted: caches, and the codecs' own beginnings
)

// Cost measures what this machine needs to transcode one call both ways between Opus and G.711: CPU time for each second of the call. It uses
// about budget of one core, on a thread of its own, and what else runs there does not count. Errors: ErrNoOpus, and ctx's.
func Cost(ctx context.Context, opt Options, budget time.Duration) (time.Duration, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c, err := newSpecimen(opt)
	if err != nil {
		return 0, err
	}
	var began time.Duration
	for frames := 1; ; frames++ {
		if err := c.frame(); err != nil {
			return 0, err
		}
		switch now, err := threadTime(); {
		case err != nil:
			return 0, err
		case ctx.Err() != nil:
			return 0, context.Cause(ctx)
		case frames == costWarmUp:
			began = now
		case frames > costWarmUp && now-began >= budget:
			return (now - began) * pullsPerSecond / time.Duration(frames-costWarmUp), nil
		}
	}
}

// specimen is a call both ways.
type specimen struct {
	toOpus         Encoder
	fromOpus       Decoder
	telephone      *g711
	ring           *Playout
	pcm            []int16
	octets, packet []byte
	seq            uint16
	phase          float64
}

func newSpecimen(opt Options) (*specimen, error) {
	c := &specimen{pcm: make([]int16, costRate*120/1000), octets: make([]byte, costRate/pullsPerSecond), packet: make([]byte, maxPayload)}
	var err error
	if c.toOpus, err = NewEncoder("opus", costRate, opt); err != nil {
		return nil, err
	}
	if c.fromOpus, err = NewDecoder("opus", costRate); err != nil {
		return nil, err
	}
	if c.telephone, err = newG711("PCMA", costRate); err != nil {
		return nil, err
	}
	c.ring = NewPlayout(c.fromOpus, 48000)
	return c, nil
}

// frame takes 20 ms from the telephone to Opus and back.
func (c *specimen) frame() error {
	pcm := c.pcm[:len(c.octets)]
	for i := range pcm { // a tone that glides, so that nothing is predicted perfectly
		c.phase += 0.05 + 0.04*math.Sin(float64(c.seq)/20)
		pcm[i] = int16(8000 * math.Sin(c.phase))
	}
	c.telephone.Encode(c.octets, pcm) //nolint:errcheck // the buffers fit
	if _, err := c.telephone.Decode(pcm, c.octets); err != nil {
		return err
	}
	n, err := c.toOpus.Encode(c.packet[:0], pcm)
	if err != nil {
		return err
	}
	c.seq++
	c.ring.Push(c.seq, uint32(c.seq)*48000/pullsPerSecond, c.packet[:n])
	c.ring.Pull(c.pcm)
	return nil
}

// threadTime is the CPU time of this thread.
func threadTime() (time.Duration, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		return 0, fmt.Errorf("cpu time: %w", err)
	}
	return time.Duration(ts.Nano()), nil
}
