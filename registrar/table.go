package registrar

import (
	"crypto/sha256"
	"maps"
	"slices"
	"sync"
	"time"

	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
)

// Binding is one device of an account (RFC 3261 section 10).
type Binding struct {
	User     string
	Contact  wire.Addr // the client's own Contact, without expires
	Flow     txn.Flow  // the way back; requests never go to the Contact's host
	Expires  time.Time
	Instance string // +sip.instance, "" when absent (RFC 5626)
	RegID    string
	CallID   string
	CSeq     uint32

	proof [sha256.Size]byte // of the password that it was made with

	lost time.Time // when the flow went; zero while it lives
}

// key tells devices apart: instance and reg-id where the client names them, its Contact otherwise.
func (b *Binding) key() string {
	if b.Instance != "" {
		return b.Instance + "\x00" + b.RegID
	}
	return b.Contact.URI.String()
}

func (b *Binding) usable(now time.Time) bool { return b.lost.IsZero() && now.Before(b.Expires) }

// table holds every binding and which flow has proven to be which account.
type table struct {
	mu    sync.RWMutex
	users map[string][]*Binding    // guarded by mu
	flows map[txn.FlowKey]identity // guarded by mu
}

type identity struct {
	user  string
	until time.Time
}

func newTable() *table {
	return &table{users: make(map[string][]*Binding), flows: make(map[txn.FlowKey]identity)}
}

// identity returns the account that has registered over a connection. Datagram flows have none: their addresses can be forged.
func (t *table) identity(key txn.FlowKey, now time.Time) (string, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	id, ok := t.flows[key]
	if !ok || now.After(id.until) {
		return "", false
	}
	return id.user, true
}

// lookup returns a copy of the bindings that can be reached now, the most recent first.
func (t *table) lookup(user string, now time.Time) []Binding {
	t.mu.RLock()
	defer t.mu.RUnlock()
	var out []Binding
	for _, b := range t.users[user] {
		if b.usable(now) {
			out = append(out, *b)
		}
	}
	slices.Reverse(out)
	return out
}

// apply adds, renews and removes bindings, all or none. A zero Expires removes. status is 0; 400 when a change comes later than a newer
// one of the same client (RFC 3261 section 10.3 step 7); 403 when the account would have more than limit
// that can be reached.
func (t *table) apply(user string, changes []Binding, limit int) (added, removed, status int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !inOrder(t.users[user], changes) {
		return 0, 0, 400
	}
	next := slices.Clone(t.users[user])
	for i := range changes {
		key := changes[i].key()
		n := len(next)
		next = slices.DeleteFunc(next, func(b *Binding) bool { return b.key() == key })
		had := len(next) < n
		switch {
		case changes[i].Expires.IsZero():
			if had {
				removed++
			}
		default:
			b := changes[i]
			next = append(next, &b)
			if !had {
				added++
			}
		}
	}
	if len(next) > limit && added > 0 {
		next = slices.DeleteFunc(next, func(b *Binding) bool { return !b.lost.IsZero() }) // they only wait for a device to come back
	}
	if len(next) > limit && added > 0 {
		return 0, 0, 403
	}
	t.set(user, next)
	t.identify(user, changes)
	return added, removed, 0
}

func inOrder(have []*Binding, changes []Binding) bool {
	for i := range changes {
		if old := find(have, changes[i].key()); old != nil && old.CallID == changes[i].CallID && changes[i].CSeq <= old.CSeq {
			return false
		}
	}
	return true
}

// identify ties connections to the account for as long as they have a binding. It runs under mu.
func (t *table) identify(user string, changes []Binding) {
	for i := range changes {
		key := changes[i].Flow.Key()
		if key.ID == 0 {
			continue
		}
		var until time.Time
		for _, b := range t.users[user] {
			if b.Flow.Key() == key && b.Expires.After(until) {
				until = b.Expires
			}
		}
		if until.IsZero() {
			delete(t.flows, key)
		} else {
			t.flows[key] = identity{user: user, until: until}
		}
	}
}

// clear removes every binding of an account ("Contact: *") and returns how many there were.
func (t *table) clear(user string) int { return t.remove(user, func(*Binding) bool { return true }) }

// remove removes the bindings of an account that goes says so of, and returns how many those are.
func (t *table) remove(user string, goes func(*Binding) bool) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	var kept []*Binding
	for _, b := range t.users[user] {
		if goes(b) {
			delete(t.flows, b.Flow.Key())
		} else {
			kept = append(kept, b)
		}
	}
	n := len(t.users[user]) - len(kept)
	t.set(user, kept)
	return n
}

// names are the accounts with a binding, or with a connection that has proved to be theirs.
func (t *table) names() []string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	all := map[string]struct{}{}
	for user := range t.users {
		all[user] = struct{}{}
	}
	for _, id := range t.flows {
		all[id.user] = struct{}{}
	}
	return slices.Collect(maps.Keys(all))
}

// disown makes the connections of an account prove again whose they are.
func (t *table) disown(user string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	maps.DeleteFunc(t.flows, func(_ txn.FlowKey, id identity) bool { return id.user == user })
}

func (t *table) set(user string, bs []*Binding) {
	if len(bs) == 0 {
		delete(t.users, user)
		return
	}
	t.users[user] = bs
}

// flowLost marks the flow's bindings unreachable; sweep removes them after the grace time unless the device comes back.
func (t *table) flowLost(key txn.FlowKey, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	id, ok := t.flows[key]
	if !ok {
		return // no account, or told before: every shard reports a lost flow
	}
	delete(t.flows, key)
	for i, b := range t.users[id.user] {
		if b.Flow.Key() == key && b.lost.IsZero() {
			gone := *b // readers may hold the old value
			gone.lost = now
			t.users[id.user][i] = &gone
		}
	}
}

// gone is a binding that sweep has taken away.
type gone struct{ user, why string }

func (t *table) sweep(now time.Time, grace time.Duration) []gone {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []gone
	for user, bs := range t.users {
		kept := bs[:0:0]
		for _, b := range bs {
			switch {
			case !now.Before(b.Expires):
				out = append(out, gone{user, "expired"})
			case !b.lost.IsZero() && now.Sub(b.lost) >= grace:
				out = append(out, gone{user, "flow"})
			default:
				kept = append(kept, b)
			}
		}
		if len(kept) != len(bs) {
			t.set(user, kept)
		}
	}
	for key, id := range t.flows {
		if now.After(id.until) {
			delete(t.flows, key)
		}
	}
	return out
}

func (t *table) count(now time.Time) int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	n := 0
	for _, bs := range t.users {
		for _, b := range bs {
			if b.usable(now) {
				n++
			}
		}
	}
	return n
}

func find(bs []*Binding, key string) *Binding {
	for _, b := range bs {
		if b.key() == key {
			return b
		}
	}
	return nil
}
