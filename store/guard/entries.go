package guard

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"drawbridge/policy/number"
	"drawbridge/telemetry"
)

// Kind says what the value of an entry is.
type Kind string

// The kinds. Patterns are compared without regard to case; * at the end stands for any rest.
const (
	Source Kind = "source" // an address or a network
	Agent  Kind = "agent"  // a part of User-Agent
	AOR    Kind = "aor"    // an account
	From   Kind = "caller" // the caller's number or name
	To     Kind = "called" // the number dialled
)

var kinds = []Kind{Source, Agent, AOR, From, To}

// fromConfig is the reason of what the configuration says.
const fromConfig = "configuration"

// Entry is one line of the access lists.
type Entry struct {
	Allow  bool      // on the allow list, which wins
	Kind   Kind      //
	Value  string    //
	Reason string    //
	Added  time.Time //
	Until  time.Time // zero: for ever

	hits atomic.Uint64
}

func (e *Entry) over(now time.Time) bool { return !e.Until.IsZero() && !now.Before(e.Until) }

// entryJSON is an entry as the file and the API write it.
type entryJSON struct {
	List   string    `json:"list"` // "deny" or "allow"
	Kind   Kind      `json:"kind"`
	Value  string    `json:"value"`
	Reason string    `json:"reason,omitempty"`
	Added  time.Time `json:"added,omitzero"`
	Until  time.Time `json:"until,omitzero"`
	Hits   uint64    `json:"hits"`
}

// MarshalJSON implements json.Marshaler.
func (e *Entry) MarshalJSON() ([]byte, error) {
	out := entryJSON{"deny", e.Kind, e.Value, e.Reason, e.Added.UTC().Round(time.Second), e.Until.UTC().Round(time.Second), e.hits.Load()}
	if e.Allow {
		out.List = "allow"
	}
	if e.Added.IsZero() {
		out.Added = time.Time{}
	}
	if e.Until.IsZero() {
		out.Until = time.Time{}
	}
	return json.Marshal(out)
}

// UnmarshalJSON implements json.Unmarshaler.
func (e *Entry) UnmarshalJSON(b []byte) error {
	var in entryJSON
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	if in.List != "deny" && in.List != "allow" {
		return fmt.Errorf("%w: list is deny or allow", ErrEntry)
	}
	e.Allow, e.Kind, e.Value, e.Reason, e.Added, e.Until = in.List == "allow", in.Kind, in.Value, in.Reason, in.Added, in.Until
	e.hits.Store(in.Hits)
	return nil
}

// Add puts an entry on its list, or replaces it there. What would deny a trunk, or more than a provider has, takes force. Errors: ErrEntry,
// ErrTrunk, ErrWide, ErrFull.
func (g *Guard) Add(e *Entry, force bool) error {
	p, err := e.check(g.set.Load().Plan)
	if err != nil {
		return err
	}
	if e.Kind == Source && !e.Allow && !force {
		if err := g.harmless(p); err != nil {
			return err
		}
	}
	now := g.cfg.now()
	if e.Added.IsZero() {
		e.Added = now
	}
	g.mu.Lock()
	full := g.total >= g.cfg.Entries && g.sweep(now) == 0
	if full = full || e.Kind != Source && len(g.names[e.Kind]) >= mostNames; !full {
		g.place(p, e)
	}
	g.mu.Unlock()
	if full {
		return ErrFull
	}
	g.touch()
	if !e.Allow {
		told := telemetry.Denied{Class: string(e.Kind), Reason: e.Reason, Detail: e.Value}
		if e.Kind == Source {
			told.Source, told.Detail = e.Value, ""
		}
		if !e.Until.IsZero() {
			told.TTL = e.Until.Sub(now).Round(time.Second)
		}
		g.cfg.Events.EmitDenied(told)
	}
	return nil
}

// check brings an entry's value into its one form.
func (e *Entry) check(plan number.Plan) (netip.Prefix, error) {
	bad := func(why string) (netip.Prefix, error) {
		return netip.Prefix{}, fmt.Errorf("%w: %s %q: %s", ErrEntry, e.Kind, e.Value, why)
	}
	switch {
	case !slices.Contains(kinds, e.Kind):
		return bad("the kinds are source, agent, aor, caller, called")
	case len(e.Value) > longestText || len(e.Reason) > longestText:
		return bad("it is too long")
	case strings.ContainsFunc(e.Value+e.Reason, unicode.IsControl):
		return bad("it is plain text")
	case e.Kind != Source:
		if strings.Trim(e.Value, "* ") == "" {
			return bad("it would be everybody")
		}
		e.Value = canonical(e.Kind, e.Value, plan)
		return netip.Prefix{}, nil
	}
	p, ok := parsePrefix(e.Value)
	if !ok {
		return bad("it is no address or network such as 198.51.100.0/24")
	}
	e.Value = p.String()
	return p, nil
}

