package transport

import (
	"net/netip"
	"sync"
)

// flowLimits counts the connections of a realm, or all WebSockets: in all and for each source. A connection is fresh until its first
// message; its bytes are those of messages that have begun and of a buffer beyond the one that everybody has.
type flowLimits struct {
	most allowance // in all
	each allowance // from one source
	peer int       // flows from one source that is known: a trunk may have a connection for each call

	mu      sync.Mutex
	all     usage
	sources map[netip.Prefix]usage // only sources with open flows
}

// allowance is how much may be in use; 0 is no limit.
type allowance struct{ flows, fresh, bytes int }

// usage is how much is.
type usage struct{ flows, fresh, bytes int }

func (u usage) plus(v usage) usage {
	return usage{u.flows + v.flows, u.fresh + v.fresh, u.bytes + v.bytes}
}

func (u usage) minus(v usage) usage {
	return usage{u.flows - v.flows, u.fresh - v.fresh, u.bytes - v.bytes}
}

func (u usage) within(a allowance) bool {
	return (a.flows == 0 || u.flows <= a.flows) && (a.fresh == 0 || u.fresh <= a.fresh) && (a.bytes == 0 || u.bytes <= a.bytes)
}

// source is whom a limit is for: an IPv4 address, or the /64 that one IPv6 customer has.
func source(a netip.Addr) netip.Prefix {
	bits := 64
	if a = a.Unmap(); a.Is4() {
		bits = 32
	}
	p, err := a.WithZone("").Prefix(bits)
	if err != nil {
		return netip.Prefix{} // no address, as a pipe: one source
	}
	return p
}

// take books what a source wants more; false when a limit is reached, and nothing is booked then.
func (l *flowLimits) take(s netip.Prefix, more usage, known bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	each := l.each
	if known {
		each.flows = l.peer
	}
	all, one := l.all.plus(more), l.sources[s].plus(more)
	if !all.within(l.most) || !one.within(each) {
		return false
	}
	if l.sources == nil {
		l.sources = make(map[netip.Prefix]usage)
	}
	l.all, l.sources[s] = all, one
	return true
}

// release gives back.
func (l *flowLimits) release(s netip.Prefix, less usage) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = l.all.minus(less)
	if one := l.sources[s].minus(less); one != (usage{}) {
		l.sources[s] = one
	} else {
		delete(l.sources, s)
	}
}

func (l *flowLimits) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.flows
}
