package transcode

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// numbered is a decoder whose payload is a number: every sample of the packet has that value. Concealed samples are -1.
type numbered struct{}

func (numbered) Rate() int { return 8000 }

func (numbered) Decode(pcm []int16, payload []byte) (int, error) {
	if len(payload) < 3 {
		return 0, ErrShort
	}
	n := int(payload[2]) * 8
	for i := range pcm[:n] {
		pcm[i] = int16(binary.BigEndian.Uint16(payload))
	}
	return n, nil
}

func (numbered) Conceal(pcm []int16, n int) (int, error) {
	for i := range pcm[:n] {
		pcm[i] = -1
	}
	return n, nil
}

// recovering also has in-band FEC.
type recovering struct{ numbered }

func (recovering) Recover(pcm []int16, n int, next []byte) (int, error) {
	for i := range pcm[:n] {
		pcm[i] = int16(binary.BigEndian.Uint16(next)) - 1
	}
	return n, nil
}

func numberedPayload(n, ms int) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(n)), byte(ms))
}

// push sends packet n of a sender with the given packet time.
func push(p *Playout, n, ms int) {
	p.Push(uint16(65530+n), uint32(n*ms*48+1<<31), numberedPayload(n, ms))
}

// pull returns the value of the frame's first sample and its kind, as "7", "lost", "fec 7", "noise" or "idle".
func pull(t *testing.T, p *Playout) string {
	t.Helper()
	pcm := make([]int16, 160)
	n, k := p.Pull(pcm)
	if (n == 0) != (k == Idle) || n != 0 && n != 160 {
		t.Fatalf("%d samples of kind %d", n, k)
	}
	switch k {
	case Idle:
		return "idle"
	case Played:
		return fmt.Sprint(pcm[0])
	case Recovered:
		return fmt.Sprint("fec ", pcm[0])
	case Concealed:
		return "lost"
	default:
		return "noise"
	}
}

