package rtpmath

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSequence(t *testing.T) {
	type result struct {
		Lost, Received, Expected int64
		Last                     Arrival
	}
	for _, c := range []struct {
		name string
		in   []uint16
		want result
	}{
		{"nothing", nil, result{}},
		{"first", []uint16{9}, result{0, 1, 1, InOrder}},
		{"in order", []uint16{9, 10, 11}, result{0, 3, 3, InOrder}},
		{"two lost", []uint16{9, 12}, result{2, 2, 4, InOrder}},
		{"swapped", []uint16{9, 11, 10}, result{0, 3, 3, Reordered}},
		{"duplicate", []uint16{9, 10, 10}, result{-1, 3, 2, Reordered}},
		{"over the wrap", []uint16{65534, 65535, 0, 1}, result{0, 4, 4, InOrder}},
		{"lost over the wrap", []uint16{65534, 1}, result{2, 2, 4, InOrder}},
		{"one stranger", []uint16{9, 30000}, result{0, 1, 1, Suspect}},
		{"a stranger between", []uint16{9, 30000, 10}, result{0, 2, 2, InOrder}},
		{"restart", []uint16{9, 30000, 30001, 30002}, result{0, 2, 2, InOrder}},
		{"restart keeps the loss of before", []uint16{9, 12, 30000, 30001}, result{2, 1, 1, Restarted}},
	} {
		var s Sequence
		var last Arrival
		for _, n := range c.in {
			_, last = s.Update(n)
		}
		if d := cmp.Diff(c.want, result{s.Lost(), s.Received(), s.Expected(), last}); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

func TestExtendedNumbersKeepTheDistance(t *testing.T) {
	var s Sequence
	random := rand.New(rand.NewPCG(3, 4))
	at := int64(65000)
	first, _ := s.Update(uint16(at))
	for range 5000 { // some forty wraps
		at += 1 + random.Int64N(maxDropout-1)
		if ext, a := s.Update(uint16(at)); ext-first != at-65000 || a != InOrder {
			t.Fatalf("packet %d extended to %d (%d)", at, ext-first+65000, a)
		}
	}
	if got := s.Highest(); got != uint32(at) {
		t.Errorf("highest %d, want %d", got, uint32(at))
	}
}

func TestReorderedNumberIsExtendedBackwards(t *testing.T) {
	var s Sequence
	s.Update(65535)
	s.Update(1) // 65537
	if ext, a := s.Update(0); ext != 65536 || a != Reordered {
		t.Errorf("extended to %d (%d)", ext, a)
	}
}

func TestExtendedNumbersRiseOverARestart(t *testing.T) {
	var s Sequence
	before, _ := s.Update(60000)
	s.Update(100)
	if after, a := s.Update(101); after <= before || a != Restarted {
		t.Errorf("%d after %d (%d)", after, before, a)
	}
}

func TestReportIsOfTheInterval(t *testing.T) {
	var s Sequence
	type block struct {
		Fraction uint8
		Lost     int32
	}
	report := func() block {
		f, l := s.Report()
		return block{f, l}
	}
	for n := range uint16(100) {
		s.Update(n)
	}
	got := []block{report()}
	for n := uint16(100); n < 200; n += 4 { // three of four lost, but for the tail
		s.Update(n)
	}
	got = append(got, report())
	s.Update(197)
	s.Update(197)
	got = append(got, report(), report())
	// 97 expected in the second interval, 25 received; then one new number and one duplicate; then nothing.
	if d := cmp.Diff([]block{{0, 0}, {190, 72}, {0, 71}, {0, 71}}, got); d != "" {
		t.Error(d)
	}
}
