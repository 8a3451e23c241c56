package resolve

import (
	"sync"
	"time"
)

// cache keeps answers for as long as they say, within bounds. An answer that cannot be renewed stays in use for a while (RFC 8767).
type cache struct {
	mu      sync.Mutex
	entries map[question]entry
}

type entry struct {
	records
	until time.Time // good till then
	stale time.Time // no server answered: good enough till then
	empty bool      // stands for a failure, not for an answer
}

func newCache() *cache { return &cache{entries: make(map[question]entry)} }

// find returns what is known of a question at a moment. fresh says that it need not be asked now.
func (c *cache) find(q question, at time.Time) (rec records, fresh bool) {
	e, ok := c.entries[q]
	if !ok {
		return records{}, false
	}
	return e.records, at.Before(e.until) || at.Before(e.stale)
}

// store keeps an answer, a negative one included.
func (c *cache) store(q question, rec records, ttl time.Duration, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.put(q, entry{records: rec, until: now.Add(ttl)}, now)
}

// fail notes that nobody has answered: what was known before serves on.
func (c *cache) fail(q question, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[q]
	if !ok || e.empty || now.After(e.until.Add(maxStale)) {
		c.put(q, entry{until: now.Add(failureTTL), empty: true}, now)
		return
	}
	e.stale = now.Add(failureTTL)
	c.entries[q] = e
}

func (c *cache) put(q question, e entry, now time.Time) {
	if _, known := c.entries[q]; !known && len(c.entries) >= maxEntries {
		c.evict(now)
	}
	c.entries[q] = e
}

// evict makes room for one: of a few taken at random, what has expired goes, else one that has not.
func (c *cache) evict(now time.Time) {
	const looks = 32
	seen, gone := 0, false
	for q, e := range c.entries {
		if seen++; seen > looks && gone {
			return
		}
		if now.After(e.until) && now.After(e.stale) || seen > looks {
			delete(c.entries, q)
			gone = true
		}
	}
}
