package media

import (
	"testing"
	"time"
)

// A frame of a browser leaves 12 ms after it has come: no hole is made when others come later than it by less.
func TestOpusWaitsForLateFramesOnly(t *testing.T) {
	for _, c := range []struct {
		late  time.Duration // of every second frame
		holes uint64        // until the ring has grown
	}{{0, 0}, {11 * time.Millisecond, 0}, {14 * time.Millisecond, 1}} {
		t.Run(c.late.String(), func(t *testing.T) {
			b := newBench(t, profiles["GCM"], opusCodec, pcmuCodec)
			frames := opusFrames(t, 50)
			start, first := b.l.now, time.Duration(0)
			for n, next := 0, start; n < len(frames); b.l.now += int64(time.Millisecond) {
				if b.l.now >= next {
					if d := b.a.media(b.l, b.fromBrowser(t, frames[n]), b.src); d != Delivered {
						t.Fatal(d)
					}
					n++
					next = start + int64(n)*int64(playStep) + int64(n%2)*int64(c.late)
				}
				b.l.clock()
				b.l.flush()
				if first == 0 && b.b.out.packets > 0 {
					first = time.Duration(b.l.now - start)
				}
			}
			if first != playWait {
				t.Errorf("the first frame left after %s, want %s", first, playWait)
			}
			stats := b.a.onward.(*player).ring.Stats()
			if stats.Concealed != c.holes || stats.Late != 0 {
				t.Errorf("%+v, want %d frames concealed and none late", stats, c.holes)
			}
		})
	}
}
