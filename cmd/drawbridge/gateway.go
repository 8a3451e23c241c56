package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"drawbridge/admin"
	"drawbridge/b2bua"
	"drawbridge/config"
	"drawbridge/media"
	"drawbridge/registrar"
	"drawbridge/sip/resolve"
	"drawbridge/sip/transport"
	"drawbridge/sip/txn"
	"drawbridge/store"
	"drawbridge/store/guard"
	"drawbridge/telemetry"
	"drawbridge/telemetry/cdr"
	"drawbridge/telemetry/metrics"
	"drawbridge/web"
)

// extras are what a command adds to the configuration.
type extras struct {
	log    *slog.Logger
	events telemetry.Listener // hears everything, beside log, CDR and metrics
	demo   *web.Demo
	quiet  bool // no CDR file: the listener is the record

	load   func() (*config.Snapshot, error) // reads the configuration again; nil: there is no file
	hangup <-chan os.Signal                 // each signal asks for that; nil: nobody does
}

// gateway is one running Drawbridge: its parts, in the order in which they are built.
type gateway struct {
	current atomic.Pointer[current]
	log     *slog.Logger
	started time.Time

	records   *cdr.Writer // nil when the configuration turns them off
	metrics   *metrics.Metrics
	events    telemetry.Listener
	guard     *guard.Guard
	core      *txn.Core
	transport *transport.Transport
	resolver  *resolve.Resolver
	registrar *registrar.Registrar
	frauds    *store.Frauds
	media     *media.Engine
	scores    store.Scores // how the calls of trunks have been
	calls     *b2bua.Switch
	web       *web.Server
	admin     *admin.Server // nil when turned off
	shown     atomic.Pointer[shown]

	hangup   <-chan os.Signal // asks to read the configuration again
	draining atomic.Bool
	measured atomic.Int64 // transcoded calls that the machine carries; 0 until that is known
	slots    atomic.Int64 // the same, unless the configuration knows better
	late     lateness
	renewal  renewal
}

// open builds every part and opens every socket; nothing is served before run.
func open(ctx context.Context, snap *config.Snapshot, x extras) (*gateway, error) {
	g := &gateway{hangup: x.hangup, log: x.log, started: time.Now(), frauds: store.NewFrauds(fraudCounters)}
	g.renewal.load = x.load
	snap, err := g.findAddresses(ctx, nil, snap)
	if err != nil {
		return nil, err
	}
	first, err := newCurrent(snap, 1)
	if err != nil {
		return nil, err
	}
	g.current.Store(first)
	for _, w := range g.snap().Warnings {
		g.log.Warn("configuration", "warning", w)
	}
	g.warnMarks()
	for _, step := range []struct {
		name  string
		build func(extras) error
	}{
		{"telemetry", g.openTelemetry},
		{"transactions", g.openTransactions},
		{"resolver", g.openResolver},
		{"registrar", g.openRegistrar},
		{"media", g.openMedia},
		{"calls", g.openCalls},
		{"web", g.openWeb},
		{"admin", g.openAdmin},
	} {
		if err := step.build(x); err != nil {
			return nil, fmt.Errorf("%s: %w", step.name, err)
		}
	}
	g.gauges()
	return g, nil
}

// warnMarks says once which marks the system does not let us make. Their packets go unmarked.
func (g *gateway) warnMarks() {
	tried := map[int]bool{0: true} // no mark needs no leave
	for _, r := range g.snap().Realms {
		for _, dscp := range []int{r.DSCP.Signalling, r.DSCP.Audio, r.DSCP.RTCP} {
			if tried[dscp] {
				continue
			}
			tried[dscp] = true
			if err := transport.CanMark(uint8(dscp)); err != nil {
				g.log.Warn("packets go unmarked", "dscp", dscp, "error", err)
			}
		}
	}
}

