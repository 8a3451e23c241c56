package media

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// transcoded is a socket of a leg whose packets are transcoded, and the phone that sends to it.
func (b *bench) transcoded(t *testing.T, packets int) *sock {
	t.Helper()
	s := &b.b.rtp
	for range packets {
		if _, err := b.sink.WriteToUDPAddrPort(b.fromPhone(make([]byte, 160)), netip.AddrPortFrom(localhost, b.b.pair.addr.Port())); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// round is a round of the loop without waiting.
func (b *bench) round(t *testing.T) {
	t.Helper()
	b.l.frames = 0
	n, err := unix.EpollWait(b.l.epoll, b.l.events[:], 0)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		b.l.ready(b.l.events[i])
	}
	b.l.readLater()
	b.l.clock()
	b.l.flush()
	b.l.in.next = 0
}

// A round makes a few frames; what is relayed is read all the same, and what was put off keeps its turn and is not lost.
func TestTranscodingWaitsForTheNextRound(t *testing.T) {
	b := newBench(t, profiles["GCM"], opusCodec, pcmuCodec)
	s := b.transcoded(t, 3)
	b.l.frames = frameBudget
	ready := func() {
		ev := b.l.events[0]
		ev.Fd, ev.Pad = s.index, s.gen
		b.l.ready(ev)
	}
	ready()
	if b.b.in.packets != 0 || len(b.l.later) != 1 {
		t.Fatalf("beyond the budget %d packets are transcoded, %d sockets wait", b.b.in.packets, len(b.l.later))
	}
	ready() // told again: it waits once
	if ms := b.l.wait(b.l.now); len(b.l.later) != 1 || ms != 0 {
		t.Errorf("%d wait, and the loop sleeps for %d ms", len(b.l.later), ms)
	}
	b.round(t)
	if b.b.in.packets != 1 || len(b.l.later) != 0 || s.waits {
		t.Errorf("in the next round %d packets, %d sockets wait", b.b.in.packets, len(b.l.later))
	}
	if b.round(t); b.b.in.packets != 3 {
		t.Errorf("of the rest, which epoll tells of, %d packets", b.b.in.packets)
	}

	relayed := newBench(t, profiles["GCM"], pcmuCodec, pcmuCodec)
	s = relayed.transcoded(t, 1)
	relayed.l.frames = frameBudget
	ev := relayed.l.events[0]
	ev.Fd, ev.Pad = s.index, s.gen
	relayed.l.ready(ev)
	if relayed.b.in.packets != 1 {
		t.Error("a relayed packet waits for those that are transcoded")
	}
}

// Those that wait are served first come, first served, a budget a round.
func TestThoseThatWaitKeepTheirPlace(t *testing.T) {
	b := newBench(t, profiles["GCM"], opusCodec, pcmuCodec)
	b.transcoded(t, 1)
	b.l.putOff(&b.b.rtp)
	gone := &sock{fd: -1, index: 0, kind: sockRTP, leg: b.b} // closed meanwhile: its place in the table is another's
	b.l.putOff(gone)
	b.l.frames = frameBudget
	b.l.readLater()
	if len(b.l.later) != 2 || b.l.later[0].sock != &b.b.rtp {
		t.Fatalf("they are %v", b.l.later)
	}
	b.round(t)
	if len(b.l.later) != 0 || b.b.in.packets != 1 {
		t.Errorf("%d wait, %d packets", len(b.l.later), b.b.in.packets)
	}
}

// What is relayed does not wait behind those that are transcoded: a flood has put off a browser socket after the budget was spent.
func TestRelayedDoesNotWaitForFrames(t *testing.T) {
	b := newBench(t, profiles["GCM"], opusCodec, pcmuCodec)
	b.transcoded(t, 1)
	if _, err := b.sink.WriteToUDPAddrPort([]byte{1}, b.l.doors[0].addr); err != nil {
		t.Fatal(err)
	}
	b.l.putOff(&b.b.rtp)
	b.l.putOff(&b.l.doors[0].sock)
	b.l.frames = frameBudget
	b.l.readLater()
	if b.l.taken != 1 || len(b.l.later) != 1 || b.l.later[0].sock != &b.b.rtp {
		t.Fatalf("%d read, %d wait", b.l.taken, len(b.l.later))
	}
	if b.round(t); b.b.in.packets != 1 || len(b.l.later) != 0 {
		t.Errorf("%d packets, %d wait", b.b.in.packets, len(b.l.later))
	}
}

// What has waited too long is left out and counted.
func TestLatePacketsAreDiscarded(t *testing.T) {
	b := newBench(t, profiles["GCM"], opusCodec, pcmuCodec)
	b.transcoded(t, 2)
	b.l.putOff(&b.b.rtp)
	b.l.now += int64(playLapse + time.Millisecond)
	b.round(t)
	if n := b.l.count.drop[DropLate].Load(); n != 2 || b.b.in.packets != 0 {
		t.Errorf("%d discarded, %d transcoded", n, b.b.in.packets)
	}
	b.transcoded(t, 1)
	b.l.putOff(&b.b.rtp)
	b.round(t)
	if b.b.in.packets != 1 {
		t.Error("the loop has not caught up")
	}
}

// A round makes so many frames of play-outs that are due, and the next ones go on.
func TestPlayOutsHaveABudget(t *testing.T) {
	b := newBench(t, profiles["GCM"], opusCodec, pcmuCodec)
	due := make([]timer, 3*frameBudget)
	for i := range due {
		due[i] = timer{kind: timerPlay, leg: &leg{}}
		b.l.arm(&due[i], b.l.now)
	}
	for round := 1; round <= 3; round++ {
		b.l.clock()
		waiting := 0
		for i := range due {
			if due[i].pos != 0 {
				waiting++
			}
		}
		if want := (3 - round) * frameBudget; waiting != want {
			t.Errorf("round %d: %d wait, want %d", round, waiting, want)
		}
	}
}

// A datagram of a stream is read by itself, those of a burst together, and what is left in a socket is read on.
func TestNothingIsLeftInASocket(t *testing.T) {
	b := newBench(t, profiles["GCM"], pcmuCodec, pcmuCodec)
	far, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(localhost, b.b.pair.addr.Port())))
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	send := func(packets int) {
		t.Helper()
		for range packets {
			if _, err := far.Write(make([]byte, 20)); err != nil {
				t.Fatal(err)
			}
		}
	}
	const burst = 20 // more than a turn reads of a stream
	send(1)
	b.round(t)
	if b.l.taken != 1 {
		t.Fatalf("of a single datagram %d read", b.l.taken)
	}
	b.l.now += int64(20 * time.Millisecond)
	send(burst)
	for _, want := range []int{1, burst} { // then as much as a turn reads, and the rest, which was put off
		if b.round(t); b.l.taken-1 != want {
			t.Fatalf("%d of %d read, want %d", b.l.taken-1, burst, want)
		}
	}
	if b.round(t); len(b.l.later) != 0 || b.l.taken-1 != burst {
		t.Errorf("%d sockets wait, %d of %d read", len(b.l.later), b.l.taken-1, burst)
	}
}
