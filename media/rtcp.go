package media

import (
	"encoding/binary"
	"math/rand/v2"
	"time"

	"drawbridge/media/offer"
	"drawbridge/media/rtpmath"
)

// RTCP ends on each leg: our reports speak of the stream that we send and the one that we receive, and nothing is passed on. This file is
// what we send, rtcpin.go what we hear, xr.go the extended reports of both.

// Packet types (RFC 3550 section 12.1, RFC 4585 section 6.1, RFC 3611 section 2) and sizes in bytes.
const (
	rtcpSR    = 200
	rtcpRR    = 201
	rtcpSDES  = 202
	rtcpBYE   = 203
	rtcpRTPFB = 205
	rtcpPSFB  = 206
	rtcpXR    = 207

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
	rtt        int64  // nanoseconds; 0 unknown
	cname      [cnameLength]byte
	peer       *heardByPeer // nil before its first report
}

// first draws the canonical name (RFC 7022 section 4.2: random, nothing of the host) and the time of the first report.
func (r *reporter) first() time.Duration {
	for i := range r.cname {
		r.cname[i] = 'a' + byte(rand.IntN(26))
	}
	return interval() / 2
}

func interval() time.Duration { return reportEvery/2 + rand.N(reportEvery) }

// reportGrid is the distance of the times at which reports leave, in nanoseconds: 17 ms. Chosen here.
const reportGrid = 1 << 24

// abreast rounds the time of a report up, so that those of many calls wake a loop once when it has little else to do.
func abreast(at int64) int64 { return (at + reportGrid - 1) &^ (reportGrid - 1) }

// sendReport is due.
func (g *leg) sendReport(l *loop) {
	l.arm(&g.timers[timerReport], abreast(l.now+int64(interval())))
	if !g.ready() {
		return
	}
	if g.noRTCP() {
		return
	}
	b := g.appendReport(l, l.slot()[:0])
	if g.secure {
		if b = g.crypt.protectRTCP(l, b); b == nil {
			return
		}
	}
	if g.profile == offer.WebRTC {
		l.queue(g.door, b, &g.to)
		return
	}
	fd, to := g.rtp.fd, &g.to
	if !g.st.Mux {
		if g.openRTCP(l); g.rtcp == nil {
			l.drop(DropSend, g.reportsTo(), g)
			return
		}
		fd, to = g.rtcp.fd, &g.rtcp.to
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
		b = binary.BigEndian.AppendUint32(b, uint32(g.out.ofSource()))
		b = binary.BigEndian.AppendUint32(b, uint32(g.out.octets))
	} else {
		b = appendHeader(b, blocks, rtcpRR, words(rtcpHeader+blocks*reportSize), g.out.ssrc)
	}
	g.report.sentBefore = g.out.packets
	if blocks == 1 {
		b = g.appendBlock(l, b)
	}
	// One chunk: SSRC, CNAME item, and zeros up to a word of which the first ends the list.
	const pad = 2 // 4 - (2+cnameLength)%4
	b = appendHeader(b, 1, rtcpSDES, words(rtcpHeader+2+cnameLength+pad), g.out.ssrc)
	b = append(b, sdesCNAME, cnameLength)
	b = append(b, g.report.cname[:]...)
	b = append(b, 0, 0)
	if g.st.XR && blocks == 1 {
		b = g.appendXR(b)
	}
	return b
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
