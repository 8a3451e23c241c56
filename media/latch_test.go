package media

import (
	"net/netip"
	"testing"
	"time"

	"drawbridge/media/offer"
	"drawbridge/media/srtp"

	pion "github.com/pion/srtp/v3"
)

// arrival is a run of packets from one source, 20 ms apart.
type arrival struct {
	src     string
	n       int
	after   time.Duration // since the run before
	burst   bool          // all at once
	believe int           // packets that are let through
}

// TestLatch plays who gets the stream of a leg: its announced address is 192.0.2.1:4000 unless said otherwise (T12).
func TestLatch(t *testing.T) {
	const (
		peer, port, host = "192.0.2.1:4000", "192.0.2.1:4002", "192.0.2.7:4000"
		nat, other       = "203.0.113.5:61000", "203.0.113.5:61002"
		evil             = "198.51.100.9:4000"
	)
	network := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/28")}
	for _, row := range []struct {
		name     string
		nat      string // host that signals for a peer behind NAT
		prefixes []netip.Prefix
		taken    string // another call's peer
		runs     []arrival
		source   string // who is believed in the end
	}{
		{name: "the peer", runs: []arrival{{src: peer, n: 3, believe: 3}}, source: peer},
		{name: "another port of its host before it speaks", runs: []arrival{{src: port, n: 10, believe: 6}}, source: port},
		{name: "a burst is no speech", runs: []arrival{{src: port, n: 50, burst: true}}, source: peer},
		{name: "another port while it speaks", runs: []arrival{{src: peer, n: 5, believe: 5}, {src: port, n: 20}}, source: peer},
		{name: "another port when it is silent", runs: []arrival{{src: peer, n: 5, believe: 5}, {src: port, n: 10, after: time.Second, believe: 6}}, source: port},
		{name: "a stranger before it speaks", runs: []arrival{{src: evil, n: 50}}, source: peer},
		{name: "a stranger when it is silent", runs: []arrival{{src: peer, n: 1, believe: 1}, {src: evil, n: 50, after: 5 * time.Second}}, source: peer},
		{name: "once for each answer", runs: []arrival{{src: port, n: 10, believe: 6}, {src: "192.0.2.1:4004", n: 20, after: 5 * time.Second}}, source: port},
		{name: "the announced address takes it back, after a silence",
			runs: []arrival{{src: port, n: 10, believe: 6}, {src: peer, n: 10}, {src: peer, n: 10, after: time.Second, believe: 6}}, source: peer},
		{name: "forged packets of the announced address move nothing while its other port speaks",
			runs: []arrival{{src: port, n: 10, believe: 6}, {src: peer, n: 20}, {src: port, n: 5, believe: 5}}, source: port},
		{name: "the announced address that has spoken takes it back at once, for good",
			runs: []arrival{{src: peer, n: 5, believe: 5}, {src: port, n: 10, after: time.Second, believe: 6}, {src: peer, n: 10, believe: 6},
				{src: port, n: 20, after: 2 * time.Second}}, source: peer},
		{name: "a burst of its address takes nothing back",
			runs: []arrival{{src: peer, n: 5, believe: 5}, {src: port, n: 10, after: time.Second, believe: 6}, {src: peer, n: 50, burst: true}}, source: port},
		{name: "another call's peer", taken: port, runs: []arrival{{src: port, n: 20}}, source: peer},

		{name: "behind NAT", nat: "203.0.113.5", runs: []arrival{{src: nat, n: 10, believe: 6}}, source: nat},
		{name: "behind NAT, a stranger first", nat: "203.0.113.5", runs: []arrival{{src: evil, n: 20}, {src: nat, n: 10, believe: 6}}, source: nat},
		{name: "behind NAT, a neighbour while the peer speaks", nat: "203.0.113.5", runs: []arrival{{src: nat, n: 10, believe: 6}, {src: other, n: 20}}, source: nat},
		{name: "no NAT, the signalling host", runs: []arrival{{src: nat, n: 20}}, source: peer},

		{name: "a host of the trunk's network", prefixes: network, runs: []arrival{{src: host, n: 10, believe: 6}}, source: host},
		{name: "a host beside the trunk's network", prefixes: network, runs: []arrival{{src: "192.0.2.17:4000", n: 20}}, source: peer},
		{name: "a host of the network has come first: the peer's own host stands better", prefixes: network,
			runs: []arrival{{src: host, n: 10, believe: 6}, {src: port, n: 10, believe: 6}, {src: host, n: 10}}, source: port},
		{name: "the network does not disturb the probation of the peer's host", prefixes: network,
			runs: []arrival{{src: port, n: 3}, {src: host, n: 3}, {src: port, n: 3, believe: 2}}, source: port},
	} {
		t.Run(row.name, func(t *testing.T) {
			la := latch{prefixes: row.prefixes}
			var behind netip.Addr
			if row.nat != "" {
				behind = netip.MustParseAddr(row.nat)
			}
			la.announce(netip.MustParseAddrPort(peer), behind)
			taken := func(a netip.AddrPort) bool { return row.taken != "" && a == netip.MustParseAddrPort(row.taken) }
			now, seq := int64(time.Minute), map[string]uint16{}
			for i, run := range row.runs {
				now += int64(run.after)
				src, believed := netip.MustParseAddrPort(run.src), 0
				for range run.n {
					if ok, _ := la.accept(&packet{seq: seq[run.src], ssrc: 7}, src, now, taken); ok {
						believed++
					}
					seq[run.src]++
					if !run.burst {
						now += int64(20 * time.Millisecond)
					}
				}
				if believed != run.believe {
					t.Errorf("run %d: %d packets of %s let through, want %d", i, believed, run.src, run.believe)
				}
			}
			if la.source != netip.MustParseAddrPort(row.source) {
				t.Errorf("media goes to %s, want %s", la.source, row.source)
			}
		})
	}
}