func (g *gateway) openTelemetry(x extras) (err error) {
	g.metrics = metrics.New()
	sinks := []telemetry.Listener{telemetry.Slog(g.log), g.metrics.Listener(), x.events, {CallEnded: g.scored}}
	if file := g.snap().CDR.File; file != "off" && !x.quiet {
		if g.records, err = cdr.New(cdr.Config{File: file, Events: telemetry.Tee(sinks...)}); err != nil {
			return err
		}
		sinks = append(sinks, g.records.Listener())
	}
	if err := g.openGuard(telemetry.Tee(sinks...)); err != nil {
		return err
	}
	g.events = telemetry.Tee(append(sinks, g.guard.Listener())...)
	return nil
}

func (g *gateway) openTransactions(extras) (err error) {
	if g.core, err = txn.New(txn.Config{Server: "Drawbridge", Events: g.events, LFOnly: func(f txn.Flow) bool { return g.calls.LFOnly(f) }, Ignore: g.ignores, Answered: g.answered}); err != nil {
		return err
	}
	g.transport, err = transport.New(transport.Config{
		Listeners: listeners(g.snap()), TLS: realmKeys(g.snap()), Peers: tlsPeers(g.snap()), Receiver: g.core, Events: g.events, Allow: g.hears, Known: g.knows,
		Denied: g.guard.Denied, Datagram: g.guard.Message,
	})
	return err
}

// hears lets a datagram or a connection in when its realm is open or answers strangers, or its source belongs to one of the realm's trunks:
// to one that proves its name over TLS that may be any.
func (g *gateway) hears(realm, network string, src netip.Addr) bool {
	return g.now().heard[realm] || g.knows(realm, src) || network == "tls" && g.calls.Awaits(realm, src)
}

func (g *gateway) knows(realm string, src netip.Addr) bool { return g.calls.Knows(realm, src) }

// openResolver makes the resolver keep the host names of trunks fresh: their addresses are whom the realms hear.
func (g *gateway) openResolver(extras) (err error) {
	g.resolver, err = resolve.New(g.names(g.snap()))
	return err
}

func (g *gateway) openRegistrar(extras) (err error) {
	g.registrar, err = registrar.New(registrar.Config{
		Domain: g.snap().Users.Domain, Password: passwords(g.snap()), Algorithms: digests(g.snap()), Bulk: pbxs(g.snap()), Events: g.events,
	})
	return err
}

func (g *gateway) openMedia(extras) error {
	realms, err := mediaRealms(g.snap())
	if err != nil {
		return err
	}
	g.media, err = media.New(media.Config{Realms: realms, Events: g.events, Log: g.log, Spare: spareProcs(runtime.GOMAXPROCS(0))})
	return err
}

func (g *gateway) openCalls(extras) error {
	g.calls = b2bua.New(b2bua.Config{
		Settings: g.callSettings(g.now()),
		Core:     g.core, Media: g.media, Registrar: g.registrar, Events: g.events, Late: g.late.now, Frauds: g.frauds,
		Locate: g.locate, Auth: g.registrar.Authenticate, Flow: g.transport.To, Hops: g.resolver.Hops,
	})
	g.core.SetUser(g.calls)
	return nil
}

// locate finds an account's devices: registered contacts and JSON lines ring together.
func (g *gateway) locate(user string) []b2bua.Target {
	var targets []b2bua.Target
	for _, b := range g.registrar.Lookup(user) {
		targets = append(targets, b2bua.Target{Flow: b.Flow, Contact: b.Contact})
	}
	for _, l := range g.web.Lines(user) {
		targets = append(targets, b2bua.Target{Line: l})
	}
	return targets
}

