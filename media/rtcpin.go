package media

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"drawbridge/media/offer"
	"drawbridge/media/rtpmath"
)

// rtcpKind is what an RTCP packet is about, for the counters.
type rtcpKind uint8

const (
	kindReport    rtcpKind = iota // SR, RR
	kindSource                    // SDES
	kindBye                       // a source has left; the call has not
	kindExtended                  // XR
	kindNack                      // RFC 4585: audio that is late is of no use, so nothing is sent again
	kindBandwidth                 // TMMBR, REMB, transport-wide feedback: a codec's rate is negotiated in SDP here
	kindPicture                   // PLI, FIR, SLI: there is no picture
	kindOther
	numRTCPKinds
)

var rtcpKinds = [numRTCPKinds]string{
	kindReport: "report", kindSource: "source", kindBye: "bye", kindExtended: "extended", kindNack: "nack", kindBandwidth: "bandwidth",
	kindPicture: "picture", kindOther: "other",
}

// kindOf reads type and format of one packet. Feedback ends here, at the border: none of it is passed on or obeyed.
func kindOf(kind, format byte) rtcpKind {
	switch kind {
	case rtcpSR, rtcpRR:
		return kindReport
	case rtcpSDES:
		return kindSource
	case rtcpBYE:
		return kindBye
	case rtcpXR:
		return kindExtended
	case rtcpRTPFB:
		if format == 1 {
			return kindNack
		}
		return kindBandwidth
	case rtcpPSFB:
		if format == 15 { // application layer feedback: REMB
			return kindBandwidth
		}
		return kindPicture
	}
	return kindOther
}

// control takes one RTCP datagram of the leg.
func (g *leg) control(l *loop, b []byte, src netip.AddrPort) Drop {
	switch {
	case !g.bound:
		return DropUnbound
	case len(b) < rtcpHeader:
		return DropRTCP
	case g.secure && (g.crypt == nil || g.noRTCP()):
		return DropEarly
	}
	if g.secure {
		ssrc := ssrcOfRTCP(b)
		if !g.crypt.reporters.admit(ssrc, l.now) {
			return DropSSRC
		}
		var drop Drop
		if b, drop = g.crypt.unprotectRTCP(l, b); drop != Delivered {
			return drop
		}
		g.crypt.reporters.note(ssrc)
		if g.traced {
			g.trace(l, src)
		}
	}
	if g.profile == offer.RTP && !g.reporterOf(l, ssrcOfRTCP(b), src) {
		return DropSource
	}
	return g.consume(l, b)
}

// ssrcOfRTCP reads who has sent a datagram that has a whole header.
func ssrcOfRTCP(b []byte) uint32 { return binary.BigEndian.Uint32(b[4:]) }

// reporters are the last sources of authentic RTCP. The SRTCP context remembers every source there ever was, so a peer with keys may not
// bring as many as it likes (T14).
type reporters struct {
	ssrcs [sourceChanges + 1]uint32
	n     int
	since int64 // when the set was begun
}

// admit tells whether a source may report: one of these, or one more within a minute. It runs before authentication and adds none.
func (r *reporters) admit(ssrc uint32, now int64) bool {
	if slices.Contains(r.ssrcs[:r.n], ssrc) {
		return true
	}
	if r.n == len(r.ssrcs) && now-r.since > int64(sourceWindow) {
		r.n = 0
	}
	if r.n == 0 {
		r.since = now
	}
	return r.n < len(r.ssrcs)
}

// note keeps a source that has proved itself.
func (r *reporters) note(ssrc uint32) {
	if !slices.Contains(r.ssrcs[:r.n], ssrc) && r.n < len(r.ssrcs) {
		r.ssrcs[r.n] = ssrc
		r.n++
	}
}

// noRTCP tells a trunk with DTLS and without mux: its RTCP would need a handshake of its own (RFC 5764 section 4), and has none.
func (g *leg) noRTCP() bool { return g.profile == offer.RTP && g.st.Fingerprint != "" && !g.st.Mux }

// Chosen here: reports from another port of the peer's host that prove nothing else.
const (
	strayReports = 3               // from there, of one source
	straySpan    = 4 * time.Second // that they take at least: a peer reports each 2.05 s at most (RFC 3550 section 6.3.1), a burst is no peer
)

// stray is a port of the peer's host whose reports are on probation.
type stray struct {
	since int64
	ssrc  uint32
	port  uint16
	n     uint8 // stays at strayReports
}

// step counts one report; true when its port has passed.
func (s *stray) step(ssrc uint32, port uint16, now int64) bool {
	if s.n == 0 || ssrc != s.ssrc || port != s.port {
		*s = stray{since: now, ssrc: ssrc, port: port}
	}
	s.n = min(s.n+1, strayReports)
	return s.n == strayReports && now-s.since >= int64(straySpan)
}

// reporterOf tells whether src may report: the peer's RTCP address, or another port of its host, as NAT makes them, if something vouches for it.
// In clear anybody can put that host on a packet, so an unknown port is no sign of life, and its numbers are not read.
func (g *leg) reporterOf(l *loop, ssrc uint32, src netip.AddrPort) bool {
	to := g.rtcp // nil when reports go where RTP goes, and before there are any
	switch {
	case src == unmapped(g.st.RemoteRTCP), to != nil && src == to.to.addr:
		if to != nil && (src == to.to.addr || src == g.reportsTo()) { // not the private address of a peer that is behind NAT
			to.settle(src)
		}
		return true
	case !g.latch.source.IsValid() || src.Addr() != g.latch.source.Addr():
		return false
	}
	vouched := g.secure || src == g.latch.source || g.in.started && ssrc == g.in.ssrc
	if to == nil || g.st.Mux || to.settled && !g.secure {
		return vouched
	}
	if !vouched && !to.stray.step(ssrc, src.Port(), l.now) {
		return false
	}
	to.settle(src)
	return true
}