// A peer that pauses loses its place to another port of its host, and has it again when it goes on, however steadily the other one sends: it
// is not that one's silence that it waits for.
func TestPeerComesBackFromAPause(t *testing.T) {
	var la latch
	peer, thief := netip.MustParseAddrPort("192.0.2.1:4000"), netip.MustParseAddrPort("192.0.2.1:9")
	la.announce(peer, netip.Addr{})
	now, sent := int64(time.Minute), map[netip.AddrPort]uint16{}
	send := func(src netip.AddrPort) bool {
		ok, _ := la.accept(&packet{seq: sent[src], ssrc: uint32(src.Port())}, src, now, func(netip.AddrPort) bool { return false })
		sent[src]++
		return ok
	}
	for range 50 {
		send(peer)
		now += int64(20 * time.Millisecond)
	}
	now += int64(latchSilence)
	for range 2 * latchPackets {
		send(thief)
		now += int64(20 * time.Millisecond)
	}
	if la.source != thief {
		t.Fatalf("media goes to %s while the peer pauses", la.source)
	}
	refused := 0
	for range 500 {
		if !send(peer) {
			refused++
		}
		send(thief)
		now += int64(20 * time.Millisecond)
	}
	if la.source != peer || refused >= latchPackets {
		t.Errorf("media goes to %s, %d packets of the announced address were refused", la.source, refused)
	}
}

// Two that race for a silent peer's place hold each other up: neither gets it by being the last, and the real peer need only go on alone.
func TestRaceForTheLatch(t *testing.T) {
	var la latch
	la.announce(netip.MustParseAddrPort("192.0.2.1:4000"), netip.Addr{})
	nobody := func(netip.AddrPort) bool { return false }
	one, two := netip.MustParseAddrPort("192.0.2.1:4002"), netip.MustParseAddrPort("192.0.2.1:4004")
	now := int64(time.Minute)
	for seq := range uint16(100) {
		for _, src := range []netip.AddrPort{one, two} {
			if ok, _ := la.accept(&packet{seq: seq, ssrc: 7}, src, now, nobody); ok {
				t.Fatalf("%s is believed while another one speaks", src)
			}
		}
		now += int64(20 * time.Millisecond)
	}
	for seq := range uint16(10) {
		la.accept(&packet{seq: 100 + seq, ssrc: 7}, one, now, nobody)
		now += int64(20 * time.Millisecond)
	}
	if la.source != one {
		t.Errorf("media goes to %s", la.source)
	}
}

