package media

import (
	"errors"
	"maps"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/media/offer"
)

// TestRealmsChange: realms of telephones come, go and change; a leg keeps the realm that it was made in, and gives its port back there.
// The sockets of browsers are those of the start.
func TestRealmsChange(t *testing.T) {
	access := Realm{WebRTC: []netip.AddrPort{netip.AddrPortFrom(localhost, 0)}, Bind: localhost}
	carrier := Realm{Bind: localhost, PortMin: 20300, PortMax: 20303}
	start := map[string]Realm{"access": access, "carrier": carrier}
	e, err := New(Config{Loops: 1, Realms: start})
	if err != nil {
		t.Fatal(err)
	}
	var calls []*Session
	carriers := e.realms.get("carrier").ports
	defer func() {
		for _, s := range calls {
			s.end(e.loops[0])
		}
		if n := carriers.inUse(); n != 0 {
			t.Errorf("%d ports of a realm that has gone are in use", n)
		}
		e.release()
	}()
	with := func(change func(map[string]Realm)) map[string]Realm {
		next := maps.Clone(start)
		change(next)
		return next
	}
	add := func(realm string) (*Session, error) {
		s := e.Open("call", func(Event) {})
		calls = append(calls, s)
		_, err := s.Add(B, Side{Realm: realm, Profile: offer.RTP})
		e.loops[0].commands()
		return s, err
	}
	if _, err := add("carrier"); err != nil {
		t.Fatal(err)
	}
	if err := e.SetRealms(with(func(m map[string]Realm) {
		changed := carrier
		changed.Inactivity = 7
		m["carrier"], m["office"] = changed, Realm{Bind: localhost}
	})); err != nil {
		t.Fatal(err)
	}
	if n := e.realms.get("carrier").ports.inUse(); n != 1 {
		t.Errorf("a range that did not change has %d ports in use, want 1", n)
	}
	if _, err := add("office"); err != nil {
		t.Errorf("a realm that has come: %v", err)
	}
	if err := e.SetRealms(with(func(m map[string]Realm) { delete(m, "carrier") })); err != nil {
		t.Fatal(err)
	}
	if _, err := add("carrier"); !errors.Is(err, ErrNoRealm) {
		t.Errorf("a realm that has gone: %v", err)
	}
	before := e.realms.all()
	for what, next := range map[string]map[string]Realm{
		"without the browsers' realm": with(func(m map[string]Realm) { delete(m, "access") }),
		"with another one":            with(func(m map[string]Realm) { m["carrier"] = access }),
		"marked":                      with(func(m map[string]Realm) { r := access; r.DSCP.Audio = 46; m["access"] = r }),
		"elsewhere":                   with(func(m map[string]Realm) { r := access; r.WebRTC = nil; m["access"] = r }),
	} {
		if err := e.SetRealms(next); !errors.Is(err, ErrFixed) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := e.SetRealms(with(func(m map[string]Realm) { m["carrier"] = Realm{PortMin: 9, PortMax: 8} })); !errors.Is(err, ErrPortRange) {
		t.Error(err)
	}
	if !maps.Equal(before, e.realms.all()) {
		t.Error("a refused change has changed something")
	}
}

// A check for a leg of one realm at the browser address of another is for nobody there: the leg's media stays in its realm.
func TestCheckAtAnotherRealmsDoor(t *testing.T) {
	anywhere := []netip.AddrPort{netip.AddrPortFrom(localhost, 0)}
	e, err := New(Config{Loops: 1, Realms: map[string]Realm{"outside": {WebRTC: append(anywhere, anywhere...)}, "office": {WebRTC: anywhere}}})
	if err != nil {
		t.Fatal(err)
	}
	l, s := e.loops[0], e.Open("x", func(Event) {})
	g := newLeg(s, A, e.realms.get("outside"), offer.WebRTC)
	local, err := g.allocate()
	if err != nil {
		t.Fatal(err)
	}
	s.place(l, g)
	t.Cleanup(func() { s.end(l); e.release() })
	l.now = 1
	src := netip.MustParseAddrPort("192.0.2.1:1000")
	office, second := l.doors[e.realms.get("office").door], l.doors[g.realm.door+1]
	l.admit(office, binding(local, nominates), src)
	if g.open || office.out.n != 0 || len(office.known) != 0 || l.count.drop[DropSTUNUser].Load() != 1 {
		t.Errorf("media goes out: %t, %d answers, %d sources known", g.open, office.out.n, len(office.known))
	}
	l.admit(second, binding(local, nominates), src)
	if !g.open || l.doors[g.door].realm.name != "outside" {
		t.Errorf("another address of its own realm: open %t, door %d", g.open, g.door)
	}
}

// TestReloadLetsPortsRest: a reload that makes a range anew forgets neither the pairs that rest nor those that a leg closes later, under
// whatever name the range is known then.
func TestReloadLetsPortsRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &Engine{files: newFiles(func() {})}
		const low = 20100
		core := Realm{Bind: localhost, PortMin: low, PortMax: low + 5}
		if err := e.openRealms(map[string]Realm{"core": core}); err != nil {
			t.Fatal(err)
		}
		reload := func(name string, audio uint8) *ports {
			cfg := core
			cfg.DSCP.Audio = audio
			if err := e.SetRealms(map[string]Realm{name: cfg}); err != nil {
				t.Fatal(err)
			}
			return e.realms.get(name).ports
		}
		old := e.realms.get("core").ports
		resting, _ := old.take()
		used, _ := old.take()
		old.give(resting)
		p := reload("office", 46)
		old.give(used) // its leg ends behind the reload
		third, ok := p.take()
		if !ok || third == resting || third == used {
			t.Errorf("took %d (%t) while %d and %d rest", third, ok, resting, used)
		}
		p.give(third)
		p = reload("office", 0)
		if port, ok := p.take(); ok {
			t.Errorf("took %d without rest", port)
		}
		time.Sleep(portRest)
		for range 3 {
			if _, ok := p.take(); !ok {
				t.Error("a pair that has rested is not to be had")
			}
		}
		reload("office", 8)
		if n := len(e.closed.at); n != 0 {
			t.Errorf("%d pairs are remembered that have rested", n)
		}
	})
}