// consume walks a compound packet, or a part of one (RFC 5506): first whether it is whole, then what it says. Its last packet may be padded.
func (g *leg) consume(l *loop, b []byte) Drop {
	if !wholeRTCP(b) {
		return DropRTCP
	}
	g.vigil.report = l.now
	g.report.ofPeer()
	for len(b) > 0 {
		size := 4 + 4*int(binary.BigEndian.Uint16(b[2:]))
		body, count := b[:size], int(b[0]&0x1f)
		b = b[size:]
		l.count.rtcp[kindOf(body[1], byte(count))].Add(1)
		switch body[1] {
		case rtcpSR:
			g.report.peerSR, g.report.peerAt = binary.BigEndian.Uint32(body[10:]), l.now
			g.readBlocks(l, body[rtcpHeader+senderSize:], count)
		case rtcpRR:
			g.readBlocks(l, body[rtcpHeader:], count)
		case rtcpXR:
			g.readXR(body[rtcpHeader:])
		}
	}
	return Delivered
}

// wholeRTCP checks lengths and versions of every packet (RFC 3550 appendix A.2), before anything is believed.
func wholeRTCP(b []byte) bool {
	for len(b) > 0 {
		if len(b) < 4 || b[0]>>6 != 2 {
			return false
		}
		size := 4 + 4*int(binary.BigEndian.Uint16(b[2:]))
		least := 4
		switch count := int(b[0] & 0x1f); b[1] {
		case rtcpSR:
			least = rtcpHeader + senderSize + count*reportSize
		case rtcpRR:
			least = rtcpHeader + count*reportSize
		case rtcpXR:
			least = rtcpHeader
		}
		if size > len(b) || size < least {
			return false
		}
		b = b[size:]
	}
	return true
}

// Chosen here.
const (
	deafReports = 2  // in a row: one may have crossed with our first packets
	deafPackets = 50 // that we have sent meanwhile: a second of speech
)

// heardByPeer is what the peer reports of our stream.
type heardByPeer struct {
	known    bool   // there has been a report block about us
	lost     int64  // packets, over all of the peer's counts
	counted  int32  // its count in the newest report
	highest  uint32 // extended sequence number
	jitter   uint32 // in units of our clock
	sentThen uint64 // packets that we had sent by the newest report
	deaf     uint8  // reports in a row by which it hears nothing
	xr       *VoIPMetrics
}

// ofPeer is what the peer reports; the first report makes room for it, which is the one allocation of a leg here.
func (r *reporter) ofPeer() *heardByPeer {
	if r.peer == nil {
		r.peer = new(heardByPeer)
	}
	return r.peer
}

// anew follows a change of our source, of which the peer counts from the beginning. highest is the number before its first.
func (r *reporter) anew(sent uint64, highest uint16) {
	r.sentBefore = sent
	if p := r.peer; p != nil {
		p.counted, p.highest, p.deaf, p.sentThen = 0, uint32(highest), 0, sent
	}
}

// readBlocks takes what SR or RR say about us.
func (g *leg) readBlocks(l *loop, b []byte, blocks int) {
	if blocks == 0 {
		g.unheard()
		return
	}
	for ; blocks > 0; blocks, b = blocks-1, b[reportSize:] {
		if binary.BigEndian.Uint32(b) == g.out.ssrc {
			g.readBlock(l, b)
		}
	}
}

// unheard notes a report without a word about us. That is no fault as long as we have hardly sent.
func (g *leg) unheard() {
	if p := g.report.ofPeer(); g.out.packets-p.sentThen >= deafPackets {
		p.deaf = min(p.deaf+1, deafReports)
		p.sentThen = g.out.packets
	}
}

// readBlock takes the block about us: loss, jitter, round trip.
func (g *leg) readBlock(l *loop, b []byte) {
	p := g.report.ofPeer()
	g.reported(b[4])
	lost, highest := int32(binary.BigEndian.Uint32(b[4:])<<8)>>8, binary.BigEndian.Uint32(b[8:]) // 24 bits, signed
	if p.known && highest == p.highest {
		g.unheard()
	} else {
		p.deaf, p.sentThen = 0, g.out.packets
	}
	const late = 100 // packets that may be taken off the loss because they came after all; more is a peer that counts anew
	if step := lost - p.counted; step > -late {
		p.lost += int64(step)
	} else {
		p.lost += int64(max(lost, 0))
	}
	p.known, p.counted, p.highest, p.jitter = true, lost, highest, binary.BigEndian.Uint32(b[12:])
	lsr, dlsr := binary.BigEndian.Uint32(b[16:]), binary.BigEndian.Uint32(b[20:])
	if rtt, ok := rtpmath.RTT(rtpmath.Middle(l.ntp()), lsr, dlsr); ok && rtt < maxRTT {
		g.report.rtt = max(int64(rtt), 1)
	}
}

// maxRTT is the longest round trip that is believed. Chosen here: beyond it a peer has its clock wrong, or its report.
const maxRTT = 30 * time.Second
