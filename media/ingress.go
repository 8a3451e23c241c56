package media

import (
	"net/netip"

	"drawbridge/media/offer"
)

// media takes one RTP datagram of the leg through steps 3 to 5.
func (g *leg) media(l *loop, b []byte, src netip.AddrPort) Drop {
	if !g.bound {
		return DropUnbound
	}
	if len(b) < rtpHeader {
		return DropMalformed
	}
	if !g.in.admits(ssrcOf(b), l.now) {
		return DropSSRC
	}
	b, drop := g.unprotect(l, b)
	if drop != Delivered {
		return drop
	}
	p := &l.packet
	if !p.parse(b) {
		return DropMalformed
	}
	event := g.isEvent(p.pt)
	other := false
	if !event && p.pt != g.brief.recv && !isComfort(p.pt, g.st.Recv) {
		if other = g.mayChange(l, p.pt); !other {
			return DropPayloadType
		}
	}
	if !g.authentic(l, p, src) {
		return DropSource
	}
	if !g.secure && !g.in.believes(p, g.vigil.audio, l.now) {
		return DropSSRC
	}
	if drop := g.in.receive(p, l.now, event); drop != Delivered {
		return drop
	}
	if p.fresh {
		g.renew(l)
	}
	if other {
		g.change(l, p.pt)
	}
	g.vigil.audio = l.now
	l.rtpIn++
	if g.in.packets == 1 {
		g.openRTCP(l)
		g.session.stage(EventRTP, g.id, "rtp")
	}
	if size := p.end - p.start; !g.police.admits(size, l.now) {
		l.count.policed.Add(uint64(size))
		return DropPolice
	}
	return g.forward(l, p, event)
}

// renew begins with another source, or with another numbering of the same: whatever becomes of its first packet, places in the stream of before
// mean nothing any more, nor do the times of its digits.
func (g *leg) renew(l *loop) {
	g.pause()
	g.endDigit(l)
	g.event = eventIn{at: g.event.at}
}

// isEvent tells whether a payload type is telephone-event: ours, or the peer's own when it answered with another one than was offered.
// RFC 3264 section 5.1 has it send with ours, many phones do not.
func (g *leg) isEvent(pt uint8) bool {
	st := g.brief
	return st.events && (pt == st.recvEvent || pt == st.sendEvent && pt != st.recv)
}

// unprotect is step 3. On a leg that must be encrypted nothing else gets past.
func (g *leg) unprotect(l *loop, b []byte) ([]byte, Drop) {
	if !g.secure {
		return b, Delivered
	}
	if g.crypt == nil {
		return nil, DropEarly
	}
	return g.crypt.unprotect(l, b)
}

// authentic is step 4. An SRTP packet is by now; a plain one must come from the peer.
func (g *leg) authentic(l *loop, p *packet, src netip.AddrPort) bool {
	if g.profile == offer.WebRTC {
		if g.traced {
			g.trace(l, src)
		}
		return true
	}
	was := g.latch.source
	ok, moved := g.latch.accept(p, src, l.now, l.engine.claimed)
	if moved {
		if was != g.latch.announced {
			l.engine.disclaim(was)
		}
		if src != g.latch.announced {
			l.engine.claim(src)
		}
		g.redirect()
	}
	return ok
}

// forward is step 5: the path to the other leg, if both directions allow it.
func (g *leg) forward(l *loop, p *packet, event bool) Drop {
	if !g.brief.mayRecv {
		g.pause()
		return DropHeld
	}
	if event {
		return g.digitIn(l, p)
	}
	if g.onward == nil {
		return DropUnbound
	}
	if other := g.session.legs[1-g.id]; !other.brief.maySend || !other.ready() {
		g.pause()
		return DropHeld
	}
	if p.pt == comfortPT && p.pt != g.brief.recv {
		if t, ok := g.onward.(comforter); ok {
			return t.comfort(l, p)
		}
		return DropPayloadType
	}
	return g.onward.forward(l, p)
}

// pause tells the path that packets were left out on purpose: no gap is to be seen when it goes on.
func (g *leg) pause() {
	if g.onward != nil {
		g.onward.pause()
	}
}

// ready tells whether media can be sent to the peer at all. A leg that must be encrypted waits for its keys.
func (g *leg) ready() bool {
	return g.bound && g.open && !g.gone && (!g.secure || g.crypt != nil)
}

// send protects a whole RTP packet in place and puts it on its way. b must have tailRoom behind it.
func (g *leg) send(l *loop, b []byte) Drop {
	payload := len(b) - rtpHeader
	if g.secure {
		if g.crypt == nil { // the keys have gone since somebody looked
			return DropEarly
		}
		if b = g.crypt.protect(l, b); b == nil {
			return DropSend
		}
	}
	if g.profile == offer.WebRTC {
		l.queue(g.door, b, &g.to)
	} else {
		l.queueOwn(g.rtp.fd, b, &g.to)
	}
	g.out.count(payload)
	l.rtpOut++
	return Delivered
}

// inPlace gives the packet's payload a plain header of ours in front of it: extensions, CSRC and padding do not cross the border.
func (p *packet) inPlace(marker bool, pt uint8, seq uint16, ts, ssrc uint32) []byte {
	b := p.b[p.start-rtpHeader : p.end]
	putRTP(b, marker, pt, seq, ts, ssrc)
	return b
}
