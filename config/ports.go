package config

import (
	"maps"
	"slices"
)

// checkSockets checks that no two sockets of the realms are one.
func (r *Report) checkSockets(c *Config) {
	users := map[Listen]string{}
	for _, name := range slices.Sorted(maps.Keys(c.Realms)) {
		for i, l := range c.Realms[name].Listen {
			socket := l
			if l.Network == "tls" {
				socket.Network = "tcp"
			}
			if by, taken := users[socket]; taken && l.Addr.Port() != 0 {
				r.Addf(path{"realms", name, "listen"}.at(i), "%s is already in use by realm %s", l.Addr, by)
			}
			users[socket] = name
		}
	}
}

// checkPorts checks each range and that no two users of a port meet: ranges of realms, and SIP sockets within a range.
func (r *Report) checkPorts(c *Config) {
	names := slices.Sorted(maps.Keys(c.Realms))
	for i, name := range names {
		realm := c.Realms[name]
		at := path{"realms", name, "media", "ports"}
		p := realm.Media.Ports
		switch {
		case p.IsZero() || p == (PortRange{Set: true}):
			continue
		case p.Min > p.Max:
			r.Addf(at, "%d-%d: the first port is above the last", p.Min, p.Max)
			continue
		case p.Min < 1024:
			r.Addf(at, "%d-%d: ports below 1024 belong to the system", p.Min, p.Max)
		case p.Max-p.Min < 3:
			r.Addf(at, "%d-%d: a call takes a pair of ports, even and odd", p.Min, p.Max)
		}
		for _, l := range realm.Listen {
			if p.Contains(l.Addr.Port()) {
				r.Addf(at, "%d-%d contains the SIP port %d", p.Min, p.Max, l.Addr.Port())
			}
		}
		if udp := realm.Media.UDP; udp != nil && p.Contains(*udp) {
			r.Addf(at, "%d-%d contains the browsers' port %d", p.Min, p.Max, *udp)
		}
		r.checkForeignPorts(c, name, at)
		for _, other := range names[:i] {
			o := c.Realms[other].Media
			if o.Bind == realm.Media.Bind && o.Ports.overlaps(p) {
				r.Addf(at, "%d-%d overlaps the ports of realm %s (%d-%d) on the same address", p.Min, p.Max, other, o.Ports.Min, o.Ports.Max)
			}
		}
	}
}

// checkForeignPorts checks a range against the UDP sockets that other realms have on the same address.
func (r *Report) checkForeignPorts(c *Config, name string, at path) {
	m := c.Realms[name].Media
	p := m.Ports
	for _, other := range slices.Sorted(maps.Keys(c.Realms)) {
		if other == name {
			continue
		}
		o := c.Realms[other]
		for _, l := range o.Listen {
			shared := m.Bind.Addr == l.Addr.Addr() || l.Addr.Addr().IsUnspecified()
			if l.Network == "udp" && shared && p.Contains(l.Addr.Port()) {
				r.Addf(at, "%d-%d contains the SIP port %d of realm %s", p.Min, p.Max, l.Addr.Port(), other)
			}
		}
		if udp := o.Media.UDP; udp != nil && o.Media.Bind == m.Bind && p.Contains(*udp) {
			r.Addf(at, "%d-%d contains the browsers' port %d of realm %s", p.Min, p.Max, *udp, other)
		}
	}
}
