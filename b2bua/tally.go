package b2bua

import "sync"

// tally counts what each party has under way, on all shards. Only who is known gets in, so it has no more keys than there are accounts and
// trunks; a party with nothing under way has none.
type tally struct {
	mu sync.Mutex
	of map[string]int
}

// take reports whether there is room for one more of a party's, and takes it.
func (t *tally) take(party string, limit int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of[party] >= limit {
		return false
	}
	if t.of == nil {
		t.of = map[string]int{}
	}
	t.of[party]++
	return true
}

// give gives one place back.
func (t *tally) give(party string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of[party]--; t.of[party] <= 0 {
		delete(t.of, party)
	}
}

// total is the number of places taken.
func (t *tally) total() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 0
	for _, c := range t.of {
		n += c
	}
	return n
}

// id names a party in a tally: accounts and trunks may share a name.
func (p *Party) id() string {
	if p.Trunk {
		return "trunk/" + p.Name
	}
	return "account/" + p.Name
}

// share is the limit that goes for a party.
func (p *Party) share(account, trunk int) int {
	if p.Trunk {
		return trunk
	}
	return account
}
