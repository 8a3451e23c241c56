package registrar

import (
	"net/netip"
	"sync"
	"time"
)

// Chosen here, as for the password of a JSON line: an account's owner mistypes now and then, a program does nothing else.
const (
	guessBurst = 20              // wrong passwords of one source for one account
	guessEvery = 6 * time.Second // one more is forgiven after this time
)

// guesses counts wrong passwords by source and account, so that a password cannot be tried out (T7). Nobody else is locked out by them:
// neither another account behind the same address nor the account's owner elsewhere. Only accounts that exist are counted, and only
// behind a nonce that the source has received: forged sources and invented names leave nothing here.
type guesses struct {
	mu sync.Mutex
	by map[guesser]bucket // guarded by mu
}

type guesser struct {
	source netip.Prefix
	user   string
}

// bucket fills with failures and drains with time.
type bucket struct {
	used float64
	at   time.Time
}

func (b bucket) level(now time.Time) float64 {
	return max(0, b.used-float64(now.Sub(b.at))/float64(guessEvery))
}

// exhausted tells whether the source has guessed too often: not even the right password is believed then.
func (g *guesses) exhausted(peer netip.Addr, user string, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	b, ok := g.by[guesser{sourceOf(peer), user}]
	return ok && b.level(now) > guessBurst-1
}

// add counts one wrong password.
func (g *guesses) add(peer netip.Addr, user string, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.by == nil {
		g.by = make(map[guesser]bucket)
	}
	who := guesser{sourceOf(peer), user}
	g.by[who] = bucket{used: min(g.by[who].level(now)+1, guessBurst), at: now}
}

// sweep forgets the forgiven.
func (g *guesses) sweep(now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for who, b := range g.by {
		if b.level(now) == 0 {
			delete(g.by, who)
		}
	}
}

// sourceOf is an IPv4 address, or the /64 that one IPv6 customer has.
func sourceOf(peer netip.Addr) netip.Prefix {
	peer = peer.Unmap().WithZone("")
	bits := 64
	if peer.Is4() {
		bits = 32
	}
	p, err := peer.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // no address, as a pipe: one source
	}
	return p
}
