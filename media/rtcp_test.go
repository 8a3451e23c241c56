package media

import (
	"encoding/binary"
	"math"
	"net/netip"
	"testing"
	"time"

	"drawbridge/media/offer"
	"drawbridge/media/rtpmath"

	"github.com/google/go-cmp/cmp"
	"github.com/pion/rtcp"
)

// rtcpPacket joins a header and words.
func rtcpPacket(count, kind byte, words ...uint32) []byte {
	b := []byte{2<<6 | count, kind}
	b = binary.BigEndian.AppendUint16(b, uint16(len(words)))
	for _, w := range words {
		b = binary.BigEndian.AppendUint32(b, w)
	}
	return b
}

// block is what a peer says of our stream in a receiver report.
func (b *bench) block(lost, highest, jitter uint32) []byte {
	return rtcpPacket(1, rtcpRR, 0xbbbb, b.b.out.ssrc, lost&0xffffff, highest, jitter, 0, 0)
}

// Every kind of feedback is counted, none of it goes anywhere or does anything.
func TestFeedbackEndsHere(t *testing.T) {
	b := newBench(t, profiles["GCM"], opusCodec, opusCodec)
	ours, theirs := b.b.out.ssrc, uint32(0xbbbb)
	for _, c := range []struct {
		name   string
		packet []byte
		kind   rtcpKind
	}{
		{"NACK", rtcpPacket(1, rtcpRTPFB, theirs, ours, 5<<16), kindNack},
		{"TMMBR", rtcpPacket(3, rtcpRTPFB, theirs, 0, ours, 0x12345678), kindBandwidth},
		{"transport-cc", rtcpPacket(15, rtcpRTPFB, theirs, ours, 0, 0, 0), kindBandwidth},
		{"PLI", rtcpPacket(1, rtcpPSFB, theirs, ours), kindPicture},
		{"FIR", rtcpPacket(4, rtcpPSFB, theirs, 0, ours, 1<<24), kindPicture},
		{"REMB", rtcpPacket(15, rtcpPSFB, theirs, 0, 0x52454d42, 1<<24, ours), kindBandwidth},
		{"BYE", rtcpPacket(1, rtcpBYE, theirs), kindBye},
		{"BYE of nobody", rtcpPacket(0, rtcpBYE), kindBye},
		{"SDES", rtcpPacket(1, rtcpSDES, theirs, 0x01026162, 0), kindSource},
		{"APP", rtcpPacket(0, 204, theirs, 0x41424344), kindOther},
	} {
		before := b.l.count.rtcp[c.kind].Load()
		sent := b.b.out.packets + b.a.out.packets
		packet := append(rtcpPacket(0, rtcpRR, theirs), c.packet...) // in a compound packet
		if d := b.b.control(b.l, packet, b.phone); d != Delivered {
			t.Errorf("%s: %s", c.name, d)
		}
		if len(c.packet) >= rtcpHeader { // and alone (RFC 5506)
			if d := b.b.control(b.l, c.packet, b.phone); d != Delivered {
				t.Errorf("%s alone: %s", c.name, d)
			}
			before++
		}
		if got := b.l.count.rtcp[c.kind].Load(); got != before+1 {
			t.Errorf("%s: counted %d, want %d", c.name, got, before+1)
		}
		if b.l.doors[0].out.n != 0 || b.b.out.packets+b.a.out.packets != sent {
			t.Errorf("%s made us send", c.name)
		}
	}
	if !b.a.ready() || !b.b.ready() || kinds(b.events, EventFailed) != 0 {
		t.Errorf("the call is hurt: %+v", b.events)
	}
}

func TestRTCPIsBelievedWholeOrNotAtAll(t *testing.T) {
	b := newBench(t, profiles["GCM"], opusCodec, opusCodec)
	good := b.block(50, 1000, 0)
	for name, packet := range map[string][]byte{
		"cut short":           append(append([]byte(nil), good...), 0x80, rtcpRR, 0, 9, 0, 0, 0, 0),
		"version 1 behind":    append(append([]byte(nil), good...), 0x40, rtcpRR, 0, 1, 0, 0, 0, 0),
		"more blocks than it": {0x82, rtcpRR, 0, 1, 0, 0, 0, 0},
		"SR without its info": rtcpPacket(0, rtcpSR, 1, 2),
		"crumbs":              append(append([]byte(nil), good...), 0x80, rtcpRR),
	} {
		if d := b.b.control(b.l, packet, b.phone); d != DropRTCP {
			t.Errorf("%s: %s", name, d)
		}
	}
	if b.b.report.peer != nil || b.b.vigil.report != 0 {
		t.Error("the first half of a bad packet was believed")
	}
	if d := b.b.control(b.l, good, netip.MustParseAddrPort("192.0.2.1:9")); d != DropSource || b.b.report.peer != nil {
		t.Errorf("a stranger's report: %s", d)
	}
}

