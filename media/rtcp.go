package media

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"time"

	"drawbridge/media/offer"
	"drawbridge/media/rtpmath"
)

// RTCP ends on each leg: our reports speak of the stream that we send and the one that we receive, and nothing is passed on.

// Packet types (RFC 3550 section 12.1) and sizes in bytes.
const (
	rtcpSR   = 200
	rtcpRR   = 201
	rtcpSDES = 202

	rtcpHeader  = 8  // header and SSRC
	senderSize  = 20 // sender info
	reportSize  = 24 // report block
	sdesCNAME   = 1
	cnameLength = 16
)

// reportEvery is the mean interval (RFC 3550 section 6.2); each is between half and one and a half of it.
const reportEvery = 5 * time.Second

// reporter is a leg's side of RTCP.
type reporter struct {
	sentBefore uint64 // packets that had been sent at the last report
	peerSR     uint32 // middle bits of the peer's last SR
	peerAt     int64  // when it came
	rtt        int64  // nanoseconds
	cname      [cnameLength]byte
}

// first draws the canonical name (RFC 7022 section 4.2: random, nothing of the host) and the time of the first report.
func (r *reporter) first() time.Duration {
	for i := range r.cname {
		r.cname[i] = 'a' + byte(rand.IntN(26))
	}
	return interval() / 2
}

func interval() time.Duration { return reportEvery/2 + rand.N(reportEvery) }

// sendReport is due.
func (g *leg) sendReport(l *loop) {
	l.arm(&g.timers[timerReport], l.now+int64(interval()))
	if !g.ready() {
		return
	}
	if g.noRTCP() {
		return
	}
	b := g.appendReport(l, l.slot()[:0])
	if g.secure {
		if b = g.crypt.protectRTCP(b); b == nil {
			return
		}
	}
	if g.profile == offer.WebRTC {
		l.queue(g.door, b, &g.to)
		return
	}
	g.openRTCP(l)
	fd, to := g.pair.rtcp, &g.toRTCP
	if g.st.Mux {
		fd, to = g.rtp.fd, &g.to
	}
	if !sendTo(fd, b, to) {
		l.drop(DropSend, to.addr, g)
	}
}

// appendReport writes SR or RR with one block, and SDES (RFC 3550 section 6.1).
func (g *leg) appendReport(l *loop, b []byte) []byte {
	blocks := 0
	if g.in.started {
		blocks = 1
	}
	words := func(size int) uint16 { return uint16(size/4 - 1) }
	if g.out.packets > g.report.sentBefore {
		b = appendHeader(b, blocks, rtcpSR, words(rtcpHeader+senderSize+blocks*reportSize), g.out.ssrc)
		b = binary.BigEndian.AppendUint64(b, l.ntp())
		b = binary.BigEndian.AppendUint32(b, g.out.stamp(l.now, g.st.Send.Clock))
		b = binary.BigEndian.AppendUint32(b, uint32(g.out.packets))
		b = binary.BigEndian.AppendUint32(b, uint32(g.out.octets))
	} else {
		b = appendHeader(b, blocks, rtcpRR, words(rtcpHeader+blocks*reportSize), g.out.ssrc)
	}
	g.report.sentBefore = g.out.packets
	if blocks == 1 {
		b = g.appendBlock(l, b)
	}
	// One chunk: SSRC, CNAME item, and zeros up to a word of which the first ends the list.
	const pad = 4 - (2+cnameLength)%4
	b = appendHeader(b, 1, rtcpSDES, words(rtcpHeader+2+cnameLength+pad), g.out.ssrc)
	b = append(b, sdesCNAME, cnameLength)
	b = append(b, g.report.cname[:]...)
	return append(b, make([]byte, pad)...)
}

func appendHeader(b []byte, count, kind int, words uint16, ssrc uint32) []byte {
	b = append(b, 2<<6|byte(count), byte(kind))
	b = binary.BigEndian.AppendUint16(b, words)
	return binary.BigEndian.AppendUint32(b, ssrc)
}

