package txn

import "drawbridge/sip/wire"

// copies are the arrays of messages that were kept to be sent again and will not be: the next message is written into one of them. It is
// likely to be in a cache still, where a new one never is.
type copies struct {
	free    [][]byte
	scratch []byte // a message on its way into a transaction
}

// Chosen here: more than a shard lets go between two messages that it keeps, and no larger than a message with an offer of many lines.
const (
	mostCopies  = 64
	largestCopy = 4 << 10
)

// write is the message as bytes, until the next is written.
func (c *copies) write(m *wire.Message) []byte {
	c.scratch = m.Append(c.scratch[:0])
	return c.scratch
}

// keep returns a copy of b to be let go.
func (c *copies) keep(b []byte) []byte {
	var room []byte
	if last := len(c.free) - 1; last >= 0 {
		room, c.free = c.free[last], c.free[:last]
	}
	if cap(room) < len(b) {
		room = nil
	}
	return append(room[:0], b...)
}

// letGo takes an array back from whoever kept it. Flows take no ownership of what they send, so nobody else has it.
func (c *copies) letGo(b []byte) {
	if cap(b) > 0 && cap(b) <= largestCopy && len(c.free) < mostCopies {
		c.free = append(c.free, b)
	}
}