func TestPlayout(t *testing.T) {
	// A script is what happens before each pull: packet numbers, none for nothing.
	for _, c := range []struct {
		name   string
		dec    Decoder
		script [][]int
		want   []string
	}{
		{"steady", numbered{}, [][]int{{1}, {2}, {3}, {4}}, []string{"idle", "1", "2", "3"}},
		{"nothing yet", numbered{}, [][]int{nil, nil, {1}, nil}, []string{"idle", "idle", "idle", "1"}},
		{"swapped", numbered{}, [][]int{{1}, {3}, {2}, {4}, {5}}, []string{"idle", "1", "2", "3", "4"}},
		{"one lost", numbered{}, [][]int{{1}, {2}, {4}, {5}, {6}}, []string{"idle", "1", "2", "lost", "4"}},
		{"one lost, recovered", recovering{}, [][]int{{1}, {2}, {4}, {5}, {6}}, []string{"idle", "1", "2", "fec 3", "4"}},
		{"two lost: FEC reaches one back", recovering{}, [][]int{{1}, {4}, {5}, {6}, {7}}, []string{"idle", "1", "lost", "fec 3", "4"}},
		{"late packet after its time", numbered{}, [][]int{{1}, {3, 4}, nil, {2}, nil}, []string{"idle", "1", "lost", "3", "4"}},
		{"duplicate", numbered{}, [][]int{{1}, {2, 2}, {2, 3}, {2}, nil}, []string{"idle", "1", "2", "3", "lost"}},
		{
			"a late burst is played, the delay grows", numbered{},
			[][]int{{1}, {2}, nil, nil, {3, 4, 5}, {6}, {7}, {8}},
			[]string{"idle", "1", "2", "lost", "3", "4", "5", "6"},
		},
		{
			"what was lost during a stall is not waited for", numbered{},
			[][]int{{1}, nil, nil, {3}, {4}, {5}},
			[]string{"idle", "1", "lost", "3", "4", "5"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := NewPlayout(c.dec, 48000)
			var got []string
			for _, packets := range c.script {
				for _, n := range packets {
					push(p, n, 20)
				}
				got = append(got, pull(t, p))
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestPlayoutPacketTimes(t *testing.T) {
	for _, ms := range []int{10, 20, 40, 60} {
		p := NewPlayout(numbered{}, 48000)
		var got []int16
		pcm := make([]int16, 160)
		for tick := range 60 { // packets arrive when their last sample has been spoken
			for at := tick*20 - 19; at <= tick*20; at++ {
				if at > 0 && at%ms == 0 {
					push(p, at/ms, ms)
				}
			}
			if n, k := p.Pull(pcm); k == Played {
				got = append(got, pcm[:n]...)
			}
		}
		var want []int16
		for i := range got {
			want = append(want, int16(i/(ms*8)+1))
		}
		if len(got) < 50*160 || !slices.Equal(got, want) {
			t.Errorf("%d ms: %d samples, or not in order", ms, len(got))
		}
	}
}

func TestPlayoutFadesToNoise(t *testing.T) {
	p := NewPlayout(loud{}, 48000)
	push(p, 1, 20)
	pcm := make([]int16, 160)
	p.Pull(pcm)
	p.Pull(pcm)
	var peaks []int16
	for range 12 {
		p.Pull(pcm)
		peaks = append(peaks, slices.Max(pcm))
	}
	if peaks[4] != 1000 || peaks[5] != 1000 || peaks[6] >= peaks[5] || peaks[9] > 200 || peaks[10] > 16 {
		t.Errorf("peaks of frames after the last packet: %v", peaks)
	}
	if s := p.Stats(); s.Concealed != 10 || s.Silence != 2 {
		t.Errorf("%+v", s)
	}
}

// loud conceals at a constant level.
type loud struct{ numbered }

func (loud) Conceal(pcm []int16, n int) (int, error) {
	for i := range pcm[:n] {
		pcm[i] = 1000
	}
	return n, nil
}

func TestPlayoutResumesAfterAPauseAndAfterJumps(t *testing.T) {
	for _, c := range []struct {
		name string
		seq  uint16
		ts   uint32
	}{
		{"silence suppressed: sequence goes on, time has passed", 65533, 1<<31 + 99*960},
		{"paused sender: neither has moved on", 65533, 1<<31 + 3*960},
		{"new numbering", 12, 4711},
		{"timestamps jump back", 65533, 99},
		{"timestamps jump ahead", 65533, 1<<31 + 48000*3600},
	} {
		p := NewPlayout(numbered{}, 48000)
		push(p, 1, 20)
		pull(t, p)
		push(p, 2, 20)
		for range 98 {
			pull(t, p)
		}
		p.Push(c.seq, c.ts, numberedPayload(500, 20))
		if got := pull(t, p); got != "500" {
			t.Errorf("%s: %q instead of the new packet", c.name, got)
		}
	}
}

func TestPlayoutFollowsASenderThatCountsAnew(t *testing.T) {
	p := NewPlayout(numbered{}, 48000)
	for n := 30; n < 60; n++ {
		push(p, n, 20)
		pull(t, p)
	}
	for n := range 30 { // a little behind: looks late at first
		push(p, n, 20)
		pull(t, p)
	}
	push(p, 30, 20)
	if got := pull(t, p); got != "29" && got != "30" {
		t.Errorf("%q after thirty packets of the new count", got)
	}
}

// simulate runs seconds of a sender with 20 ms packets; delay gives each packet's network delay in ms, skew the sender's clock error in
// parts per million. It returns the stats and the greatest depth of the last half.
func simulate(p *Playout, seconds, skew int, delay func(n int) int) (PlayoutStats, int) {
	type arrival struct{ at, n int } // microseconds
	var due []arrival
	for n := range seconds * 50 {
		due = append(due, arrival{n*20_000*(1_000_000-skew)/1_000_000 + delay(n)*1000, n})
	}
	slices.SortStableFunc(due, func(a, b arrival) int { return a.at - b.at })
	pcm, deepest := make([]int16, 160), 0
	for tick := 0; tick < seconds*50; tick++ {
		for len(due) > 0 && due[0].at <= tick*20_000 {
			push(p, due[0].n, 20)
			due = due[1:]
		}
		if tick > seconds*25 {
			deepest = max(deepest, p.Depth())
		}
		p.Pull(pcm)
	}
	return p.Stats(), deepest
}

func TestPlayoutDelayFollowsJitter(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		name                string
		skew                int
		delay               func(int) int
		concealed, depthMax int // most concealed frames a minute; depth in the last half
	}{
		{"none", 0, func(int) int { return 5 }, 1, 1},
		{"packets on the tick", 0, func(n int) int { return 20 + n%2 }, 10, 2},
		{"up to 15 ms", 0, func(int) int { return random.IntN(16) }, 10, 2},
		{"up to 60 ms", 0, func(int) int { return random.IntN(61) }, 25, 5},
		{"one spike of 120 ms, then none", 0, func(n int) int {
			if n >= 500 && n < 506 {
				return 5 + 120 - 20*(n-500)
			}
			return 5
		}, 8, 1},
		{"sender fast by 300 ppm", 300, func(int) int { return 5 }, 2, 2},
		{"sender slow by 300 ppm", -300, func(int) int { return 5 }, 4, 2},
	} {
		p := NewPlayout(numbered{}, 48000)
		s, depth := simulate(p, 60, c.skew, c.delay)
		if int(s.Concealed+s.Silence) > c.concealed || depth > c.depthMax {
			t.Errorf("%s: %d frames concealed (at most %d), depth %d (at most %d): %+v",
				c.name, s.Concealed, c.concealed, depth, c.depthMax, s)
		}
	}
}

func TestPlayoutDelayIsCapped(t *testing.T) {
	p := NewPlayout(numbered{}, 48000)
	push(p, 0, 20)
	pull(t, p)
	for n := 1; n < 30; n++ {
		push(p, n, 20)
	}
	first := pull(t, p)
	if p.Depth() > deepest || first != "22" {
		t.Errorf("a burst of 30 packets: %d frames waiting, playing %s; the oldest should have gone", p.Depth(), first)
	}
}

func TestPlayoutSurvivesBadPayloads(t *testing.T) {
	p := NewPlayout(numbered{}, 48000)
	push(p, 1, 20)
	pull(t, p)
	p.Push(65532, 1<<31+2*960, []byte{1})
	p.Push(65533, 1<<31+3*960, nil)
	p.Push(65533, 1<<31+3*960, make([]byte, maxPayload+1))
	push(p, 3, 20)
	got := []string{pull(t, p), pull(t, p), pull(t, p)}
	if d := cmp.Diff([]string{"1", "lost", "3"}, got); d != "" {
		t.Error(d)
	}
	if s := p.Stats(); s.Dropped != 3 {
		t.Errorf("%d dropped, want 3", s.Dropped)
	}
}

func FuzzPlayout(f *testing.F) {
	f.Add([]byte{0, 1, 0, 1, 255, 2, 30, 40, 0, 0})
	f.Fuzz(func(t *testing.T, script []byte) {
		p := NewPlayout(recovering{}, 48000)
		pcm := make([]int16, 160)
		var pushed, seq, ts uint64
		for i, b := range script {
			switch b % 4 {
			case 0:
				p.Pull(pcm)
			case 1:
				seq, ts = seq+1, ts+960
			case 2:
				seq, ts = seq+uint64(b), ts-uint64(b)*97
			case 3:
				seq, ts = seq-uint64(b/16), ts+1<<uint(b/8)
			}
			if b%4 != 0 {
				p.Push(uint16(seq), uint32(ts), numberedPayload(i, 10+int(b)%110))
				pushed++
			}
			if p.held < 0 || p.held > len(p.pcm) {
				t.Fatalf("%d samples held", p.held)
			}
		}
		if s := p.Stats(); s.Late+s.Dropped > pushed {
			t.Errorf("%d packets lost of %d", s.Late+s.Dropped, pushed)
		}
	})
}

func TestPlayoutAllocatesNothing(t *testing.T) {
	p, n, pcm := NewPlayout(numbered{}, 48000), 0, make([]int16, 160)
	payload := numberedPayload(7, 20)
	if got := testing.AllocsPerRun(1000, func() {
		n++
		p.Push(uint16(n), uint32(n*960), payload)
		p.Pull(pcm)
	}); got != 0 {
		t.Errorf("%v allocations a packet", got)
	}
}

// Budget: 0 allocs; one packet in and one frame out, decoder not counted.
func BenchmarkPlayout(b *testing.B) {
	p, n, pcm := NewPlayout(numbered{}, 48000), 0, make([]int16, 160)
	payload := numberedPayload(7, 20)
	b.ReportAllocs()
	for b.Loop() {
		n++
		p.Push(uint16(n), uint32(n*960), payload)
		p.Pull(pcm)
	}
}

// resting says by a zero length that it rests, as Opus does by a payload of one byte.
type resting struct{ numbered }

func (resting) Decode(pcm []int16, payload []byte) (int, error) {
	if payload[2] == 0 {
		clear(pcm[:160])
		return 160, nil
	}
	return numbered{}.Decode(pcm, payload)
}

func (resting) Rests(payload []byte) bool { return payload[2] == 0 }

// A sender that rests is neither late nor losing: nothing is invented, and no delay grows. What it says afterwards is heard
// in its time.
// A number that a digit has taken is no lost packet: nothing is recovered for it, and it costs no delay. A packet that is lost beside it is lost.
func TestPlayoutSkipsWhatIsNoAudio(t *testing.T) {
	for _, lost := range []bool{false, true} {
		p := NewPlayout(recovering{}, 48000)
		n := 0
		for range 20 {
			for range 8 {
				push(p, n, 20)
				pull(t, p)
				n++
			}
			for range 7 { // numbers, and time
				if !lost {
					p.Skip(uint16(65530 + n))
				}
				pull(t, p)
				n++
			}
		}
		if s := p.Stats(); (s.Recovered > 0) != lost || p.spares() != lost {
			t.Errorf("lost %t: %d frames recovered, a frame of delay spent: %t", lost, s.Recovered, p.spares())
		}
	}
}

func TestPlayoutRests(t *testing.T) {
	p := NewPlayout(resting{}, 48000)
	var got []string
	frame := func(packet int, ms byte) {
		if packet > 0 {
			p.Push(uint16(packet), uint32(packet*960), numberedPayload(packet, int(ms)))
		}
		got = append(got, pull(t, p))
	}
	frame(1, 20)
	frame(2, 20)
	frame(3, 0) // rests from here on
	for i := range 20 {
		if i == 10 { // keeps its place, as Opus does every 400 ms
			p.Push(4, 14*960, numberedPayload(4, 0))
		}
		frame(0, 0)
	}
	p.Push(5, 24*960, numberedPayload(5, 20))
	got = append(got, pull(t, p))
	p.Push(6, 25*960, numberedPayload(6, 20))
	got = append(got, pull(t, p))
	want := append([]string{"idle", "1", "2", "noise"}, slices.Repeat([]string{"noise"}, 19)...)
	if d := cmp.Diff(append(want, "noise", "5"), got); d != "" { // one frame behind its arrival, like the first
		t.Error(d)
	}
	if s := p.Stats(); s.Concealed != 0 || s.Late != 0 || s.Dropped != 0 {
		t.Errorf("%+v", s)
	}
}

func TestNoiseIsAsLoudAsSaid(t *testing.T) {
	pcm := make([]int16, 16000)
	var n Noise
	for level := range 128 {
		n.Fill(pcm, level)
		if got := Level(pcm); (got < level-1 || got > level) && level > 10 && level < 78 || got < 78 && level >= 78 || got > 10 && level < 10 {
			t.Errorf("noise of -%d dB has -%d dB", level, got)
		}
	}
	if got := Level(make([]int16, 160)); got != 127 {
		t.Errorf("silence has -%d dB", got)
	}
}
