package guard

import (
	"context"
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// NFT names sets of nftables that hold what is denied, so that a flood ends in the kernel. The operator makes the sets and the rule that
// drops by them; their elements are ours alone:
//
//	table inet filter {
//	  set drawbridge4 { type ipv4_addr; flags interval, timeout; }
//	  set drawbridge6 { type ipv6_addr; flags interval, timeout; }
//	}
type NFT struct {
	Set4, Set6 string // such as "inet filter drawbridge4"; "" exports none of that family
	Program    string // "" means nft
}

// nftLimit is how long the program may take. Chosen here.
const nftLimit = 5 * time.Second

func (n NFT) off() bool { return n.Set4 == "" && n.Set6 == "" }

func (n NFT) program() string {
	if n.Program == "" {
		return "nft"
	}
	return n.Program
}

// find tells at the start that the program is missing. Error: ErrNFT.
func (n NFT) find() error {
	if n.off() {
		return nil
	}
	if _, err := exec.LookPath(n.program()); err != nil {
		return fmt.Errorf("%w is not installed, and shield.nftables needs it: %w", ErrNFT, err)
	}
	return nil
}

// put makes the sets hold what is denied, in one transaction. Error: ErrNFT.
func (n NFT) put(ctx context.Context, entries []*Entry, now time.Time) error {
	if n.off() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, nftLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, n.program(), "-f", "-")
	cmd.Stdin = strings.NewReader(n.script(entries, now))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %w: %.200s", ErrNFT, err, out)
	}
	return nil
}

// script is what nft is told. A network inside another is left out: a set takes no two that overlap. So is one with an address that is
// allowed in it: that one must be heard, and a set has no exceptions.
func (n NFT) script(entries []*Entry, now time.Time) string {
	var denied []netip.Prefix
	until := map[netip.Prefix]time.Time{}
	allowed := allowedIn(entries)
	for _, e := range entries {
		if p, ok := parsePrefix(e.Value); ok && e.Kind == Source && !e.Allow && !slices.ContainsFunc(allowed, p.Overlaps) {
			denied = append(denied, p)
			until[p] = e.Until
		}
	}
	var b strings.Builder
	for _, set := range []struct {
		name string
		four bool
	}{{n.Set4, true}, {n.Set6, false}} {
		if set.name == "" {
			continue
		}
		fmt.Fprintf(&b, "flush set %s\n", set.name)
		var items []string
		for _, p := range disjoint(denied, set.four) {
			item := p.String()
			if p.IsSingleIP() {
				item = p.Addr().String()
			}
			if t := until[p]; !t.IsZero() {
				item += fmt.Sprintf(" timeout %ds", max(1, int(t.Sub(now).Seconds())))
			}
			items = append(items, item)
		}
		if len(items) > 0 {
			fmt.Fprintf(&b, "add element %s { %s }\n", set.name, strings.Join(items, ", "))
		}
	}
	return b.String()
}

// allowedIn are the networks on the allow list.
func allowedIn(entries []*Entry) (all []netip.Prefix) {
	for _, e := range entries {
		if p, ok := parsePrefix(e.Value); ok && e.Kind == Source && e.Allow {
			all = append(all, p)
		}
	}
	return all
}

// disjoint keeps the widest networks of a family.
func disjoint(all []netip.Prefix, four bool) []netip.Prefix {
	wide := prefixes{}
	for _, p := range all {
		wide.put(p, &Entry{})
	}
	var out []netip.Prefix
	for _, p := range all {
		if p.Addr().Is4() == four && !wide.covers(p) {
			out = append(out, p)
		}
	}
	return out
}

// covers reports whether a wider network than p has it.
func (n prefixes) covers(p netip.Prefix) bool {
	for bits := range p.Bits() {
		if q, err := p.Addr().Prefix(bits); err == nil && n.get(q) != nil {
			return true
		}
	}
	return false
}
