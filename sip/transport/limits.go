package transport

import (
	"net/netip"
	"sync"
)

// flowLimits counts WebSocket flows, in all and for each source.
type flowLimits struct {
	total, each int

	mu      sync.Mutex
	open    int
	sources map[netip.Prefix]int // only sources with open flows
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

// take books a flow; false when a limit is reached.
func (l *flowLimits) take(s netip.Prefix) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open >= l.total || l.sources[s] >= l.each {
		return false
	}
	if l.sources == nil {
		l.sources = make(map[netip.Prefix]int)
	}
	l.open++
	l.sources[s]++
	return true
}

func (l *flowLimits) release(s netip.Prefix) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if l.sources[s]--; l.sources[s] == 0 {
		delete(l.sources, s)
	}
}

func (l *flowLimits) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open
}