func (g *gateway) openWeb(x extras) (err error) {
	w := g.snap().Web
	first, err := g.certificate(g.snap())
	if err != nil {
		return err
	}
	g.shown.Store(first)
	shown := func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return g.cert(), nil }
	g.web, err = web.New(web.Config{
		Listen: words(w.Listen), Plain: words(w.Plain), TLS: &tls.Config{GetCertificate: shown, MinVersion: tls.VersionTLS12},
		Control: transport.Mark(uint8(g.snap().Realms[w.Realm].DSCP.Signalling)),
		Realm:   w.Realm, Guests: guests(g.snap()), Demo: x.demo,
		Denied: func(src netip.Addr) bool { return g.guard.Denied(w.Realm, src) }, Proved: g.guard.Prove,
		SIP: inRealm(g.transport.ServeWS, w.Realm), Signals: g.calls, CheckPassword: g.registrar.CheckPassword, Events: g.events,
	})
	return err
}

// inRealm fixes the realm of a server of connections. C is the WebSocket, which is no business of this package.
func inRealm[C any](serve func(context.Context, C, string, bool, netip.AddrPort), realm string) func(context.Context, C, bool, netip.AddrPort) {
	return func(ctx context.Context, conn C, secure bool, local netip.AddrPort) {
		serve(ctx, conn, realm, secure, local)
	}
}

func (g *gateway) openAdmin(extras) (err error) {
	a := g.snap().Admin
	if a.Listen == config.Off {
		return nil
	}
	g.admin, err = admin.New(admin.Config{
		Listen: string(a.Listen), Public: a.Remote, PProf: a.Pprof, Metrics: g.metrics.Handler(), Log: g.log,
		Lists: g.lists(), Info: g.info, Calls: g.listCalls, Call: g.showCall, Draining: g.draining.Load, Route: g.explainRoute,
		Blocks: g.fraudBlocks, Unblock: g.unblock, Reload: g.reloadAsked,
	})
	return err
}

// run serves until ctx ends, drains, and returns when every part has ended. The call records close last, so that calls ended by the
// drain are in them.
func (g *gateway) run(ctx context.Context) error {
	written := make(chan error, 1)
	records, closeRecords := context.WithCancel(context.WithoutCancel(ctx))
	defer closeRecords()
	if g.records == nil {
		written <- nil
	} else {
		go func() { written <- g.records.Run(records) }()
	}
	err := g.serve(ctx)
	g.events.EmitLifecycle(telemetry.Lifecycle{What: "stopped"})
	closeRecords()
	return errors.Join(err, <-written)
}

// serve runs the actors together; the first to fail stops the rest.
func (g *gateway) serve(ctx context.Context) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	parts, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, parts := errgroup.WithContext(parts)
	for _, actor := range []func(context.Context) error{g.core.Run, g.media.Run, g.registrar.Run, g.resolver.Run, g.transport.Run, g.web.Run, g.guard.Run} {
		group.Go(func() error { return actor(parts) })
	}
	if g.admin != nil {
		group.Go(func() error { return g.admin.Run(parts) })
	}
	g.calls.Probe()
	g.calls.Enrol()
	g.events.EmitLifecycle(telemetry.Lifecycle{What: "started", Detail: "version " + version()})
	group.Go(func() error { return g.watchAddresses(parts) })
	group.Go(func() error { return g.renew(parts) })
	group.Go(func() error { return g.measure(parts) })
	group.Go(func() error { return g.watchLateness(parts) })
	group.Go(func() error { return keepMemory(parts) })
	group.Go(func() error {
		defer stop()
		select {
		case <-ctx.Done():
			return g.drain(parts)
		case <-parts.Done():
			return nil
		}
	})
	return ended(group.Wait())
}

// ended drops the error that only says that somebody was told to stop.
func ended(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// drain takes no new calls, waits for the running ones, and hangs up what is left at the deadline.
func (g *gateway) drain(ctx context.Context) error {
	g.draining.Store(true)
	g.events.EmitLifecycle(telemetry.Lifecycle{What: "draining", Detail: fmt.Sprintf("%d calls", g.calls.Active())})
	deadline, cancel := context.WithTimeout(ctx, g.snap().Drain.Timeout)
	defer cancel()
	if err := g.calls.Drain(deadline); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}