// Who forges the host of a plain peer, but knows nothing else, moves no reports of ours, keeps no call alive, and his numbers are not read.
func TestReportsOfAnUnknownPort(t *testing.T) {
	for name, known := range map[string]bool{"before the peer reports": false, "behind the peer's report": true} {
		b := newBench(t, profiles["GCM"], opusCodec, opusCodec)
		b.b.media(b.l, b.fromPhone(make([]byte, 80)), b.phone)
		was := b.b.rtcp.to.addr
		if known {
			b.b.control(b.l, append([]byte(nil), rrOf...), was)
		}
		heard, peer := b.b.vigil.report, b.b.report.peer
		evil := netip.AddrPortFrom(b.phone.Addr(), 9)
		forged := rtcpPacket(1, rtcpRR, 0xe111, b.b.out.ssrc, 1<<23, 0, 1<<20, 0, 0)
		for range 100 { // at once
			b.l.now++
			if d := b.b.control(b.l, append([]byte(nil), forged...), evil); d != DropSource {
				t.Fatalf("%s: %s", name, d)
			}
		}
		for range 1000 * 60 { // or of a source each, for a minute
			b.l.now += int64(time.Millisecond)
			binary.BigEndian.PutUint32(forged[4:], uint32(b.l.now))
			b.b.control(b.l, forged, evil)
		}
		if b.b.rtcp.to.addr != was || b.b.vigil.report != heard || b.b.report.peer != peer {
			t.Errorf("%s: reports went to %s, go to %s; signs of life %d, %d", name, was, b.b.rtcp.to.addr, heard, b.b.vigil.report)
		}
	}
}

// A peer whose reports come from a port that nobody has announced is believed by its source, or by a few reports, and once for each
// offer/answer ours go there.
func TestReportsFollowThePeersPort(t *testing.T) {
	for name, ssrc := range map[string]uint32{"its source": 0xbbbb, "a source that sends nothing": 0xcafe} {
		b := newBench(t, profiles["GCM"], opusCodec, opusCodec)
		b.b.media(b.l, b.fromPhone(make([]byte, 80)), b.phone)
		nat, other := netip.AddrPortFrom(b.phone.Addr(), 9), netip.AddrPortFrom(b.phone.Addr(), 10)
		report := func(src netip.AddrPort) (d Drop) {
			for range 3 {
				b.l.now += int64(5 * time.Second)
				d = b.b.control(b.l, rtcpPacket(0, rtcpRR, ssrc), src)
			}
			return d
		}
		if d := report(nat); d != Delivered || b.b.rtcp.to.addr != nat || b.b.vigil.report != b.l.now {
			t.Errorf("%s: %s, ours go to %s", name, d, b.b.rtcp.to.addr)
		}
		if d := report(other); d == Delivered != (ssrc == 0xbbbb) || b.b.rtcp.to.addr != nat {
			t.Errorf("%s, a second port: %s, ours go to %s", name, d, b.b.rtcp.to.addr)
		}
		b.b.bind(b.l, b.b.st)
		if d := report(other); d != Delivered || b.b.rtcp.to.addr != other {
			t.Errorf("%s, behind another answer: %s, ours go to %s", name, d, b.b.rtcp.to.addr)
		}
		b.b.st.RemoteRTCP = netip.AddrPortFrom(b.phone.Addr(), 11)
		if d := b.b.control(b.l, rtcpPacket(0, rtcpRR, 1), b.b.st.RemoteRTCP); d != Delivered || b.b.rtcp.to.addr != b.b.st.RemoteRTCP {
			t.Errorf("%s, from the announced address: %s, ours go to %s", name, d, b.b.rtcp.to.addr)
		}
		b.b.st.RemoteRTCP, b.b.latch.announced = netip.MustParseAddrPort("10.0.0.7:4001"), netip.MustParseAddrPort("10.0.0.7:4000")
		if b.b.control(b.l, rtcpPacket(0, rtcpRR, 1), b.b.st.RemoteRTCP); b.b.rtcp.to.addr == b.b.st.RemoteRTCP {
			t.Errorf("%s: reports go to the private address of a peer behind NAT", name)
		}
	}
}

