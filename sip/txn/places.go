package txn

import (
	"iter"
	"math/bits"
	"slices"
)

// places find relics by a key. There are some hundred thousand of them at some thousand calls a second, and a map gives up each by itself, half
// a minute later, out of memory that no cache holds any more: that was dearer than all else that a call leaves behind. Here nothing is taken
// out. A place ends with the day that it names, and is written over by one that comes later.
//
// A key has a line, as long as those of a cache. What finds no room there is in one of the next. The keys are hashes under secret seeds: nobody
// can fill the lines of another.
type places struct {
	lines []line // a power of two of them, or none
	n     int    // entered, of days that are not over
	over  uint32 // all days up to this one
}

// place is where a relic lies.
type place struct {
	print uint32 // of the key; the relic has all of it
	day   uint32 // its number: good for sixty years
	at    uint32
}

// line is 64 bytes.
type line struct {
	places [linePlaces]place
	passed uint32 // the last day of those that found no room here
}

// Chosen here.
const (
	linePlaces = 5
	fewLines   = 64
	fullLines  = 3  // places in use for each line from which on there have to be more lines: few are full then
	roomyLines = 8  // lines for each three places from which on there are too many
	mostPassed = 16 // lines that a place may be away from its own
)

// under are the places that may be a key's.
func (ps *places) under(k key) iter.Seq[place] {
	return func(yield func(place) bool) {
		print := printOf(k)
		for i := range min(mostPassed, len(ps.lines)) {
			l := ps.line(print, i)
			for j := range l.places {
				if p := &l.places[j]; p.print == print && p.day > ps.over && !yield(*p) {
					return
				}
			}
			if l.passed <= ps.over {
				return
			}
		}
	}
}

// put enters where the relic of a key lies.
func (ps *places) put(k key, day, at uint32) {
	ps.n++
	p := place{printOf(k), day, at}
	if ps.n <= fullLines*len(ps.lines) && ps.enter(p) {
		return
	}
	if len(ps.lines) < ps.n { // no more for keys that look the same, which hashes do not: then the last is forgotten
		ps.resize(max(fewLines, 2*len(ps.lines)))
	}
	ps.enter(p)
}

// enter writes p over a place whose day is over; false when there is none.
func (ps *places) enter(p place) bool {
	for i := range min(mostPassed, len(ps.lines)) {
		l := ps.line(p.print, i)
		for j := range l.places {
			if l.places[j].day <= ps.over {
				l.places[j] = p
				return true
			}
		}
		l.passed = max(l.passed, p.day)
	}
	return false
}

// drop forgets a place.
func (ps *places) drop(p place) {
	for i := range min(mostPassed, len(ps.lines)) {
		l := ps.line(p.print, i)
		if j := slices.Index(l.places[:], p); j >= 0 {
			l.places[j] = place{}
			return
		}
	}
}

// end says that a day is over, and so many places with it. Room that a flood has taken is given back.
func (ps *places) end(day uint32, gone int) {
	ps.over = max(ps.over, day)
	ps.n -= gone
	switch {
	case ps.n == 0:
		ps.lines = nil
	case len(ps.lines) > max(fewLines, roomyLines*ps.n/fullLines):
		ps.resize(max(fewLines, 1<<bits.Len(uint(ps.n/2)))) // one or two in a line
	}
}

// resize moves what is not over to n lines.
func (ps *places) resize(n int) {
	old := ps.lines
	ps.lines = make([]line, n)
	for i := range old {
		for _, p := range old[i].places {
			if p.day > ps.over {
				ps.enter(p)
			}
		}
	}
}

// line is the one of a print, or the i-th behind it.
func (ps *places) line(print uint32, i int) *line {
	return &ps.lines[(int(print)+i)&(len(ps.lines)-1)]
}

func printOf(k key) uint32 { return uint32(k[0]) }
