package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"drawbridge/admin"
	"drawbridge/config"
	"drawbridge/media"
	"drawbridge/sip/resolve"
	"drawbridge/sip/transport"
	"drawbridge/telemetry"
)

// Chosen here.
const (
	settleEvery = time.Second
	settleAfter = 32 * time.Second // 64*T1: what was under way without a call is over, too
)

var (
	errNoFile   = errors.New("the gateway runs without a configuration file")
	errDraining = errors.New("the gateway is draining")
)

// renewal is what is to know of configurations that came, and of those that did not.
type renewal struct {
	load func() (*config.Snapshot, error) // nil: there is no file

	turn     sync.Mutex // one at a time changes what is in force; guards leftover
	leftover time.Time  // since when something is kept for calls of before; zero: nothing is

	mu   sync.Mutex // nobody waits for it while a configuration is read; guards what is told of reloads
	last outcome
	tries,
	refusals uint64
}

// note keeps what came of a reload.
func (r *renewal) note(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = outcome{time.Now(), err}
	r.tries++
	if err != nil {
		r.refusals++
	}
}

// outcome is what came of a reload.
type outcome struct {
	at  time.Time // zero: there was none
	err error
}

// reload reads the configuration again and puts it into force whole, or leaves everything as it is and says why. Calls that have begun
// keep what they began with. One at a time; whoever comes meanwhile waits, and reads the file after that.
func (g *gateway) reload(ctx context.Context) (*current, error) {
	r := &g.renewal
	r.turn.Lock()
	defer r.turn.Unlock()
	next, err := g.replace(ctx)
	r.note(err)
	if err != nil {
		g.events.EmitLifecycle(telemetry.Lifecycle{What: "configuration refused", Detail: err.Error()})
		return nil, err
	}
	for _, w := range next.snap.Warnings {
		g.log.Warn("configuration", "warning", w)
	}
	g.events.EmitLifecycle(telemetry.Lifecycle{What: "configuration", Detail: fmt.Sprintf("number %d, %s", next.version.Number, next.version.Digest)})
	return next, nil
}

// replace makes everything of a new configuration that may fail, and then uses it.
func (g *gateway) replace(ctx context.Context) (*current, error) {
	switch {
	case g.renewal.load == nil:
		return nil, errNoFile
	case g.draining.Load():
		return nil, errDraining
	}
	snap, err := g.renewal.load()
	if err != nil {
		return nil, err
	}
	old := g.now()
	if snap, err = g.findAddresses(ctx, old.snap, snap); err != nil {
		return nil, err
	}
	if err := g.changeable(old.snap, snap); err != nil {
		return nil, err
	}
	next, err := newCurrent(snap, old.version.Number+1)
	if err != nil {
		return nil, err
	}
	m, err := g.make(old, next)
	if err != nil {
		return nil, err
	}
	return next, g.use(m)
}

// made is a configuration with all that had to be opened or read for it.
type made struct {
	*current
	media   map[string]media.Realm
	names   resolve.Config
	sockets *transport.Change
	shown   *shown
}

// make opens and reads what is new. When it fails nothing is left of it.
func (g *gateway) make(old, next *current) (m *made, err error) {
	m = &made{current: next, names: g.names(next.snap), shown: g.shown.Load()}
	if m.media, err = mediaRealms(next.snap); err != nil {
		return nil, err
	}
	if err := g.media.CheckRealms(m.media); err != nil {
		return nil, err
	}
	if m.sockets, err = g.transport.Prepare(listeners(next.snap), realmKeys(next.snap), tlsPeers(next.snap)); err != nil {
		return nil, err
	}
	if next.snap.Web.TLS != old.snap.Web.TLS {
		if m.shown, err = g.certificate(next.snap); err != nil {
			m.sockets.Discard()
			return nil, err
		}
	}
	return m, nil
}

// use puts a configuration into force. First comes what it adds, then the calls turn to it; what it takes away stays for the calls that
// began before (see settle). An error leaves everything as it was.
func (g *gateway) use(m *made) error {
	wide := m.names
	wide.Realms = maps.Clone(lookups(g.snap()))
	maps.Copy(wide.Realms, m.names.Realms)
	if err := g.resolver.Set(wide); err != nil {
		m.sockets.Discard()
		return err
	}
	if err := g.media.SetRealms(g.widened(m.media)); err != nil {
		m.sockets.Discard()
		return errors.Join(err, g.resolver.Set(g.names(g.snap())))
	}
	maps.Copy(m.heard, g.now().heard) // for phones in calls of before
	m.sockets.Commit()
	g.registrar.Set(passwords(m.snap), digests(m.snap), pbxs(m.snap))
	g.guard.Set(guardSettings(m.snap))
	g.current.Store(m.current)
	g.calls.Set(g.callSettings(m.current))
	g.web.Set(guests(m.snap))
	if old := g.shown.Swap(m.shown); old != m.shown {
		old.forget()
	}
	g.setSlots(m.snap)
	g.renewal.leftover = time.Now()
	return nil
}