// What the peer reports of our stream, over a peer that starts to count anew.
func TestPeersReport(t *testing.T) {
	b := newBench(t, profiles["GCM"], opusCodec, pcmuCodec)
	first := uint32(b.b.out.first)
	b.b.out.packets = 1000
	lost := func() int64 { return b.b.report.peer.lost }
	for i, c := range []struct {
		lost, highest uint32
		want          int64
	}{
		{10, first + 199, 10},
		{12, first + 399, 12},
		{9, first + 599, 9}, // three came late
		{1<<24 - 2, 5, 7},   // it has started anew, and has seen duplicates: its count falls
		{50, 300, 59},
	} {
		if i == 3 { // a fall of 11 is lateness still
			c.want = -2
		}
		if i == 4 {
			c.want = 50
		}
		b.b.control(b.l, b.block(c.lost, c.highest, 160), b.phone)
		if lost() != c.want {
			t.Errorf("report %d: lost %d, want %d", i, lost(), c.want)
		}
	}
	b.b.control(b.l, b.block(5000, first+999, 160), b.phone)
	b.b.control(b.l, b.block(3, first+999, 160), b.phone) // anew: what it counted before stays
	if lost() != 5003 {
		t.Errorf("lost %d, want 5003", lost())
	}
	if q := b.b.quality(); q == nil || !q.OutKnown || q.Out.Jitter != 20*time.Millisecond || q.Out.Loss != 100 {
		t.Errorf("%+v", q)
	}
}

func TestRatedByTheEModel(t *testing.T) {
	b := newBench(t, profiles["GCM"], opusCodec, pcmuCodec)
	if b.b.quality() != nil {
		t.Error("nothing has come, and it is rated")
	}
	for i := range 1000 {
		p := b.fromPhone(make([]byte, 160))
		b.l.now += int64(20 * time.Millisecond)
		if i%20 != 7 { // 5 %, alone
			b.b.media(b.l, p, b.phone)
		}
		b.l.flush()
	}
	b.b.report.rtt = int64(360 * time.Millisecond)
	q := b.b.quality().In
	// Requirements, appendix D: 5 % and 200 ms (half of 360 and one packet) make R 70.12, MOS 3.603.
	if math.Abs(q.Loss-5) > .02 || math.Abs(q.R-70.12) > .1 || math.Abs(q.MOS-3.603) > .005 || q.BurstRatio != 1 || q.Jitter > time.Millisecond {
		t.Errorf("%+v", q)
	}
	if st := b.b.stats(b.l); st.Lost != 50 || st.Quality.OutKnown {
		t.Errorf("%+v", st)
	}
}

