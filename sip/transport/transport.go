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
	cfg       Config
	udp       []*udpSocket
	listening []*streamListener
	streams   streams
	narrow    narrow
	tls       tlsSide
	flows     flowLimits
	errors    atomic.Uint64
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
	t := &Transport{cfg: cfg, flows: flowLimits{most: allowance{flows: cfg.MaxFlows}, each: allowance{flows: cfg.MaxFlowsPerSource}}}
	if err := t.openTLS(); err != nil {
		return nil, err
	}
	for _, l := range cfg.Listeners {
		if err := t.open(l); err != nil {
			t.Close()
			return nil, fmt.Errorf("transport: realm %s: %w", l.Realm, err)
		}
	}
	return t, nil
}

func (t *Transport) open(l Listener) error {
	if l.Network == "udp" {
		s, err := t.openUDP(l)
		if err == nil {
			t.udp = append(t.udp, s)
		}
		return err
	}
	s, err := t.openStream(l)
	if err == nil {
		t.listening = append(t.listening, s)
	}
	return err
}

// realmLimits are shared by the listeners of a realm.
func (t *Transport) realmLimits(realm string) *flowLimits {
	for _, l := range t.listening {
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
	var wg sync.WaitGroup
	for _, s := range t.udp {
		wg.Go(func() { s.read(ctx) })
	}
	for _, l := range t.listening {
		wg.Go(func() { l.accept(ctx) })
	}
	wg.Go(func() { t.watchKeys(ctx) })
	<-ctx.Done()
	t.Close()
	wg.Wait()
	return context.Cause(ctx)
}

// Close closes the sockets and ends the connections: for a Transport that is not going to Run.
func (t *Transport) Close() {
	for _, l := range t.listening {
		_ = l.ln.Close() // closing twice is fine
	}
	t.streams.close()
	for _, s := range t.udp {
		_ = s.conn.Close() // closing twice is fine, and there is nothing to flush
	}
}

// Addrs returns the bound UDP addresses of a realm, in the order of the configuration.
func (t *Transport) Addrs(realm string) []netip.AddrPort {
	var out []netip.AddrPort
	for _, s := range t.udp {
		if s.realm == realm {
			out = append(out, s.local)
		}
	}
	return out
}

// StreamAddrs returns the bound addresses of a realm's listeners for "tcp" or "tls", in the order of the configuration.
func (t *Transport) StreamAddrs(realm, network string) []netip.AddrPort {
	var out []netip.AddrPort
	for _, l := range t.listening {
		if l.realm == realm && l.network == network {
			out = append(out, l.local)
		}
	}
	return out
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
	for _, s := range t.udp {
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