// widened are new media realms beside those of before, which calls that are being set up may still ask for.
func (g *gateway) widened(next map[string]media.Realm) map[string]media.Realm {
	wide, err := mediaRealms(g.snap())
	if err != nil {
		return next
	}
	maps.Copy(wide, next)
	return wide
}

// settle takes away what was kept for calls that began with earlier configurations, when the last of them is over.
func (g *gateway) settle() {
	r := &g.renewal
	r.turn.Lock()
	defer r.turn.Unlock()
	if r.leftover.IsZero() || time.Since(r.leftover) < settleAfter || !g.calls.Settled() {
		return
	}
	r.leftover = time.Time{}
	narrow := *g.now()
	narrow.heard = hearing(narrow.snap)
	g.current.Store(&narrow)
	g.transport.Retire()
	realms, err := mediaRealms(g.snap())
	if err == nil {
		err = errors.Join(g.media.SetRealms(realms), g.resolver.Set(g.names(g.snap())))
	}
	if err != nil {
		g.log.Error("configuration", "error", err) // it was good a moment ago
	}
}

// renew reads the configuration again at each hang-up, and settles, until ctx ends.
func (g *gateway) renew(ctx context.Context) error {
	tick := time.NewTicker(settleEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-g.hangup:
			_, _ = g.reload(ctx) // it has said what came of it
		case <-tick.C:
			g.settle()
		}
	}
}

// reloadAsked serves POST /v1/reload.
func (g *gateway) reloadAsked(ctx context.Context) (any, error) {
	next, err := g.reload(context.WithoutCancel(ctx)) // it is not half a reload because nobody listens any more
	switch {
	case errors.Is(err, errNoFile), errors.Is(err, errDraining):
		return nil, fmt.Errorf("%w: %w", admin.ErrState, err)
	case err != nil:
		return nil, err
	}
	return next.version, nil
}

// configInfo is what /v1/info says of the configuration.
type configInfo struct {
	telemetry.Version
	Since   time.Time  `json:"since"`
	Refused string     `json:"refused,omitempty"` // why the newest one is not in force
	Tried   *time.Time `json:"tried,omitempty"`   // the last reload
}

func (g *gateway) configInfo() configInfo {
	c, r := g.now(), &g.renewal
	out := configInfo{Version: c.version, Since: c.since}
	last := reloads(r, func(r *renewal) outcome { return r.last })
	if !last.at.IsZero() {
		out.Tried = &last.at
	}
	if last.err != nil {
		out.Refused = last.err.Error()
	}
	return out
}

// reloads reads something of what is told of reloads.
func reloads[T any](r *renewal, read func(*renewal) T) T {
	r.mu.Lock()
	defer r.mu.Unlock()
	return read(r)
}

func (g *gateway) configGauges() {
	m, r := g.metrics, &g.renewal
	m.Gauge("drawbridge_config_version", "How many configurations have been in force since the start.", func() float64 { return float64(g.now().version.Number) })
	m.Gauges("drawbridge_config_info", "1 for the digest of the configuration in force.", "digest", func() map[string]float64 {
		return map[string]float64{g.now().version.Digest: 1}
	})
	m.Gauge("drawbridge_config_reload_ok", "Whether the last reload was taken; 1 without any.", func() float64 {
		return reloads(r, func(r *renewal) float64 { return map[bool]float64{true: 1}[r.last.err == nil] })
	})
	m.Gauge("drawbridge_config_reload_timestamp_seconds", "When the configuration was read again last, Unix time; 0 without any.", func() float64 {
		return reloads(r, func(r *renewal) float64 {
			if r.last.at.IsZero() {
				return 0
			}
			return float64(r.last.at.Unix())
		})
	})
	m.Counters("drawbridge_config_reloads_total", "Reloads by what came of them.", "result", func() map[string]uint64 {
		return reloads(r, func(r *renewal) map[string]uint64 {
			return map[string]uint64{"taken": r.tries - r.refusals, "refused": r.refusals}
		})
	})
}
