package media

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync/atomic"
)

// realms are the sides of the border as they are configured now. A leg keeps the realm that it was made in.
type realms struct {
	now atomic.Pointer[map[string]*realm] // replaced, never written to
}

func (s *realms) get(name string) *realm { return (*s.now.Load())[name] }

func (s *realms) all() map[string]*realm {
	if now := s.now.Load(); now != nil {
		return *now
	}
	return nil // New has failed before there were any
}

func (s *realms) set(all map[string]*realm) { s.now.Store(&all) }

// CheckRealms says what Set would: ErrPortRange, ErrWildcard, and ErrFixed for the sockets of browsers, which are those of the start.
func (e *Engine) CheckRealms(next map[string]Realm) error {
	if err := (Config{Realms: next}).validate(); err != nil {
		return err
	}
	for name, r := range e.realms.all() {
		if is, ok := next[name]; r.door >= 0 && (!ok || !slices.Equal(is.WebRTC, r.cfg.WebRTC) || is.DSCP != r.cfg.DSCP) {
			return fmt.Errorf("realm %s: %w", name, ErrFixed)
		}
	}
	for name, is := range next {
		if was := e.realms.get(name); len(is.WebRTC) > 0 && (was == nil || was.door < 0) {
			return fmt.Errorf("realm %s: %w", name, ErrFixed)
		}
	}
	return nil
}

// SetRealms makes legs from now on find other realms. Ports of a range that did not change go on resting where they are, those of another one
// in the range that has them now. It may be called from any goroutine, one at a time. Errors: those of CheckRealms, and then nothing has changed.
func (e *Engine) SetRealms(next map[string]Realm) error {
	if err := e.CheckRealms(next); err != nil {
		return err
	}
	old := e.realms.all()
	all := map[string]*realm{Inside: old[Inside]}
	for name, cfg := range next {
		r := &realm{name: name, cfg: cfg, door: -1}
		was := old[name]
		if was != nil {
			r.door, r.ports = was.door, was.ports
		}
		if was == nil || was.cfg.Bind != cfg.Bind || was.cfg.PortMin != cfg.PortMin || was.cfg.PortMax != cfg.PortMax || was.cfg.DSCP != cfg.DSCP {
			r.ports = e.newPorts(cfg)
		}
		all[name] = r
	}
	for name, r := range old { // first: what they leave to rest is known before anybody takes it
		if is := all[name]; is == nil || is.ports != r.ports {
			r.ports.retire()
		}
	}
	e.realms.set(all)
	return nil
}

// newPorts makes the port range of a realm.
func (e *Engine) newPorts(cfg Realm) *ports {
	p := newPorts(cfg.PortMin, cfg.PortMax, e.files)
	p.bind, p.dscp, p.past = cfg.Bind, cfg.DSCP, &e.closed
	return p
}

// openRealms opens what New is to have.
func (e *Engine) openRealms(want map[string]Realm) error {
	all := map[string]*realm{Inside: {
		name: Inside, cfg: Realm{Bind: netip.AddrFrom4([4]byte{127, 0, 0, 1}), AllowLoopback: true}, ports: newPorts(0, 0, e.files), door: -1,
	}}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		r, err := e.openRealm(name, want[name])
		if err != nil {
			return fmt.Errorf("media: realm %s: %w", name, err)
		}
		all[name] = r
	}
	e.realms.set(all)
	return nil
}
