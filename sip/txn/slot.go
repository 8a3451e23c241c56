package txn

import "time"

// slot holds the timers that end at one point of the grid. There are a thousand of them for each point when calls are many, and most are
// stopped or end without anybody looking: in a heap of a quarter of a million they would cost more than what they time. The slot stands in
// the heap in their place, with the number of the first that is left, so that the order is that of a heap of them all.
type slot struct {
	head   timerEntry    // in the heap; its owner is the slot
	timers []*timerEntry // in the order they were set; nil where one has left
	first  int           // nothing is left before it
	left   int
}

// expire is never called: the clock takes the timers of a slot one by one.
func (s *slot) expire(timerKind) {}

// join puts a timer into the slot of its time.
func (c *clock) join(e *timerEntry) {
	s := c.slotAt(e.due)
	if s == nil {
		s = c.slot()
		s.head = timerEntry{due: e.due, seq: e.seq, owner: s}
		c.slots[e.due] = s
		c.near[nearAt(e.due)] = s
		c.heap.push(&s.head)
	}
	e.slot, e.at = s, len(s.timers)
	s.timers = append(s.timers, e)
	s.left++
}

// nearSlots is how many slots are found without the map. Chosen here: most timers run for one of a few times, and the slots of each time are
// joined one after the other.
const nearSlots = 32

func nearAt(due time.Duration) int { return int(due / grid % nearSlots) }

// slotAt is the slot of a point of the grid, nil when there is none.
func (c *clock) slotAt(due time.Duration) *slot {
	near := &c.near[nearAt(due)]
	if s := *near; s != nil && s.head.due == due {
		return s
	}
	s := c.slots[due]
	if s != nil {
		*near = s
	}
	return s
}

// Chosen here: as many slots as calls of a second or two leave behind, and none that an exceptional moment has filled.
const (
	spareSlots = 64
	largeSlot  = 1024
)

// slot is an empty one.
func (c *clock) slot() *slot {
	last := len(c.spare) - 1
	if last < 0 {
		return new(slot)
	}
	s := c.spare[last]
	c.spare = c.spare[:last]
	return s
}

// close takes an empty slot out, to be used again.
func (c *clock) close(s *slot) {
	c.heap.remove(s.head.at)
	delete(c.slots, s.head.due)
	if near := &c.near[nearAt(s.head.due)]; *near == s {
		*near = nil
	}
	if len(c.spare) < spareSlots && cap(s.timers) <= largeSlot {
		*s = slot{timers: s.timers[:0]}
		c.spare = append(c.spare, s)
	}
}

// leave takes a timer out of its slot. The last one takes the slot with it. Gaps stay: a slot only ever holds what was set in a few moments of
// a twentieth of a second.
func (c *clock) leave(e *timerEntry) {
	s := e.slot
	s.timers[e.at] = nil
	s.left--
	switch {
	case s.left == 0:
		c.close(s)
	case e.at == s.first:
		for s.timers[s.first] == nil {
			s.first++
		}
		s.head.seq = s.timers[s.first].seq
		c.heap.postpone(s.head.at, s.head.seq)
	}
}