// TestForgedSRTPMovesNoLatch: on a trunk with keys only what they have opened counts for who the peer is. Packets with a bad tag, from where an
// authentic one would be believed, neither move it nor are the beginning of a probation (T12, T15).
func TestForgedSRTPMovesNoLatch(t *testing.T) {
	announced := netip.MustParseAddrPort("127.0.0.1:4000")
	for _, row := range []struct{ name, src string }{
		{"another port of its host", "127.0.0.1:4002"},
		{"a host of the trunk's network", "127.0.0.9:4000"},
	} {
		t.Run(row.name, func(t *testing.T) {
			b, peer := newSDESBench(t, announced)
			b.b.latch.prefixes = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/28")}
			src, seq := netip.MustParseAddrPort(row.src), uint16(0)
			send := func(forged bool) Drop {
				p := make([]byte, rtpHeader+160, slotSize)
				putRTP(p, false, pcmuCodec.PT, seq, uint32(seq)*160, 0xcccc)
				seq++
				raw, err := peer.EncryptRTP(nil, p, nil)
				if err != nil {
					t.Fatal(err)
				}
				if forged {
					raw[len(raw)-1] ^= 1
				}
				in := b.l.slot()
				d := b.b.media(b.l, in[:copy(in, raw)], src)
				b.step()
				return d
			}
			for range 4 * latchPackets {
				if d := send(true); d != DropAuth {
					t.Errorf("a packet with a bad tag: %s", d)
				}
			}
			if la := &b.b.latch; la.source != announced || b.b.to.addr != announced || la.probe != (probation{}) || !la.budget {
				t.Errorf("media goes to %s, the peer is %s, %d packets count for another", b.b.to.addr, la.source, la.probe.n)
			}
			for n := range latchPackets + 1 { // the right key: as many as in clear, those with a bad tag not among them
				if d := send(false); (d == Delivered) != (n >= latchPackets-1) {
					t.Errorf("authentic packet %d: %s", n, d)
				}
			}
			if b.b.to.addr != src {
				t.Errorf("media goes to %s behind authentic packets of %s", b.b.to.addr, src)
			}
		})
	}
}

// newSDESBench has a trunk leg with keys in the place of leg B, and what its peer encrypts with.
func newSDESBench(t *testing.T, announced netip.AddrPort) (*bench, *pion.Context) {
	t.Helper()
	b := newBench(t, profiles["GCM"], pcmuCodec, pcmuCodec)
	raw := offer.Key(make([]byte, offer.AESCM80.KeySize()))
	st := b.b.st
	st.Remote, st.SDES = announced, &offer.SDES{Suite: offer.AESCM80, Send: offer.Crypto{Key: raw}, Recv: offer.Crypto{Key: raw}}
	b.b.bind(b.l, st)
	peer, err := pion.CreateContext([]byte(raw[:srtp.KeySize]), []byte(raw[srtp.KeySize:]), pionProfiles[srtp.AES80])
	if err != nil {
		t.Fatal(err)
	}
	return b, peer
}

// TestReporters: a few sources of RTCP a minute are known, whoever sends them.
func TestReporters(t *testing.T) {
	var r reporters
	now := int64(time.Hour)
	believe := func(ssrc uint32) bool {
		if !r.admit(ssrc, now) {
			return false
		}
		r.note(ssrc)
		return true
	}
	known := 0
	for ssrc := range uint32(1000) {
		if believe(ssrc) {
			known++
		}
	}
	if known != len(r.ssrcs) || !believe(0) || !believe(uint32(known-1)) {
		t.Errorf("%d sources known of 1000, first %t, last %t", known, believe(0), believe(uint32(known-1)))
	}
	for range 100 { // forged ones never count
		if r.admit(5000, now) {
			t.Fatal("a full set has room")
		}
	}
	now += int64(sourceWindow) + 1
	if !believe(5000) || !believe(0) {
		t.Error("a minute later the set is still full")
	}
}
