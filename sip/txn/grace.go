package txn

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// Answers to malformed requests, and large answers to small ones. A source gets few, so that nobody is hit by reflection; a realm gets a bounded number however many
// sources are forged. Chosen here.
const (
	graceCells = 1024 // sources that are counted apart; a collision only makes two share

	graceBurst, graceRate           = 20, 10   // for a source: at once, and a second after that
	graceRealmBurst, graceRealmRate = 200, 100 // for a realm
)

// graceTable counts the answers in constant memory: its cells are fixed, its realms are those that are configured.
type graceTable struct {
	mu     sync.Mutex
	seed   maphash.Seed
	cells  *[graceCells]bucket // made with the first malformed request
	realms map[string]*bucket
}

func (t *graceTable) allow(realm string, source netip.Addr, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.cells == nil {
		t.seed, t.cells, t.realms = maphash.MakeSeed(), new([graceCells]bucket), map[string]*bucket{}
	}
	whole := t.realms[realm]
	if whole == nil {
		whole = new(bucket)
		t.realms[realm] = whole
	}
	b := source.As16()
	cell := &t.cells[maphash.Bytes(t.seed, b[:])%graceCells]
	cell.fill(now, graceBurst, graceRate)
	whole.fill(now, graceRealmBurst, graceRealmRate)
	if cell.left < 1 || whole.left < 1 { // who is refused by one takes nothing from the other, which somebody else needs
		return false
	}
	cell.left--
	whole.left--
	return true
}

// bucket is a token bucket; the zero value is full.
type bucket struct {
	left float64
	at   time.Time
}

// fill adds what has come in since the last time; burst is what the bucket holds, rate what comes in a second.
func (b *bucket) fill(now time.Time, burst, rate float64) {
	if b.at.IsZero() {
		b.left = burst
	} else {
		b.left = min(burst, b.left+rate*now.Sub(b.at).Seconds())
	}
	b.at = now
}
