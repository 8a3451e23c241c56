package transport

import (
	"context"
	"net/netip"
	"slices"
)

// sockets are those that are open. Nobody changes the value: whoever opens or closes one makes another.
type sockets struct {
	udp     []*udpSocket      // in the order of the configuration; behind them those that are retired
	streams []*streamListener // the same
}

// socket is one that Run serves.
type socket interface {
	serve(ctx context.Context)
	close()
}

func (s *sockets) all() []socket {
	var out []socket
	for _, u := range s.udp {
		out = append(out, u)
	}
	for _, l := range s.streams {
		out = append(out, l)
	}
	return out
}

// opened finds the socket of a listener.
func (s *sockets) opened(l Listener) socket {
	for _, u := range s.udp {
		if u.as == l {
			return u
		}
	}
	for _, sl := range s.streams {
		if sl.as == l && !sl.retired.Load() { // a retired one has closed its door
			return sl
		}
	}
	return nil
}

// at finds who sits on the address of a listener that is not open itself.
func (s *sockets) at(l Listener) (Listener, bool) {
	same := func(o Listener) bool {
		return l.Addr.Port() != 0 && o.Addr == l.Addr && (o.Network == "udp") == (l.Network == "udp")
	}
	for _, u := range s.udp {
		if same(u.as) {
			return u.as, true
		}
	}
	for _, sl := range s.streams {
		if same(sl.as) && !sl.retired.Load() {
			return sl.as, true
		}
	}
	return Listener{}, false
}

// with is s and one more.
func (s *sockets) with(more socket) *sockets {
	out := &sockets{udp: slices.Clip(s.udp), streams: slices.Clip(s.streams)}
	switch more := more.(type) {
	case *udpSocket:
		out.udp = append(out.udp, more)
	case *streamListener:
		out.streams = append(out.streams, more)
	}
	return out
}

// bound are the addresses of a realm's sockets of a network.
func (s *sockets) bound(realm, network string) (out []netip.AddrPort) {
	if network == "udp" {
		for _, u := range s.udp {
			if u.realm == realm && !u.retired.Load() {
				out = append(out, u.local)
			}
		}
		return out
	}
	for _, l := range s.streams {
		if l.realm == realm && l.network == network && !l.retired.Load() {
			out = append(out, l.local)
		}
	}
	return out
}
