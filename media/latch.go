package media

import (
	"net/netip"
	"time"
)

// Chosen here.
const (
	latchPackets = 5                      // packets that follow each other: a spray of single packets learns nothing
	latchSpan    = 60 * time.Millisecond  // and last as long as speech does: a burst between two packets of the peer learns nothing
	latchWindow  = 300 * time.Millisecond // for these
	latchSilence = time.Second            // a source that has been heard within is not replaced by one of its own standing
)

// latch decides who is the peer of a plain RTP leg ("comedia"). The announced address always is. Somebody else may become it when the
// present one is silent, after a few packets in sequence, once for each offer/answer, if a reason vouches for him (standing) and he is
// nobody else's peer (T12). A source that another host has got hold of is given up for one with a better reason, silent or not. Another
// port of the announced host is given up like that for the announced address, once that has spoken. One that never has waits for silence: its
// peer may well send from another port, and then packets that claim the address are forged.
type latch struct {
	announced netip.AddrPort
	source    netip.AddrPort // who is believed
	heard     int64          // last packet of source; 0 never
	budget    bool           // one re-latch is left
	spoke     bool           // the announced address had been heard when another took its place
	probe     probation
	nat       netip.Addr     // host that signals for a peer behind NAT; invalid: it is not behind one
	prefixes  []netip.Prefix // where a trunk's media may come from
}

// standing is why a source may be the peer, the better reasons last.
type standing uint8

const (
	standsNot      standing = iota
	standsPrefix            // a host of the trunk's media prefixes
	standsNAT               // the host that signals for a peer behind NAT
	standsHost              // another port of the announced host
	standsByItself          // the announced address
)

func (la *latch) standing(src netip.AddrPort) standing {
	switch host := src.Addr(); {
	case src == la.announced:
		return standsByItself
	case host == la.announced.Addr():
		return standsHost
	case host == la.nat:
		return standsNAT
	case la.known(host):
		return standsPrefix
	}
	return standsNot // whoever sprays the port range would hear a call whose peer is silent
}

// aimable tells whether the believed source may be sent to. A peer that signals from a public address and announces a private one has named
// some host of our networks, if any: nothing leaves before its packets have come from where it signals, or a trunk's prefixes know the host.
func (la *latch) aimable() bool {
	return !la.nat.IsValid() || la.source.Addr() != la.announced.Addr() || la.known(la.announced.Addr())
}

// known tells a host of the trunk's media prefixes.
func (la *latch) known(host netip.Addr) bool {
	for _, p := range la.prefixes {
		if p.Contains(host) {
			return true
		}
	}
	return false
}

// probation counts the packets of a source that would like to be the peer.
type probation struct {
	src   netip.AddrPort
	since int64
	ssrc  uint32
	next  uint16 // sequence number that goes on
	n     uint8  // stays at latchPackets
	rank  standing
}

// announce sets what SDP said. The believed source survives when SDP says the same again.
func (la *latch) announce(addr netip.AddrPort, nat netip.Addr) {
	la.budget, la.nat = true, nat
	la.probe = probation{}
	if addr != la.announced {
		la.announced, la.source, la.heard, la.spoke = addr, addr, 0, false
	}
}

// accept judges one packet; moved says that the peer's address is another one from now on.
func (la *latch) accept(p *packet, src netip.AddrPort, now int64, taken func(netip.AddrPort) bool) (ok, moved bool) {
	if src == la.source {
		la.heard = now
		return true, false
	}
	rank, present := la.standing(src), la.standing(la.source)
	better := rank > present && (present < standsHost || la.spoke)
	silent := la.heard == 0 || now-la.heard >= int64(latchSilence)
	free := better || src == la.announced // needs no budget
	switch {
	case rank == standsNot, !better && !silent, !free && !la.budget:
		return false, false
	case !la.probe.step(p, src, rank, now), src != la.announced && taken(src):
		return false, false
	}
	la.spoke = la.spoke || (la.source == la.announced && la.heard != 0)
	la.source, la.heard, la.probe = src, now, probation{}
	la.budget = la.budget && free
	return true, true
}

// step counts one packet; true when the source has passed. Nobody disturbs the probation of a source that stands better.
func (pr *probation) step(p *packet, src netip.AddrPort, rank standing, now int64) bool {
	running := pr.n > 0 && now-pr.since <= int64(latchWindow)
	if running && rank < pr.rank {
		return false
	}
	if !running || src != pr.src || p.ssrc != pr.ssrc || p.seq != pr.next {
		*pr = probation{src: src, rank: rank, ssrc: p.ssrc, since: now}
	}
	pr.n = min(pr.n+1, latchPackets)
	pr.next = p.seq + 1
	return pr.n >= latchPackets && now-pr.since >= int64(latchSpan)
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
