package media

import (
	"net/netip"
	"time"
)

// Chosen here.
const (
	latchPackets = 5                      // packets that follow each other: a spray of single packets learns nothing
	latchWindow  = 300 * time.Millisecond // for these
	latchSilence = time.Second            // a source that has been heard within is not replaced
)

// latch decides who is the peer of a plain RTP leg ("comedia"). The announced address always is. Another port of the announced host may
// become it when the present one is silent, after a few packets in sequence, once for each offer/answer, and only if it is nobody else's
// peer (T12). Another host never does.
type latch struct {
	announced netip.AddrPort
	source    netip.AddrPort // who is believed
	heard     int64          // last packet of source; 0 never
	budget    bool           // one re-latch is left
	probe     probation
}

// probation counts the packets of a source that would like to be the peer.
type probation struct {
	src   netip.AddrPort
	ssrc  uint32
	next  uint16 // sequence number that goes on
	n     int
	since int64
}

// announce sets what SDP said. The believed source survives when SDP says the same again.
func (la *latch) announce(addr netip.AddrPort) {
	la.budget = true
	la.probe = probation{}
	if addr != la.announced {
		la.announced, la.source, la.heard = addr, addr, 0
	}
}

// accept judges one packet; moved says that the peer's address is another one from now on.
func (la *latch) accept(p *packet, src netip.AddrPort, now int64, taken func(netip.AddrPort) bool) (ok, moved bool) {
	switch {
	case src == la.source:
		la.heard = now
		return true, false
	case src == la.announced:
		la.source, la.heard = src, now
		return true, true
	case src.Addr() != la.announced.Addr(): // whoever sprays the port range would hear a call whose peer is silent
		return false, false
	case !la.budget || (la.heard != 0 && now-la.heard < int64(latchSilence)):
		return false, false
	case !la.probe.step(p, src, now) || taken(src):
		return false, false
	}
	la.source, la.heard, la.budget = src, now, false
	return true, true
}

// step counts one packet; true when the source has passed.
func (pr *probation) step(p *packet, src netip.AddrPort, now int64) bool {
	if src != pr.src || p.ssrc != pr.ssrc || p.seq != pr.next || now-pr.since > int64(latchWindow) {
		*pr = probation{src: src, ssrc: p.ssrc, since: now}
	}
	pr.n++
	pr.next = p.seq + 1
	return pr.n >= latchPackets
}

// sendable tells whether a peer may be sent to at all (T22): offer has judged the SDP, this is the last door.
func sendable(a netip.AddrPort, loopback bool) bool {
	ip := a.Addr()
	switch {
	case !a.IsValid() || a.Port() == 0 || ip.IsUnspecified() || ip.IsMulticast() || ip.IsLinkLocalUnicast():
		return false
	case ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return false
	}
	return loopback || !ip.IsLoopback()
}
