package main

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"drawbridge/config"
	"drawbridge/media"
)

// askEvery is how often the STUN servers are asked again. A public address that changes is seldom, and a call set up after it is mute.
const askEvery = 5 * time.Minute

// findAddresses asks the STUN servers of realms for the addresses to announce. A gateway that does not know its address does not start:
// every call would be mute in one direction. What was found before, for a realm that still asks the same server, stays: calls and sockets
// have announced it.
func (g *gateway) findAddresses(ctx context.Context, before, snap *config.Snapshot) (*config.Snapshot, error) {
	found := map[string]netip.Addr{}
	for name, r := range snap.Realms {
		if r.Media.Advertise.STUN == "" {
			continue
		}
		if before != nil && before.Realms[name].Media.Advertise.STUN == r.Media.Advertise.STUN {
			found[name] = before.Realms[name].Media.Advertise.Addr
			continue
		}
		p, err := media.AskPublic(ctx, bound(r.Media), r.Media.Advertise.STUN)
		if err != nil {
			return nil, fmt.Errorf("realm %s: media.advertise: %w", name, err)
		}
		g.log.Info("public address", "realm", name, "addr", p.Addr)
		if !p.Ports {
			g.log.Warn("the NAT changes ports: peers may not reach those that are announced", "realm", name, "addr", p.Addr)
		}
		found[name] = p.Addr
	}
	return snap.Advertising(found), nil
}

// watchAddresses asks again now and then, and warns when what is announced is no longer true.
func (g *gateway) watchAddresses(ctx context.Context) error {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		for name, r := range g.snap().Realms {
			if r.Media.Advertise.STUN == "" {
				continue
			}
			if p, err := media.AskPublic(ctx, bound(r.Media), r.Media.Advertise.STUN); err == nil && p.Addr != r.Media.Advertise.Addr {
				g.log.Warn("the public address has changed: restart to announce it", "realm", name, "announced", r.Media.Advertise.Addr, "addr", p.Addr)
			}
		}
	}
}