// Our VoIP metrics are those of RFC 3611, as another implementation reads them.
func TestVoIPMetricsWrittenAndRead(t *testing.T) {
	b := newBench(t, profiles["GCM"], opusCodec, pcmuCodec)
	for i := range 500 {
		p := b.fromPhone(make([]byte, 160))
		b.l.now += int64(20 * time.Millisecond)
		if i < 100 || i >= 125 {
			b.b.media(b.l, p, b.phone)
		}
		b.l.flush()
	}
	b.b.st.XR, b.b.report.rtt = true, int64(80*time.Millisecond)
	b.b.out.packets = 7
	raw := b.b.appendReport(b.l, nil)
	all, err := rtcp.Unmarshal(raw)
	if err != nil || len(all) != 3 {
		t.Fatalf("%v in % x", err, raw)
	}
	xr, ok := all[2].(*rtcp.ExtendedReport)
	if !ok || xr.SenderSSRC != b.b.out.ssrc || len(xr.Reports) != 1 {
		t.Fatalf("%T %+v", all[2], all[2])
	}
	got := *xr.Reports[0].(*rtcp.VoIPMetricsReportBlock)
	want := rtcp.VoIPMetricsReportBlock{
		XRHeader: got.XRHeader, SSRC: 0xbbbb, LossRate: 12, BurstDensity: 255, BurstDuration: 500, GapDuration: 9520, RoundTripDelay: 80,
		SignalLevel: 127, NoiseLevel: 127, RERL: 127, Gmin: 16, RFactor: got.RFactor, ExtRFactor: 127, MOSLQ: got.MOSLQ, MOSCQ: got.MOSCQ,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	q := b.b.quality().In
	if float64(got.RFactor) != math.Round(q.R) || float64(got.MOSCQ) != math.Round(q.MOS*10) || q.MOS >= q.ListeningMOS {
		t.Errorf("R %d, MOS-LQ %d, MOS-CQ %d for %+v", got.RFactor, got.MOSLQ, got.MOSCQ, q)
	}
	// The other way: the phone sends the same about our stream.
	binary.BigEndian.PutUint32(raw[len(raw)-xrVoIPSize+4:], b.b.out.ssrc)
	b.b.out.packets = leastPackets
	b.b.control(b.l, append(b.block(0, uint32(b.b.out.first)+49, 0), raw[len(raw)-xrVoIPSize-rtcpHeader:]...), b.phone)
	heard := b.b.quality()
	if heard.XR == nil || heard.XR.R != int(got.RFactor) || heard.XR.RoundTrip != 80*time.Millisecond || heard.XR.BurstDuration != 500*time.Millisecond ||
		math.Abs(heard.XR.MOS-float64(got.MOSCQ)/10) > 1e-9 || math.Abs(heard.XR.Lost-4.69) > .01 {
		t.Errorf("%+v", heard.XR)
	}
}

// A peer that reports, and hears nothing of what we send, is told apart from one that does not report.
func TestPeerThatHearsNothing(t *testing.T) {
	b, missing := patient(t)
	b.answer()
	talk := func() {
		if d := b.a.media(b.l, b.fromBrowser(t, make([]byte, 80)), b.src); d != Delivered {
			t.Fatal(d)
		}
	}
	b.pass(10*time.Second, talk)
	if v := b.b.audioOut(); v != VerdictNoReport {
		t.Errorf("before any report: %s", v)
	}
	report := func(packet []byte, want Verdict) {
		t.Helper()
		b.b.control(b.l, packet, b.phone)
		if v := b.b.audioOut(); v != want {
			t.Errorf("%s, want %s", v, want)
		}
		b.pass(5*time.Second, talk)
	}
	empty := append([]byte(nil), rrOf...)
	report(empty, VerdictOK) // the benefit of the doubt
	report(empty, VerdictUnreceived)
	b.pass(15*time.Second, talk)
	if d := cmp.Diff([]string{"b in nothing-came", "b in reports-only", "b out not-received"}, *missing); d != "" {
		t.Error(d)
	}
	report(b.block(0, 1000, 0), VerdictOK)
	report(b.block(0, 1000, 0), VerdictOK)
	report(b.block(0, 1000, 0), VerdictUnreceived) // it stands still
	report(b.block(0, 1200, 0), VerdictOK)
}

func TestRTCPAllocatesNothing(t *testing.T) {
	if underRace {
		t.Skip("the race detector allocates")
	}
	b := newBench(t, profiles["GCM"], opusCodec, opusCodec)
	b.b.media(b.l, b.fromPhone(make([]byte, 80)), b.phone)
	b.b.st.XR = true
	in := append(b.block(0, 1000, 0), rtcpPacket(0, rtcpXR, 0xbbbb, xrVoIP<<24|xrVoIPSize/4-1, b.b.out.ssrc, 0, 0, 0, 0, 0, 0, 0)...)
	round := func() {
		if d := b.b.control(b.l, in, b.phone); d != Delivered {
			t.Fatal(d)
		}
		b.b.sendReport(b.l)
	}
	round()
	if n := testing.AllocsPerRun(200, round); n != 0 {
		t.Errorf("%v allocations a round of reports", n)
	}
}

// Budget: 0 allocations for a report of a browser that is opened and read, and for ours to it that is sealed and sent.
func TestSecureRTCPAllocatesNothing(t *testing.T) {
	if underRace {
		t.Skip("the race detector allocates")
	}
	const rounds = 200
	for name, profile := range profiles {
		b := newBench(t, profile, opusCodec, opusCodec)
		b.a.media(b.l, b.fromBrowser(t, make([]byte, 80)), b.src)
		var sealed [][]byte // ahead of time: theirs allocates
		for range rounds + 2 {
			r, err := b.browser.EncryptRTCP(nil, rtcpPacket(1, rtcpRR, 0xaaaa, b.a.out.ssrc, 0, 1000, 0, 0, 0), nil)
			if err != nil {
				t.Fatal(err)
			}
			sealed = append(sealed, append(make([]byte, 0, slotSize), r...))
		}
		i := 0
		round := func() {
			if d := b.a.control(b.l, sealed[i], b.src); d != Delivered {
				t.Fatal(d)
			}
			i++
			b.a.sendReport(b.l)
			b.l.flush()
		}
		round()
		if n := testing.AllocsPerRun(rounds, round); n != 0 {
			t.Errorf("%s: %v allocations a round of reports", name, n)
		}
	}
}

// Whatever comes as RTCP is refused or understood; what we send stays what RFC 3550 wants.
func FuzzRTCP(f *testing.F) {
	b := newBench(f, profiles["GCM"], opusCodec, opusCodec)
	b.b.media(b.l, b.fromPhone(make([]byte, 80)), b.phone)
	b.b.st.XR = true
	f.Add(b.block(3, 1000, 7))
	f.Add(rtcpPacket(0, rtcpXR, 0xbbbb, xrVoIP<<24|xrVoIPSize/4-1, b.b.out.ssrc, 1, 2, 3, 4, 5, 6, 7))
	f.Add(rtcpPacket(1, rtcpSR, 0xbbbb, 1, 2, 3, 4, 5, b.b.out.ssrc, 1<<24, 9, 9, 9, 9))
	f.Fuzz(func(t *testing.T, raw []byte) {
		b.b.out.packets += 100
		d := b.b.control(b.l, append([]byte(nil), raw...), b.phone)
		if d == Delivered != (len(raw) >= rtcpHeader && wholeRTCP(raw)) {
			t.Fatalf("%s: % x", d, raw)
		}
		if q := b.b.quality(); q != nil {
			for _, v := range []float64{q.Out.Loss, q.Out.R, q.Out.MOS, q.Out.BurstDensity} {
				if math.IsNaN(v) || v < 0 || v > 100 {
					t.Fatalf("%+v after % x", q.Out, raw)
				}
			}
		}
		if _, err := rtcp.Unmarshal(b.b.appendReport(b.l, nil)); err != nil {
			t.Fatalf("%v after % x", err, raw)
		}
	})
}

// The two clocks of a sender report name one instant: a receiver lays the packets' timestamps on the wall clock with them.
func TestSenderReportPairsItsClocks(t *testing.T) {
	for _, c := range []struct {
		codec offer.Codec
		ticks uint32 // of 20 ms
	}{{pcmuCodec, 160}, {opusCodec, 960}} {
		b := newBench(t, profiles["GCM"], c.codec, c.codec)
		report := func() (wall time.Time, ts uint32) {
			raw := b.b.appendReport(b.l, nil)
			if raw[1] != rtcpSR {
				t.Fatalf("%s: no SR: % x", c.codec.Name, raw)
			}
			return rtpmath.FromNTP(binary.BigEndian.Uint64(raw[8:])), binary.BigEndian.Uint32(raw[16:])
		}
		talk := func() {
			if d := b.a.media(b.l, b.fromBrowser(t, make([]byte, 80)), b.src); d != Delivered {
				t.Fatal(d)
			}
			b.ts += c.ticks - 960 // fromBrowser counts as Opus does
		}
		b.pass(100*time.Millisecond, talk)
		at, ts := report()
		b.pass(5*time.Second, talk)
		b.l.now += int64(7 * time.Millisecond) // between two packets
		later, then := report()
		went, played := later.Sub(at).Round(time.Microsecond), rtpmath.Time(int64(then-ts), c.codec.Clock)
		if went != 5007*time.Millisecond || played != went {
			t.Errorf("%s: the wall clock went on by %s, the media clock by %s", c.codec.Name, went, played)
		}
		if newest := b.b.out.ts; then-newest != c.ticks*27/20 {
			t.Errorf("%s: %d ticks beyond the newest packet", c.codec.Name, then-newest)
		}
	}
}

// Reports of many calls leave together, none of them early, and none late by more than a moment.
func TestReportsLeaveAbreast(t *testing.T) {
	met := make(map[int64]bool)
	for range 1000 {
		due := int64(interval())
		at := abreast(due)
		if at < due || at-due >= reportGrid || abreast(at) != at {
			t.Fatalf("due at %d, sent at %d", due, at)
		}
		met[at] = true
	}
	if n := len(met); n > int(reportEvery/reportGrid)+2 {
		t.Errorf("1000 reports leave at %d times", n)
	}
}
