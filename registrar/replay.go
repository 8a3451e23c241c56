package registrar

import (
	"sync"
	"time"
)

// Chosen here.
const (
	ncWindow  = 32      // requests of one client may overtake each other by this much
	maxNonces = 1 << 16 // used nonces remembered; only authenticated requests add one, and each is forgotten with its life
)

// counts remembers which nonce counts have been used with a nonce (RFC 7616 section 3.4.5).
type counts struct {
	mu   sync.Mutex
	used map[string]*ncState // guarded by mu
}

type ncState struct {
	born time.Time
	top  uint32 // highest count seen
	seen uint32 // bit i: top-i has been used
}

// use marks nc as used with nonce; false means it was used before, or lies too far behind.
func (c *counts) use(nonce string, nc uint32, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.used[nonce]
	if s == nil {
		if len(c.used) >= maxNonces {
			return false // the client is told "stale" and asks again
		}
		if c.used == nil {
			c.used = make(map[string]*ncState)
		}
		c.used[nonce] = &ncState{born: now, top: nc, seen: 1}
		return true
	}
	if nc > s.top {
		s.seen <<= min(nc-s.top, ncWindow)
		s.seen |= 1
		s.top = nc
		return true
	}
	behind := s.top - nc
	if behind >= ncWindow || s.seen&(1<<behind) != 0 {
		return false
	}
	s.seen |= 1 << behind
	return true
}

// sweep forgets nonces that no longer pass nonces.check.
func (c *counts) sweep(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for nonce, s := range c.used {
		if now.Sub(s.born) > nonceLife {
			delete(c.used, nonce)
		}
	}
}
