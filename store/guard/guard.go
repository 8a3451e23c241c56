package guard

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"drawbridge/policy/limit"
	"drawbridge/policy/shield"
	"drawbridge/store"
)

// Guard is the door.
type Guard struct {
	cfg     Config
	set     atomic.Pointer[Settings]
	epoch   time.Time
	seed    maphash.Seed
	rates   *store.Cells                             // of every source that is heard
	sources *store.Book[netip.Prefix, shield.Record] // of those that have done something
	dropped map[string]*atomic.Uint64                // by realm; never written after New

	mu    sync.RWMutex
	allow prefixes // guarded by mu, as all below
	deny  prefixes
	names map[Kind][]*Entry
	total int

	denials atomic.Int64  // entries that deny a source: 0 spares everybody the look
	changed chan struct{} // holds one: there is something to write
}

// New reads the file, if there is one. Errors: ErrEntry for a file that is none of ours, ErrNFT, and those of the file.
func New(cfg Config) (*Guard, error) {
	cfg = cfg.withDefaults()
	g := &Guard{
		cfg: cfg, epoch: cfg.now(), sources: store.NewBook[netip.Prefix, shield.Record](cfg.Sources),
		seed: maphash.MakeSeed(), rates: store.NewCells(cfg.Sources * ratesEach),
		dropped: map[string]*atomic.Uint64{"": {}}, allow: prefixes{}, deny: prefixes{}, names: map[Kind][]*Entry{},
		changed: make(chan struct{}, 1),
	}
	for _, r := range cfg.Realms {
		g.dropped[r] = &atomic.Uint64{}
	}
	g.Set(cfg.Settings)
	if err := g.load(); err != nil {
		return nil, err
	}
	return g, cfg.NFT.find()
}

// Set changes the settings of a running guard. What the lists have from elsewhere stays, and so does what is remembered.
func (g *Guard) Set(s Settings) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if old := g.set.Load(); old != nil {
		for _, p := range old.Allow {
			if e := g.allow.get(p); e != nil && e.Reason == fromConfig {
				g.allow.drop(p)
				g.total--
			}
		}
		for _, p := range old.Deny {
			if e := g.deny.get(p); e != nil && e.Reason == fromConfig {
				g.remove(p)
			}
		}
	}
	for _, p := range s.Allow {
		g.place(p, &Entry{Allow: true, Kind: Source, Value: p.String(), Reason: fromConfig})
	}
	for _, p := range s.Deny {
		g.place(p, &Entry{Kind: Source, Value: p.String(), Reason: fromConfig})
	}
	g.set.Store(&s)
	g.touch()
}

// now is the clock of records: nanoseconds, and never zero.
func (g *Guard) now() int64 { return int64(g.cfg.now().Sub(g.epoch)) + 1 }

// Denied reports whether a source is not to be heard at all: no packet is read, no connection accepted, what is open is closed.
func (g *Guard) Denied(realm string, src netip.Addr) bool {
	if g.denials.Load() == 0 {
		return false
	}
	src = plain(src)
	g.mu.RLock()
	defer g.mu.RUnlock()
	now := g.cfg.now()
	e := g.deny.find(src, now)
	if e == nil || g.allow.find(src, now) != nil {
		return false
	}
	e.hits.Add(1)
	g.count(realm).Add(1)
	return true
}

func (g *Guard) count(realm string) *atomic.Uint64 {
	if n, ok := g.dropped[realm]; ok {
		return n
	}
	return g.dropped[""]
}

// Message reports whether a datagram may be read: its source is not denied, nor is it one too many.
func (g *Guard) Message(realm string, src netip.Addr) bool {
	switch {
	case g.Denied(realm, src):
		return false
	case g.rules(realm).MaxSignal.None() || g.exempt(src):
		return true
	}
	who, now := customer(plain(src)), g.now()
	if g.withinRate(realm, who, now) {
		return true
	}
	var drop, offence bool
	g.sources.Do(who, func(s *shield.Record) { drop, offence = s.Excess(g.rules(realm), now) })
	if drop {
		g.count(realm).Add(1)
	}
	if offence {
		g.offend(realm, src, shield.Offence{Class: shield.Signal, Reason: "max-signal"}, "")
	}
	return !drop
}

// rules are those of a realm.
func (g *Guard) rules(realm string) *shield.Rules {
	set := g.set.Load()
	if own := set.Realms[realm]; own != nil {
		return own
	}
	return &set.Rules
}

// counted is whose messages are counted together: those of a source in a realm with rules of its own, and in all the others.
type counted struct {
	realm string
	who   netip.Prefix
}

// withinRate counts a message. The rate is kept apart from the records: a flood of forged addresses fills it, and it is small.
func (g *Guard) withinRate(realm string, who netip.Prefix, now int64) bool {
	set := g.set.Load()
	rules := set.Realms[realm]
	if rules == nil {
		rules, realm = &set.Rules, ""
	}
	var wait time.Duration
	g.rates.Do(maphash.Comparable(g.seed, counted{realm, who}), now, func(c limit.Cell) limit.Cell {
		c, wait = rules.MaxSignal.Take(c, now)
		return c
	})
	return wait == 0
}

// exempt finds the sources whose rate is not this door's business: trunks, which have limits of their own, and those that are allowed. Trunks
// come first: most messages are theirs, and it costs neither lock nor clock.
func (g *Guard) exempt(src netip.Addr) bool {
	src = plain(src)
	if g.cfg.Known(src) {
		return true
	}
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.allow.find(src, g.cfg.now()) != nil
}

// Dropped counts what was not heard, by realm.
func (g *Guard) Dropped() map[string]uint64 {
	out := map[string]uint64{}
	for realm, n := range g.dropped {
		if v := n.Load(); realm != "" || v > 0 {
			out[realm] = v
		}
	}
	return out
}

// Sources is how many sources are remembered for what they have done.
func (g *Guard) Sources() int { return g.sources.Len() }

// Rates is how many sources have their messages counted.
func (g *Guard) Rates() int { return g.rates.Len() }
