package registrar

import (
	"strings"
	"sync"
	"time"
)

// Chosen here.
const (
	ncWindow   = 32      // requests of one client may overtake each other by this much
	maxNonces  = 1 << 16 // used nonces remembered; only authenticated requests add one, and each is forgotten with its life
	mostNonces = 1 << 13 // of one account: a PBX that is challenged for each call may begin 130 a second
	fewNonces  = 32      // of one account while the table is full: who has not filled it is let in
)

// counts remembers which nonce counts have been used with a nonce (RFC 7616 section 3.4.5).
type counts struct {
	mu   sync.Mutex
	used map[string]*ncState // guarded by mu
	held map[string]int      // how many are an account's; guarded by mu
}

type ncState struct {
	user string
	born time.Time
	top  uint32 // highest count seen
	seen uint32 // bit i: top-i has been used
}

// use marks nc as used with nonce by user; false means it was used before, lies too far behind, or that the account has used too many
// nonces of late. What one account does never keeps another one out.
func (c *counts) use(user, nonce string, nc uint32, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.used[nonce]
	if s == nil {
		if c.full(user) {
			return false // the client is told "stale" and asks again
		}
		if c.used == nil {
			c.used, c.held = make(map[string]*ncState), make(map[string]int)
		}
		c.used[strings.Clone(nonce)] = &ncState{user: user, born: now, top: nc, seen: 1}
		c.held[user]++
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

// full tells whether an account may use no other nonce for now. It runs under mu.
func (c *counts) full(user string) bool {
	n := c.held[user]
	return n >= mostNonces || n >= fewNonces && len(c.used) >= maxNonces
}

// sweep forgets nonces that no longer pass nonces.check.
func (c *counts) sweep(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for nonce, s := range c.used {
		if now.Sub(s.born) > nonceLife {
			delete(c.used, nonce)
			if c.held[s.user]--; c.held[s.user] == 0 {
				delete(c.held, s.user)
			}
		}
	}
}
