package media

import (
	"net/netip"
	"time"
)

// Chosen here.
const (
	farewell    = 10 * time.Second // a browser sends checks, SRTP and its close_notify until it has heard of the end
	maxDeparted = 4096             // remembered by one socket; beyond that all are forgotten, which costs a few false alarms
)

// departed are sources of browsers whose call has just ended, each with the time it is forgotten at. What they still send is dropped as
// before, but nobody is alarmed.
type departed map[netip.AddrPort]int64

func (d departed) add(src netip.AddrPort, now int64) {
	if len(d) >= maxDeparted {
		clear(d)
	}
	d[src] = now + int64(farewell)
}

func (d departed) has(src netip.AddrPort, now int64) bool {
	until, ok := d[src]
	if ok && now > until {
		delete(d, src)
		return false
	}
	return ok
}
