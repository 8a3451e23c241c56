package media

import (
	"encoding/binary"
	"testing"
	"time"

	"drawbridge/transcode"
)

// The way changes above 2 % and comes back below 1 %, not at once.
func TestRedundancyFollowsTheReports(t *testing.T) {
	for _, c := range []struct {
		name    string
		percent []float64
		want    []int
	}{
		{"clean", []float64{0, 0, 1, 1.9}, []int{0, 0, 0, 0}},
		{"a single bad report", []float64{5, 0, 0, 0, 0, 0, 0}, []int{5, 5, 5, 5, 5, 5, 0}},
		{"on the edge nothing flutters", []float64{3, 1.5, 1.5, 1.5, 1.5, 1.5}, []int{5, 5, 5, 5, 5, 5}},
		{"growing", []float64{3, 7, 12, 100, 100}, []int{5, 10, 15, 30, 30}},
		{"back", []float64{0, 0, 20, 0, 0, 0, 0}, []int{0, 0, 20, 15, 15, 10, 10}},
	} {
		var r redundancy
		for i, p := range c.percent {
			if got := r.report(uint8(min(p*256/100, 255))); got != c.want[i] {
				t.Errorf("%s: report %d of %v %% prepares for %d %%, want %d", c.name, i, p, got, c.want[i])
			}
		}
	}
}

// A peer that takes no more than so many bits a second gets no more, before loss and after it.
func TestOpusKeepsToThePeersRate(t *testing.T) {
	for _, c := range []struct {
		fmtp string
		most int // bit/s
	}{
		{"maxaveragebitrate=16000;useinbandfec=1", 16_000},
		{"maxaveragebitrate=17999", 16_000},
		{"maxaveragebitrate=1", opusLeast},
		{"maxaveragebitrate=128000", 40_000},
		{"useinbandfec=1", 40_000},
	} {
		st := stream(opusCodec, 0)
		st.Send.Fmtp = c.fmtp
		w := newPhones(t, stream(pcmuCodec, 0), st)
		path := w.a.onward.(*onArrival)
		octets := 0
		const seconds = 5
		for i := range uint16(seconds * 50) {
			noise := make([]byte, 160)
			for k := range noise {
				noise[k] = byte((int(i)*160 + k) * 7919 >> 3)
			}
			w.speak(t, w.a, 0, i, uint32(i)*160, noise)
			w.l.now += int64(20 * time.Millisecond)
			for _, p := range w.sent(t) {
				octets += len(p.payload)
			}
		}
		if rate := octets * 8 / seconds; rate > c.most*11/10 {
			t.Errorf("%q: %d bit/s, at most %d", c.fmtp, rate, c.most)
		}
		if opt := path.opus(10); opt.Bitrate != c.most {
			t.Errorf("%q: prepared for loss it is %d bit/s", c.fmtp, opt.Bitrate)
		}
		other := w.b.st
		other.Send.Fmtp = "maxaveragebitrate=8000"
		if path.fits(w.a.st, other) {
			t.Errorf("%q: the path stays as it is when the peer takes less", c.fmtp)
		}
	}
}

// A report of the browser changes the encoder towards it: what is lost afterwards is found in the next packet.
func TestReportsChangeTheEncoder(t *testing.T) {
	b := newBench(t, profiles["GCM"], opusCodec, pcmuCodec)
	voice := make([]byte, 160)
	talk := func(n int) {
		for range n {
			b.b.media(b.l, b.fromPhone(voice), b.phone)
			b.step()
		}
	}
	report := func(fraction byte) {
		block := make([]byte, reportSize)
		binary.BigEndian.PutUint32(block, b.a.out.ssrc)
		block[4] = fraction
		b.a.readBlocks(b.l, block, 1)
	}
	path := b.b.onward.(*onArrival)
	clean := path.enc
	talk(10)
	report(0)
	if path.enc != clean {
		t.Error("no loss, another encoder")
	}
	report(26)
	if path.enc == clean || path.loss != 15 {
		t.Errorf("10 %% lost: the same encoder, prepared for %d %%", path.loss)
	}
	redundant := path.enc
	talk(10)
	report(60)
	if path.enc != redundant || path.loss != 25 {
		t.Errorf("23 %% lost: prepared for %d %%", path.loss)
	}
	for range 20 {
		report(0)
	}
	if path.enc != clean || path.loss != 0 { // it has come back from the pool
		t.Errorf("no loss any more: prepared for %d %%", path.loss)
	}
	talk(10)
	if again, err := path.pool.Get(8000, transcode.Options{LossPct: 40}); err != nil || again != redundant {
		t.Error("the encoder with redundancy is not in the pool")
	}
	if b.a.out.packets != 30 {
		t.Errorf("%d packets went to the browser, want 30", b.a.out.packets)
	}
}
