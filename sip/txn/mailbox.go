package txn

import (
	"sync"
	"sync/atomic"
	"time"

	"drawbridge/sip/wire"
)

// class says how far into an overload an event still gets in.
type class uint8

const (
	fresh   class = iota // would start something new: refused first
	ongoing              // belongs to a call or transaction: the room behind the limit is theirs
	owed                 // must not be lost: always queued
)

// mailboxBytes bounds what the messages of one mailbox take. Chosen here: 4 096 INVITEs of ordinary size; large ones meet it first.
const mailboxBytes = 8 << 20

// lateLimit is how long an event may have waited for its shard before fresh requests are turned away. Chosen here: far from T1, so that
// nothing that is let in is sent again for want of an answer, and more than a garbage collection or a burst takes.
const lateLimit = 200 * time.Millisecond

// lateDepth is how many events a late shard has to have before it. Chosen here: some milliseconds of work. A host that stood still for a
// moment leaves fewer at an ordinary rate, and they are caught up with before a refusal would be of use; calls that come faster than they
// are served leave hundreds.
const lateDepth = 64

// item is one event: a message from a flow, or a function.
type item struct {
	flow  Flow // the way the message came
	reply Flow // requests: the way its answers go
	msg   *wire.Message
	key   key   // requests: keyer.server
	size  int   // bytes the message came in
	at    int64 // when it came, in nanoseconds since mailbox.start, never 0
	fn    func(*Shard)
}

func (it *item) invite() bool { return it.msg != nil && it.msg.Method == wire.INVITE }

// mailbox is a shard's queue. All classes share one order, so a CANCEL never overtakes its INVITE.
type mailbox struct {
	limit int
	depth atomic.Int64 // events queued, or taken and not handled yet
	bytes atomic.Int64 // the size of their messages
	head  atomic.Int64 // when the oldest event came that is queued or in hand, in nanoseconds since start; 0 when there is none
	start time.Time
	wake  chan struct{} // holds one signal

	mu     sync.Mutex
	queue  []item
	live   map[key]struct{} // INVITEs let in that are not settled: their retransmissions are no new calls
	closed bool
}

func newMailbox(limit int) *mailbox {
	return &mailbox{limit: limit, start: time.Now(), wake: make(chan struct{}, 1), live: make(map[key]struct{})}
}

// put queues an event. Errors: ErrOverload, ErrStopped, errRetransmission.
func (b *mailbox) put(it item, c class) error {
	if err := b.add(it, c); err != nil {
		return err
	}
	select {
	case b.wake <- struct{}{}:
	default: // a signal is pending
	}
	return nil
}

func (b *mailbox) add(it item, c class) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return ErrStopped
	}
	it.at = b.now()
	if !b.room(c, it.at) {
		if _, known := b.live[it.key]; known && it.invite() {
			return errRetransmission
		}
		return ErrOverload
	}
	if it.invite() {
		b.live[it.key] = struct{}{}
	}
	b.queue = append(b.queue, it)
	if b.head.Load() == 0 {
		b.head.Store(it.at)
	}
	b.depth.Add(1)
	b.bytes.Add(int64(it.size))
	return nil
}

// begun notes which event is in hand.
func (b *mailbox) begun(it *item) { b.head.Store(it.at) }

// ended notes that everything taken has been handled.
func (b *mailbox) ended() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.queue) == 0 {
		b.head.Store(0)
	}
}

// handled gives an event's room back.
func (b *mailbox) handled(it *item) {
	b.depth.Add(-1)
	b.bytes.Add(-int64(it.size))
}

// room reports whether an event of a class that comes now still gets in.
func (b *mailbox) room(c class, now int64) bool {
	depth, bytes := int(b.depth.Load()), b.bytes.Load()
	switch c {
	case fresh:
		return depth < b.limit && bytes < mailboxBytes && !b.late(now)
	case ongoing:
		return depth < 2*b.limit && bytes < 2*mailboxBytes
	default:
		return true
	}
}

// pressed reports whether fresh requests may be refused now. It takes no lock and does not look at the clock.
func (b *mailbox) pressed() bool {
	depth := int(b.depth.Load())
	return depth >= lateDepth || depth >= b.limit || b.bytes.Load() >= mailboxBytes
}

// turnsAway reports whether an INVITE is refused: one that was let in is not, when it comes again.
func (b *mailbox) turnsAway(k key) bool {
	if !b.pressed() || b.room(fresh, b.now()) {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	_, known := b.live[k]
	return !known && !b.closed
}

func (b *mailbox) now() int64 { return int64(time.Since(b.start)) + 1 }

// late reports whether the shard lags behind, and not for a moment.
func (b *mailbox) late(now int64) bool {
	head := b.head.Load()
	return head != 0 && now-head > int64(lateLimit) && b.depth.Load() >= lateDepth
}

// take returns everything queued, oldest first; spare is the array to go on with.
func (b *mailbox) take(spare []item) []item {
	b.mu.Lock()
	defer b.mu.Unlock()
	batch := b.queue
	b.queue = spare[:0]
	return batch
}

// forget ends the life of an INVITE.
func (b *mailbox) forget(k key) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.live, k)
}

func (b *mailbox) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.queue = nil
	b.depth.Store(0)
	b.bytes.Store(0)
}
