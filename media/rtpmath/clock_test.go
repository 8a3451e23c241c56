package rtpmath

import (
	"testing"
	"time"
)

func TestNTPOfKnownInstants(t *testing.T) {
	for _, c := range []struct {
		at   time.Time
		want uint64
	}{
		{time.Unix(0, 0), 2208988800 << 32},
		{time.Date(2000, 1, 1, 0, 0, 0, 500_000_000, time.UTC), 3155673600<<32 | 1<<31},
		{time.Date(2036, 2, 7, 6, 28, 16, 0, time.UTC), 0}, // era 1 begins
	} {
		if got := NTP(c.at); got != c.want {
			t.Errorf("%v: %#x, want %#x", c.at, got, c.want)
		}
	}
	if got := Middle(0x1122334455667788); got != 0x33445566 {
		t.Errorf("middle bits %#x", got)
	}
}

func TestNTPComesBack(t *testing.T) {
	for _, at := range []time.Time{
		time.Date(1970, 1, 1, 0, 0, 0, 1, time.UTC),
		time.Date(2026, 7, 9, 12, 34, 56, 999_999_999, time.UTC),
		time.Date(2050, 1, 1, 0, 0, 0, 123_456_789, time.UTC),
	} {
		if d := FromNTP(NTP(at)).Sub(at); d < -time.Nanosecond || d > time.Nanosecond {
			t.Errorf("%v comes back %v off", at, d)
		}
	}
}

func TestUnitsAndTime(t *testing.T) {
	for _, c := range []struct {
		d     time.Duration
		clock int
		units int64
	}{
		{20 * time.Millisecond, 48000, 960},
		{20 * time.Millisecond, 8000, 160},
		{-20 * time.Millisecond, 8000, -160},
		{1000 * 24 * time.Hour, 48000, 1000 * 86400 * 48000},
		{0, 8000, 0},
	} {
		if got := Units(c.d, c.clock); got != c.units {
			t.Errorf("Units(%v, %d) = %d, want %d", c.d, c.clock, got, c.units)
		}
		if got := Time(c.units, c.clock); got != c.d {
			t.Errorf("Time(%d, %d) = %v, want %v", c.units, c.clock, got, c.d)
		}
	}
	if Time(5, 0) != 0 {
		t.Error("no clock must mean no time")
	}
}

func TestRTT(t *testing.T) {
	// The example of RFC 3550 section 6.4.1, figure 2: 6.125 s.
	if got, ok := RTT(0xb710_8000, 0xb705_2000, 0x0005_4000); !ok || got != 6125*time.Millisecond {
		t.Errorf("figure 2: %v, %v; want 6.125s", got, ok)
	}
	if _, ok := RTT(100, 0, 0); ok {
		t.Error("a report without LSR has no round trip")
	}
	if _, ok := RTT(100, 90, 20); ok {
		t.Error("a negative round trip was believed")
	}
	if got, ok := RTT(5, 0xffff_0005, 0); !ok || got != time.Second {
		t.Errorf("over the wrap: %v, %v; want 1s", got, ok)
	}
	if got := DLSR(5250 * time.Millisecond); got != 0x0005_4000 {
		t.Errorf("DLSR %#x", got)
	}
	if got := DLSR(50 * time.Hour); got != uint32(uint64(50*3600*65536)&0xffffffff) {
		t.Errorf("DLSR of a long pause %#x", got)
	}
}

func TestJitter(t *testing.T) {
	var j Jitter
	for n := range 2000 { // every other packet 10 ms late: |D| is always 80 units
		at := time.Duration(n)*20*time.Millisecond + time.Duration(n%2)*10*time.Millisecond
		j.Update(at, uint32(n*160)-1<<20, 8000)
	}
	if v := j.Value(); v < 78 || v > 80 {
		t.Errorf("jitter %d units, want 80", v)
	}
	if d := j.Duration(8000); d < 9700*time.Microsecond || d > 10*time.Millisecond {
		t.Errorf("jitter %v, want 10ms", d)
	}
	before := j.Value()
	j.Restart()
	j.Update(time.Hour, 77, 8000)
	if j.Value() != before {
		t.Error("a restart counted as jitter")
	}
}

func TestSteadyStreamHasNoJitter(t *testing.T) {
	var j Jitter
	for n := range 100_000 { // half an hour: the arrival clock wraps 32 bits of nothing, timestamps do not matter
		j.Update(time.Duration(n)*20*time.Millisecond, uint32(n*960)+1<<31, 48000)
	}
	if j.Value() != 0 {
		t.Errorf("jitter %d", j.Value())
	}
}

func TestNothingAllocates(t *testing.T) {
	var (
		s Sequence
		j Jitter
		n uint16
	)
	if got := testing.AllocsPerRun(1000, func() {
		n++
		s.Update(n)
		s.Report()
		j.Update(time.Duration(n)*20*time.Millisecond, uint32(n)*160, 8000)
		_, _ = RTT(Middle(NTP(time.Unix(int64(n), 0))), 1, 1)
	}); got != 0 {
		t.Errorf("%v allocations a packet", got)
	}
}

// Budget: 0 allocs; what one received packet costs.
func BenchmarkReceive(b *testing.B) {
	var s Sequence
	var j Jitter
	var n uint16
	b.ReportAllocs()
	for b.Loop() {
		n++
		s.Update(n)
		j.Update(time.Duration(n)*20*time.Millisecond, uint32(n)*160, 8000)
	}
}
