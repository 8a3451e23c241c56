package transport

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"

	"drawbridge/sip/txn"
	"drawbridge/telemetry"
)

// Transport owns the sockets of the realms and counts the WebSocket flows. Its methods may be called from any goroutine.
type Transport struct {
	cfg     Config
	sockets atomic.Pointer[sockets]
	tls     atomic.Pointer[tlsSide]
	streams streams
	narrow  narrow
	flows   flowLimits
	errors  atomic.Uint64
	join    chan socket   // to Run: one more to serve
	ended   chan struct{} // Run has returned

	mu     sync.Mutex
	next   *tlsSide // guarded by mu: without what is retired; nil when nothing is
	others []*keys  // guarded by mu: of servers beside this one; replaced, never written to
}

// Stats are the gauges and counters of a Transport.
type Stats struct {
	Flows      int    // WebSocket flows
	Streams    int    // TCP and TLS connections, those being made included
	ReadErrors uint64 // UDP reads and accepts that failed while the socket was open
}

// New reads the certificates and opens the sockets. No socket is read until Run. Errors: ErrConfig, and those of files and sockets.
func New(cfg Config) (*Transport, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	t := &Transport{
		cfg: cfg, flows: flowLimits{most: allowance{flows: cfg.MaxFlows}, each: allowance{flows: cfg.MaxFlowsPerSource}},
		join: make(chan socket), ended: make(chan struct{}),
	}
	t.sockets.Store(&sockets{})
	side, err := readTLS(cfg.TLS, cfg.Peers)
	if err != nil {
		return nil, err
	}
	t.tls.Store(side)
	for _, l := range cfg.Listeners {
		s, err := t.open(l, t.sockets.Load())
		if err != nil {
			t.Close()
			return nil, fmt.Errorf("transport: realm %s: %w", l.Realm, err)
		}
		t.sockets.Store(t.sockets.Load().with(s))
	}
	return t, nil
}

// open binds a listener. What it shares with the others of its realm is found among those.
func (t *Transport) open(l Listener, among *sockets) (socket, error) {
	if l.Network == "udp" {
		return t.openUDP(l)
	}
	return t.openStream(l, t.realmLimits(l.Realm, among))
}

// realmLimits are shared by the listeners of a realm.
func (t *Transport) realmLimits(realm string, among *sockets) *flowLimits {
	for _, l := range among.streams {
		if l.realm == realm {
			return l.limits
		}
	}
	return &flowLimits{
		most: allowance{flows: t.cfg.MaxFlows, fresh: maxFresh, bytes: maxHeld},
		each: allowance{flows: t.cfg.MaxFlowsPerSource, fresh: maxFreshEach, bytes: maxHeldEach},
		peer: maxPerPeer,
	}
}

// Run serves the sockets until ctx ends, closes them and every connection, and returns ctx's cause when every goroutine has ended.
func (t *Transport) Run(ctx context.Context) error {
	defer close(t.ended)
	var wg sync.WaitGroup
	for _, s := range t.sockets.Load().all() {
		wg.Go(func() { s.serve(ctx) })
	}
	wg.Go(func() { t.watchKeys(ctx) })
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case s := <-t.join:
			wg.Go(func() { s.serve(ctx) })
		}
	}
	t.Close()
	wg.Wait()
	return context.Cause(ctx)
}

// Close closes the sockets and ends the connections: for a Transport that is not going to Run.
func (t *Transport) Close() {
	open := t.sockets.Load()
	for _, l := range open.streams {
		l.close()
	}
	t.streams.close()
	for _, s := range open.udp {
		s.close()
	}
}

// Addrs returns the bound UDP addresses of a realm, in the order of the configuration.
func (t *Transport) Addrs(realm string) []netip.AddrPort { return t.sockets.Load().bound(realm, "udp") }

// StreamAddrs returns the bound addresses of a realm's listeners for "tcp" or "tls", in the order of the configuration.
func (t *Transport) StreamAddrs(realm, network string) []netip.AddrPort {
	return t.sockets.Load().bound(realm, network)
}

// datagrams is the flow to a hop over UDP.
func (t *Transport) datagrams(realm string, hop txn.Hop) (txn.Flow, error) {
	f, err := t.udpTo(realm, hop.Addr)
	switch {
	case err != nil:
		return nil, err
	case hop.Strict:
		return f, nil
	}
	return &widened{f}, nil
}

// UDP returns the flow from the realm's first UDP socket of the remote address's family. Error: ErrNoListener.
func (t *Transport) UDP(realm string, remote netip.AddrPort) (txn.Flow, error) {
	f, err := t.udpTo(realm, remote)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (t *Transport) udpTo(realm string, remote netip.AddrPort) (*udpFlow, error) {
	remote = unmap(remote)
	for _, s := range t.sockets.Load().udp { // those that are retired come last
		if s.realm == realm && s.local.Addr().Is4() == remote.Addr().Is4() {
			return &udpFlow{s, remote}, nil
		}
	}
	return nil, fmt.Errorf("%w: udp to %s in realm %q", ErrNoListener, remote, realm)
}

// To returns the flow to a hop out of a realm, without waiting for it. Errors: ErrNoListener, ErrLimit, ErrClosed.
func (t *Transport) To(realm string, hop txn.Hop) (txn.Flow, error) {
	if hop.Network == "udp" {
		return t.datagrams(realm, hop)
	}
	return t.Stream(realm, hop)
}

// Stats returns the gauges and counters.
func (t *Transport) Stats() Stats {
	return Stats{Flows: t.flows.count(), Streams: t.streams.count(), ReadErrors: t.errors.Load()}
}

// denied reports whether nobody listens to an address.
func (t *Transport) denied(realm string, src netip.Addr) bool {
	return t.cfg.Denied != nil && t.cfg.Denied(realm, src)
}

func (t *Transport) refused(kind, realm string, source netip.Addr, detail string) {
	t.cfg.Events.EmitRefused(telemetry.Refused{Kind: kind, Realm: realm, Source: source.String(), Detail: detail, Count: 1})
}
