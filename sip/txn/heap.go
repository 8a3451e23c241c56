package txn

import "time"

// timerHeap is the timers that stand by themselves and the slots, the first to fire in front. What decides stands in the heap itself: looking
// it up in the timers would be a cache miss for each comparison.
type timerHeap []standing

// standing is one place of the heap.
type standing struct {
	due   time.Duration
	seq   uint64
	entry *timerEntry
}

func (s *standing) before(other *standing) bool {
	if s.due != other.due {
		return s.due < other.due
	}
	return s.seq < other.seq
}

// push adds a timer.
func (h *timerHeap) push(e *timerEntry) {
	*h = append(*h, standing{e.due, e.seq, e})
	h.up(len(*h) - 1)
}

// remove takes out what stands at a place.
func (h *timerHeap) remove(at int) {
	last := len(*h) - 1
	moved := (*h)[last]
	(*h)[last] = standing{}
	*h = (*h)[:last]
	if at < last {
		h.put(at, moved)
		h.up(at)
		h.down(moved.entry.at)
	}
}

// postpone gives what stands at a place a higher number.
func (h timerHeap) postpone(at int, seq uint64) {
	h[at].seq = seq
	h.down(at)
}

func (h timerHeap) put(at int, s standing) {
	h[at] = s
	s.entry.at = at
}

func (h timerHeap) up(at int) {
	s := h[at]
	for at > 0 {
		parent := (at - 1) / 2
		if !s.before(&h[parent]) {
			break
		}
		h.put(at, h[parent])
		at = parent
	}
	h.put(at, s)
}

func (h timerHeap) down(at int) {
	s := h[at]
	for {
		child := 2*at + 1
		if child >= len(h) {
			break
		}
		if right := child + 1; right < len(h) && h[right].before(&h[child]) {
			child = right
		}
		if !h[child].before(&s) {
			break
		}
		h.put(at, h[child])
		at = child
	}
	h.put(at, s)
}
