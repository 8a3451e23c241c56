package txn

import (
	"math/rand/v2"
	"testing"
)

// holds reports whether a place is found under a key.
func (ps *places) holds(k key, day, at uint32) bool {
	for p := range ps.under(k) {
		if p.day == day && p.at == at {
			return true
		}
	}
	return false
}

// TestPlaces: whatever comes and goes, a place is found until its day is over and not behind it, and the room follows what is in use.
func TestPlaces(t *testing.T) {
	type entry struct {
		k  key
		at uint32
	}
	const lasts, days = 64, 400 // as many days as half a minute has
	rnd := rand.New(rand.NewPCG(1, 2))
	var ps places
	byDay, largest := map[uint32][]entry{}, 0
	for today := uint32(1); today < days; today++ {
		comes := 20
		if today > 100 && today < 120 {
			comes = 2000 // a flood
		}
		if today > days-lasts-10 {
			comes = 0
		}
		for range comes {
			e := entry{key{rnd.Uint64(), rnd.Uint64()}, rnd.Uint32()}
			day := today + 1 + rnd.Uint32N(lasts)
			ps.put(e.k, day, e.at)
			byDay[day] = append(byDay[day], e)
		}
		ps.end(today, len(byDay[today]))
		for _, e := range byDay[today] {
			if ps.holds(e.k, today, e.at) {
				t.Fatalf("day %d: found behind its end", today)
			}
		}
		delete(byDay, today)
		n := 0
		for day, all := range byDay {
			n += len(all)
			for _, e := range all {
				if !ps.holds(e.k, day, e.at) {
					t.Fatalf("day %d: one of day %d is not found", today, day)
				}
			}
		}
		if ps.n != n {
			t.Fatalf("day %d: %d places, want %d", today, ps.n, n)
		}
		if room := len(ps.lines) * linePlaces; room > max(fewLines, roomyLines*n/fullLines)*linePlaces {
			t.Errorf("day %d: room for %d, %d in use", today, room, n)
		}
		largest = max(largest, len(ps.lines))
	}
	if ps.lines != nil || largest < 20*fewLines {
		t.Errorf("%d lines are left, there were %d", len(ps.lines), largest)
	}
}

// TestPlacesAlike: keys that look the same find each other's places, and take no more room than they can use.
func TestPlacesAlike(t *testing.T) {
	var ps places
	for i := range uint32(1000) {
		ps.put(key{7, uint64(i)}, 1, i)
	}
	found := 0
	for range ps.under(key{7, 0}) {
		found++
	}
	if room := len(ps.lines) * linePlaces; found < linePlaces || room > 2*1000*linePlaces {
		t.Errorf("%d of 1000 are found, in room for %d", found, room)
	}
	for p := range ps.under(key{7, 0}) {
		ps.drop(p)
		if ps.holds(key{7, 0}, p.day, p.at) {
			t.Error("found when it was dropped")
		}
	}
}

// BenchmarkPlaces is a place that comes and one that is looked for in vain, among those of 500 calls/s.
func BenchmarkPlaces(b *testing.B) {
	const lasts, perDay = 65, 1000
	rnd := rand.New(rand.NewPCG(1, 2))
	var ps places
	next := func(i int) {
		day := uint32(i / perDay)
		ps.put(key{rnd.Uint64(), 0}, day+lasts, 0)
		if i%perDay == 0 {
			ps.end(day, perDay)
		}
		for range ps.under(key{rnd.Uint64(), 0}) {
			b.Log("two prints are the same")
		}
	}
	n := 0
	for ; n < lasts*perDay; n++ {
		next(n)
	}
	b.ReportAllocs()
	for b.Loop() {
		next(n)
		n++
	}
}
