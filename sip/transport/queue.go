package transport

import (
	"slices"
	"sync"
)

// sendQueue holds whole messages on their way out, in order. Putting never blocks.
type sendQueue struct {
	wake chan struct{} // holds one signal
	most int           // messages

	mu     sync.Mutex
	msgs   [][]byte
	bytes  int
	closed bool
}

func newSendQueue(most int) *sendQueue { return &sendQueue{wake: make(chan struct{}, 1), most: most} }

// put copies a message in. Errors: ErrClosed, ErrQueueFull.
func (q *sendQueue) put(b []byte) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return ErrClosed
	case len(q.msgs) >= q.most || q.bytes+len(b) > queueBytes:
		return ErrQueueFull
	}
	q.msgs = append(q.msgs, slices.Clone(b))
	q.bytes += len(b)
	select {
	case q.wake <- struct{}{}:
	default: // a signal is pending
	}
	return nil
}

// get takes the oldest message.
func (q *sendQueue) get() ([]byte, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.msgs) == 0 {
		q.msgs = nil
		return nil, false
	}
	b := q.msgs[0]
	q.msgs[0] = nil
	q.msgs = q.msgs[1:]
	q.bytes -= len(b)
	return b, true
}

// all takes every message.
func (q *sendQueue) all() [][]byte {
	q.mu.Lock()
	defer q.mu.Unlock()
	msgs := q.msgs
	q.msgs, q.bytes = nil, 0
	return msgs
}

// seal takes no more messages; those that are there can still be taken.
func (q *sendQueue) seal() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
}

// shut reports whether the queue takes no more.
func (q *sendQueue) shut() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed
}

func (q *sendQueue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.msgs = nil
}
