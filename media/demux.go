package media

import (
	"encoding/binary"
	"net/netip"
)

// Ingress, per event loop (one per core, batches of up to 64 datagrams):
//
//  1. read        recvmmsg; the socket tells the leg, or on a browser socket the source does
//  2. demux       first byte, RFC 7983; RTP and RTCP split by RFC 5761. An unknown source may only speak STUN
//  3. unprotect   SRTP, in place; this loop owns the inbound context
//  4. latch       authentic now: check or learn the source address, then count
//  5. forward     same codec: rewrite header, protect, send. Else: hand to the transcoder
//
// Steps 1-4 never block and never allocate. Every step may drop; see Drop. Bad datagrams are counted and change nothing.
func (l *loop) ingress(s *sock, first, n int) {
	if s.kind == sockDoor {
		clear(l.guests[first : first+n])
		for i := first - headStart; i < first; i++ {
			l.aheadAt(s.door, i, first, first+n)
		}
	}
	for i := first; i < first+n; i++ {
		if s.kind == sockDoor {
			l.aheadAt(s.door, i, first, first+n)
		}
		b, src := l.in.datagram(i)
		switch {
		case len(b) == 0:
			l.drop(DropMalformed, src, s.leg)
		case s.kind == sockDoor:
			l.admit(s.door, b, src)
		case s.kind == sockRTP && classify(b) == classDTLS && s.leg.shakesHands():
			l.drop(s.leg.ownHandshake(l, b, src), src, s.leg)
		case s.kind == sockRTCP || isRTCP(b):
			l.drop(s.leg.control(l, b, src), src, s.leg)
		default:
			l.drop(s.leg.media(l, b, src), src, s.leg)
		}
	}
}

// class is what RFC 7983 calls a packet by its first byte.
type class uint8

const (
	classNone class = iota
	classSTUN
	classDTLS
	classRTP
	classRTCP
)

// classify reads the first byte (RFC 7983 section 7), and the second to split RTP and RTCP (RFC 5761 section 4).
func classify(b []byte) class {
	if len(b) == 0 {
		return classNone
	}
	switch first := b[0]; {
	case first <= 3:
		return classSTUN
	case first >= 20 && first <= 63:
		return classDTLS
	case first < 128 || first > 191:
		return classNone
	case isRTCP(b):
		return classRTCP
	}
	return classRTP
}

// isRTCP tells RTCP packet types 192-223 from payload types, which must not be 64-95 where both share a port.
func isRTCP(b []byte) bool { return len(b) >= 2 && b[1] >= 192 && b[1] <= 223 }

// admit finds the leg of a datagram on a browser socket, and the loop that owns it.
func (l *loop) admit(d *door, b []byte, src netip.AddrPort) {
	g, drop := l.find(d, b, src)
	if drop == Delivered {
		if owner := g.session.owner.Load(); owner != l {
			drop = l.handOver(owner, g, d.id, l, b, src)
		} else {
			drop = l.browser(d, l, g, b, src)
		}
	} else if d.ended.has(src, l.now) {
		drop = DropEnded
	}
	l.drop(drop, src, g)
}

// find is step 2 for a source: STUN says whose it is, everything else must come from a source that a check has verified.
func (l *loop) find(d *door, b []byte, src netip.AddrPort) (*leg, Drop) {
	c := classify(b)
	if c == classSTUN {
		return l.addressee(b)
	}
	who, ok := d.known[src]
	switch {
	case ok:
		return who.leg, Delivered
	case c == classDTLS:
		return nil, DropDTLSUnvalidated
	case c == classNone:
		return nil, DropUnknown
	}
	return nil, DropSource
}

// browser serves a datagram for a leg of this loop that came in through via's socket of door d.
func (l *loop) browser(d *door, via *loop, g *leg, b []byte, src netip.AddrPort) Drop {
	if g.gone {
		return DropUnbound
	}
	switch classify(b) {
	case classSTUN:
		return g.check(l, d, via, b, src)
	case classDTLS:
		return g.handshake(l, d, b, src)
	case classRTP:
		return g.media(l, b, src)
	case classRTCP:
		return g.control(l, b, src)
	case classNone:
	}
	return DropUnknown
}

// packet is one RTP packet in a slot. The header has been read; the payload lies at b[start:end].
type packet struct {
	b          []byte
	marker     bool
	pt         uint8
	seq        uint16
	ts, ssrc   uint32
	start, end int
	ext        int64 // extended sequence number; set by step 4
	fresh      bool  // first of its source, or after a restart: nothing before it counts
}

func (p *packet) payload() []byte { return p.b[p.start:p.end] }

// rtpHeader is the length of a header without CSRC and extension: the only kind that we send.
const rtpHeader = 12

// parse walks the header, the extension and the padding (RFC 3550 section 5.1).
//
//	 0                   1                   2                   3
//	|V=2|P|X|  CC   |M|     PT      |       sequence number         |
//	|                           timestamp                           |
//	|           synchronization source (SSRC) identifier            |
//	|            contributing source (CSRC) identifiers ...         |
//	|      extension profile        |  length in words   |  ...     |
func (p *packet) parse(b []byte) bool {
	start, ok := payloadStart(b)
	if !ok {
		return false
	}
	// Field by field: a whole packet that is made elsewhere and copied waits for its own parts.
	p.b, p.start, p.end = b, start, len(b)
	p.marker, p.pt, p.seq = b[1]&0x80 != 0, b[1]&0x7f, binary.BigEndian.Uint16(b[2:])
	p.ts, p.ssrc = binary.BigEndian.Uint32(b[4:]), ssrcOf(b)
	p.ext, p.fresh = 0, false
	if b[0]&0x20 == 0 { // P: the last byte says how many bytes are padding, itself included
		return true
	}
	n := int(b[len(b)-1])
	if n == 0 || p.end-n < p.start {
		return false
	}
	p.end -= n
	return true
}

// payloadStart is the length of header and extension; false when b does not hold them.
func payloadStart(b []byte) (int, bool) {
	if len(b) < rtpHeader || b[0]>>6 != 2 {
		return 0, false
	}
	start := rtpHeader + 4*int(b[0]&0x0f) // CC
	if b[0]&0x10 != 0 {                   // X
		if len(b) < start+4 {
			return 0, false
		}
		start += 4 + 4*int(binary.BigEndian.Uint16(b[start+2:]))
	}
	return start, start <= len(b)
}

// ssrcOf reads the source of a packet that has a whole header.
func ssrcOf(b []byte) uint32 { return binary.BigEndian.Uint32(b[8:]) }

// putRTP writes a plain header in front of the payload at b[rtpHeader:].
func putRTP(b []byte, marker bool, pt uint8, seq uint16, ts, ssrc uint32) {
	b[0] = 2 << 6
	b[1] = pt & 0x7f
	if marker {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], seq)
	binary.BigEndian.PutUint32(b[4:], ts)
	binary.BigEndian.PutUint32(b[8:], ssrc)
}
