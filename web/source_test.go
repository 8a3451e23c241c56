package web

import (
	"net"
	"net/netip"
	"testing"
	"time"
)

func TestSourceOf(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.7":        "192.0.2.7/32",
		"::ffff:192.0.2.7": "192.0.2.7/32",
		"2001:db8::1":      "2001:db8::/64",
		"2001:db8::ffff:2": "2001:db8::/64",
	} {
		if got := sourceOf(&net.TCPAddr{IP: net.ParseIP(addr), Port: 5}); got.String() != want {
			t.Errorf("%s counts as %s, want %s", addr, got, want)
		}
	}
}

func TestGuests(t *testing.T) {
	a, b := netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("192.0.2.2/32")
	start := time.Now()

	g := guests{limits: guestLimits{total: 3, perSource: 2, rate: 100}}
	for i, tt := range []struct {
		src  netip.Prefix
		want string
	}{{a, ""}, {a, ""}, {a, "connections of one source"}, {b, ""}, {b, "connections"}} {
		if got := g.enter(tt.src, start); got != tt.want {
			t.Errorf("step %d: %q, want %q", i, got, tt.want)
		}
	}
	g.leave(a)
	if got := g.enter(b, start); got != "" {
		t.Errorf("after one has left: %q", got)
	}

	g = guests{limits: guestLimits{total: 1000, perSource: 1000, rate: 10}}
	for range 40 {
		if got := g.enter(a, start); got != "" {
			t.Fatalf("within the burst: %q", got)
		}
		g.leave(a)
	}
	if got := g.enter(a, start); got != "connection rate of one source" {
		t.Errorf("over the burst: %q", got)
	}
	if got := g.enter(a, start.Add(101*time.Millisecond)); got != "" {
		t.Errorf("one token later: %q", got)
	}
	g.leave(a)
	if g.enter(b, start.Add(time.Hour)); len(g.by) != 1 {
		t.Errorf("%d sources remembered an hour later, want the one that is here", len(g.by))
	}
}

func TestFailuresAreForgiven(t *testing.T) {
	var f failures
	src, start := netip.MustParsePrefix("192.0.2.1/32"), time.Now()
	for range failBurst {
		if f.blocked(src, start) {
			t.Fatal("blocked too early")
		}
		f.add(src, start)
	}
	if !f.blocked(src, start) {
		t.Error("not blocked")
	}
	if f.blocked(src, start.Add(failEvery+time.Millisecond)) {
		t.Error("not forgiven")
	}
	f.add(netip.MustParsePrefix("192.0.2.2/32"), start.Add(time.Hour))
	if len(f.by) != 1 {
		t.Errorf("%d sources remembered an hour later", len(f.by))
	}
}
