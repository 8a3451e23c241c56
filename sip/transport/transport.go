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

// Transport owns the UDP sockets and counts the WebSocket flows. Its methods may be called from any goroutine.
type Transport struct {
	cfg    Config
	udp    []*udpSocket
	flows  flowLimits
	errors atomic.Uint64
}

// Stats are the gauges and counters of a Transport.
type Stats struct {
	Flows      int    // WebSocket flows
	ReadErrors uint64 // UDP reads that failed while the socket was open
}

// New opens the sockets. Nothing is read until Run. Errors: ErrConfig, and those of the sockets.
func New(cfg Config) (*Transport, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	t := &Transport{cfg: cfg, flows: flowLimits{total: cfg.MaxFlows, each: cfg.MaxFlowsPerSource}}
	for _, l := range cfg.Listeners {
		s, err := t.openUDP(l)
		if err != nil {
			t.Close()
			return nil, fmt.Errorf("transport: realm %s: %w", l.Realm, err)
		}
		t.udp = append(t.udp, s)
	}
	return t, nil
}

// Run reads the sockets until ctx ends, closes them and returns ctx's cause when every reader has ended.
func (t *Transport) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, s := range t.udp {
		wg.Go(func() { s.read(ctx) })
	}
	<-ctx.Done()
	t.Close()
	wg.Wait()
	return context.Cause(ctx)
}

// Close closes the UDP sockets: for a Transport that is not going to Run.
func (t *Transport) Close() {
	for _, s := range t.udp {
		_ = s.conn.Close() // closing twice is fine, and there is nothing to flush
	}
}

// Addrs returns the bound addresses of a realm, in the order of the configuration.
func (t *Transport) Addrs(realm string) []netip.AddrPort {
	var out []netip.AddrPort
	for _, s := range t.udp {
		if s.realm == realm {
			out = append(out, s.local)
		}
	}
	return out
}

// UDP returns the flow from the realm's first UDP socket of the remote address's family. Error: ErrNoListener.
func (t *Transport) UDP(realm string, remote netip.AddrPort) (txn.Flow, error) {
	remote = unmap(remote)
	for _, s := range t.udp {
		if s.realm == realm && s.local.Addr().Is4() == remote.Addr().Is4() {
			return &udpFlow{s, remote}, nil
		}
	}
	return nil, fmt.Errorf("%w: udp to %s in realm %q", ErrNoListener, remote, realm)
}

// To returns the flow to a hop out of a realm. Errors: ErrNoListener.
func (t *Transport) To(realm string, hop txn.Hop) (txn.Flow, error) {
	if hop.Network != "udp" {
		return nil, fmt.Errorf("%w: %s in realm %q", ErrNoListener, hop.Network, realm)
	}
	return t.UDP(realm, hop.Addr)
}

// Stats returns the gauges and counters.
func (t *Transport) Stats() Stats {
	return Stats{Flows: t.flows.count(), ReadErrors: t.errors.Load()}
}

func (t *Transport) refused(kind, realm string, source netip.Addr, detail string) {
	t.cfg.Events.EmitRefused(telemetry.Refused{Kind: kind, Realm: realm, Source: source.String(), Detail: detail, Count: 1})
}
