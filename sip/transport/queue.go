package transport

import (
	"slices"
	"sync"
)

// sendQueue holds whole messages on their way out, in order. Putting never blocks.
type sendQueue struct {
	wake chan struct{} // holds one signal

	mu     sync.Mutex
	msgs   [][]byte
	bytes  int
	closed bool
}

func newSendQueue() *sendQueue { return &sendQueue{wake: make(chan struct{}, 1)} }

// put copies a message in. Errors: ErrClosed, ErrQueueFull.
func (q *sendQueue) put(b []byte) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return ErrClosed
	case len(q.msgs) >= queueMessages || q.bytes+len(b) > queueBytes:
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

func (q *sendQueue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.msgs = nil
}
