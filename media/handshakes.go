package media

import (
	"sync"
	"time"
)

// Handshakes have places, of which everybody's hello takes one until it is answered. Who sends a hello and then nothing would keep his for ten
// seconds, and with a few hundred legs keep everybody else out. So while all places are taken, the handshake that has waited for its peer for
// longest gives way, if that is longer than a peer needs that is there.

// halfOpen is how long a handshake may wait for its peer while others wait for its place. Chosen here: a browser repeats its flight several
// times in it.
const halfOpen = int64(time.Second)

// handshakes are those that have a place, of all loops. The zero value is empty.
type handshakes struct {
	mu    sync.Mutex
	there map[*association]struct{}
}

func (c *handshakes) enter(a *association) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.there == nil {
		c.there = make(map[*association]struct{})
	}
	c.there[a] = struct{}{}
}

func (c *handshakes) leave(a *association) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.there, a)
}

// thin ends the handshake that has waited longest. Its place is free a moment later: who wants it asks again.
func (c *handshakes) thin(now int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var longest *association
	since := now - halfOpen
	for a := range c.there {
		if heard := a.heard.Load(); heard <= since {
			longest, since = a, heard
		}
	}
	if longest != nil {
		delete(c.there, longest)
		longest.cancel()
	}
}