// appendBlock reports on what we receive.
func (g *leg) appendBlock(l *loop, b []byte) []byte {
	fraction, lost := g.in.seq.Report()
	b = binary.BigEndian.AppendUint32(b, g.in.ssrc)
	b = binary.BigEndian.AppendUint32(b, uint32(fraction)<<24|uint32(lost)&0xffffff)
	b = binary.BigEndian.AppendUint32(b, g.in.seq.Highest())
	b = binary.BigEndian.AppendUint32(b, g.in.jitter.Value())
	var since uint32
	if g.report.peerSR != 0 {
		since = rtpmath.DLSR(time.Duration(l.now - g.report.peerAt))
	}
	b = binary.BigEndian.AppendUint32(b, g.report.peerSR)
	return binary.BigEndian.AppendUint32(b, since)
}

// ntp is the wall clock of this round. It runs with the monotonic clock, so a step of the system's clock is no round trip.
func (l *loop) ntp() uint64 { return rtpmath.NTP(l.engine.start.Add(time.Duration(l.now))) }

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
		var drop Drop
		if b, drop = g.crypt.unprotectRTCP(l, b); drop != Delivered {
			return drop
		}
	}
	if g.profile == offer.RTP && !g.reporterOf(src) {
		return DropSource
	}
	return g.consume(l, b)
}

// noRTCP tells a trunk with DTLS and without mux: its RTCP would need a handshake of its own (RFC 5764 section 4), and has none.
func (g *leg) noRTCP() bool { return g.profile == offer.RTP && g.st.Fingerprint != "" && !g.st.Mux }

// reporterOf tells whether src may report: the announced RTCP address, or any port of the peer's host, which then is the address.
func (g *leg) reporterOf(src netip.AddrPort) bool {
	if src == unmapped(g.st.RemoteRTCP) {
		return true
	}
	if !g.latch.source.IsValid() || src.Addr() != g.latch.source.Addr() {
		return false
	}
	if g.toRTCP.addr != src && !g.st.Mux {
		g.toRTCP = sockaddrOf(src)
	}
	return true
}

// consume walks a compound packet. Only reports count here; feedback of other kinds ends at the border.
func (g *leg) consume(l *loop, b []byte) Drop {
	for len(b) > 0 {
		if len(b) < 4 || b[0]>>6 != 2 {
			return DropRTCP
		}
		size := 4 + 4*int(binary.BigEndian.Uint16(b[2:]))
		if size > len(b) {
			return DropRTCP
		}
		body, blocks := b[:size], int(b[0]&0x1f)
		b = b[size:]
		switch body[1] {
		case rtcpSR:
			if size < rtcpHeader+senderSize {
				return DropRTCP
			}
			g.report.peerSR, g.report.peerAt = binary.BigEndian.Uint32(body[10:]), l.now
			g.readBlocks(l, body[rtcpHeader+senderSize:], blocks)
		case rtcpRR:
			if size < rtcpHeader {
				return DropRTCP
			}
			g.readBlocks(l, body[rtcpHeader:], blocks)
		}
	}
	return Delivered
}

// readBlocks takes the round trip from the block that is about us.
func (g *leg) readBlocks(l *loop, b []byte, blocks int) {
	for ; blocks > 0 && len(b) >= reportSize; blocks, b = blocks-1, b[reportSize:] {
		if binary.BigEndian.Uint32(b) != g.out.ssrc {
			continue
		}
		g.reported(b[4])
		lsr, dlsr := binary.BigEndian.Uint32(b[16:]), binary.BigEndian.Uint32(b[20:])
		if rtt, ok := rtpmath.RTT(rtpmath.Middle(l.ntp()), lsr, dlsr); ok {
			g.report.rtt = int64(rtt)
		}
	}
}