// harmless says why a network must not be denied without force.
func (g *Guard) harmless(p netip.Prefix) error {
	if p.Addr().Is4() && p.Bits() < widest4 || p.Addr().Is6() && p.Bits() < widest6 {
		return fmt.Errorf("%s: %w; --force denies it all the same", p, ErrWide)
	}
	for _, t := range g.cfg.Trunks() {
		if t.Overlaps(p) {
			return fmt.Errorf("%s: %w (%s); --force denies it all the same", p, ErrTrunk, t)
		}
	}
	return nil
}

// place puts an entry where it belongs. It is called under the lock.
func (g *Guard) place(p netip.Prefix, e *Entry) {
	switch {
	case e.Kind != Source:
		g.unname(e)
		g.names[e.Kind] = append(g.names[e.Kind], e)
		g.total++
	case e.Allow:
		if g.allow.get(p) == nil {
			g.total++
		}
		g.allow.put(p, e)
	default:
		g.put(p, e)
	}
}

// put denies a network.
func (g *Guard) put(p netip.Prefix, e *Entry) {
	if g.deny.get(p) == nil {
		g.total++
		g.denials.Add(1)
	}
	g.deny.put(p, e)
}

// remove denies it no more.
func (g *Guard) remove(p netip.Prefix) {
	if g.deny.get(p) != nil {
		g.total--
		g.denials.Add(-1)
		g.deny.drop(p)
	}
}

// unname drops the entry of the same kind, list and value.
func (g *Guard) unname(e *Entry) bool {
	have := g.names[e.Kind]
	left := slices.DeleteFunc(slices.Clone(have), func(x *Entry) bool { return x.Allow == e.Allow && x.Value == e.Value })
	g.names[e.Kind] = left
	g.total -= len(have) - len(left)
	return len(left) < len(have)
}

// Remove takes an entry off its list, and forgets what the sources in it have done. Errors: ErrEntry, ErrAbsent.
func (g *Guard) Remove(allow bool, kind Kind, value string) error {
	e := &Entry{Allow: allow, Kind: kind, Value: value}
	p, err := e.check(g.set.Load().Plan)
	if err != nil {
		return err
	}
	g.mu.Lock()
	var found bool
	switch {
	case kind != Source:
		found = g.unname(e)
	case allow:
		if found = g.allow.get(p) != nil; found {
			g.total--
			g.allow.drop(p)
		}
	default:
		found = g.deny.get(p) != nil
		g.remove(p)
	}
	g.mu.Unlock()
	if !found {
		return fmt.Errorf("%s %s: %w", kind, e.Value, ErrAbsent)
	}
	g.touch()
	return nil
}

// List is a copy of the lists: allowed first, then by kind and value.
func (g *Guard) List() []*Entry {
	g.mu.RLock()
	defer g.mu.RUnlock()
	now := g.cfg.now()
	out := []*Entry{}
	add := func(e *Entry) {
		if !e.over(now) {
			out = append(out, e)
		}
	}
	for _, side := range []prefixes{g.allow, g.deny} {
		for _, nets := range side {
			for _, e := range nets {
				add(e)
			}
		}
	}
	for _, named := range g.names {
		for _, e := range named {
			add(e)
		}
	}
	slices.SortFunc(out, func(a, b *Entry) int {
		if a.Allow != b.Allow {
			return map[bool]int{true: -1, false: 1}[a.Allow]
		}
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Value, b.Value))
	})
	return out
}

// sweep drops what has expired and says how many there were. It is called under the lock.
func (g *Guard) sweep(now time.Time) int {
	before := g.total
	for _, nets := range g.deny {
		for p, e := range nets {
			if e.over(now) {
				g.remove(p)
			}
		}
	}
	for _, nets := range g.allow {
		for p, e := range nets {
			if e.over(now) {
				g.total--
				g.allow.drop(p)
			}
		}
	}
	for kind, named := range g.names {
		g.names[kind] = slices.DeleteFunc(slices.Clone(named), func(e *Entry) bool { return e.over(now) })
		g.total -= len(named) - len(g.names[kind])
	}
	return before - g.total
}
