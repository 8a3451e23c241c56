package main

import (
	"net/netip"
	"slices"

	"drawbridge/config"
	"drawbridge/sip/resolve"
	"drawbridge/sip/txn"
)

// The functions below turn the configuration into what the resolver needs.

func nameservers(snap *config.Snapshot) []netip.AddrPort {
	var out []netip.AddrPort
	for _, s := range snap.DNS.Servers {
		out = append(out, s.Addr)
	}
	return out
}

var families = map[string]resolve.Family{
	"v4-first": resolve.V4First, "v6-first": resolve.V6First, "v4": resolve.V4Only, "v6": resolve.V6Only,
}

// lookups says for each realm what its sockets can send. A realm one of whose addresses is an inside one is no public realm.
func lookups(snap *config.Snapshot) map[string]resolve.Realm {
	out := map[string]resolve.Realm{}
	for name, r := range snap.Realms {
		out[name] = resolve.Realm{Family: families[r.Family]}
	}
	for _, l := range listeners(snap) {
		r := out[l.Realm]
		if w := (resolve.Way{Network: l.Network, V6: l.Addr.Addr().Is6()}); !slices.Contains(r.Ways, w) {
			r.Ways = append(r.Ways, w)
		}
		shown := l.Advertise.Addr()
		if !shown.IsValid() {
			shown = l.Addr.Addr()
		}
		r.Private = r.Private || resolve.Inside(shown)
		out[l.Realm] = r
	}
	return out
}

// names is what the resolver has of a configuration.
func (g *gateway) names(snap *config.Snapshot) resolve.Config {
	learn := func(trunk string, hops []txn.Hop) { g.calls.Learn(trunk, hops) }
	return resolve.Config{Servers: nameservers(snap), Realms: lookups(snap), Watch: watched(snap, learn), Events: g.events}
}

// watched are the targets with a host name; learn hears where they lead.
func watched(snap *config.Snapshot, learn func(trunk string, hops []txn.Hop)) []resolve.Watch {
	var out []resolve.Watch
	for name, t := range snap.Trunks {
		for _, target := range t.Targets {
			if !target.Addr().IsValid() {
				out = append(out, resolve.Watch{Realm: t.Realm, URI: targetURI(target), Found: func(hops []txn.Hop) { learn(name, hops) }})
			}
		}
	}
	return out
}
