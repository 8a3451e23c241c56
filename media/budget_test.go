package media

import (
	"net"
	"net/netip"
	"testing"
	"time"
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
func (b *bench) round() {
	b.l.frames = 0
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
	b.round()
	if b.b.in.packets != 3 || len(b.l.later) != 0 || s.waits {
		t.Errorf("in the next round %d packets, %d sockets wait", b.b.in.packets, len(b.l.later))
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
	b.round()
	if len(b.l.later) != 0 || b.b.in.packets != 1 {
		t.Errorf("%d wait, %d packets", len(b.l.later), b.b.in.packets)
	}
}

// What has waited too long is left out and counted.
func TestLatePacketsAreDiscarded(t *testing.T) {
	b := newBench(t, profiles["GCM"], opusCodec, pcmuCodec)
	b.transcoded(t, 2)
	b.l.putOff(&b.b.rtp)
	b.l.now += int64(playLapse + time.Millisecond)
	b.round()
	if n := b.l.count.drop[DropLate].Load(); n != 2 || b.b.in.packets != 0 {
		t.Errorf("%d discarded, %d transcoded", n, b.b.in.packets)
	}
	b.transcoded(t, 1)
	b.l.putOff(&b.b.rtp)
	b.round()
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

// A socket that is read in part is read on, although epoll tells of it once only.
func TestNothingIsLeftInASocket(t *testing.T) {
	b := newBench(t, profiles["GCM"], pcmuCodec, pcmuCodec)
	far, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(localhost, b.b.pair.addr.Port())))
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	const many = 40 // more than a turn reads of a stream
	for range many {
		if _, err := far.Write(make([]byte, 20)); err != nil {
			t.Fatal(err)
		}
	}
	b.l.read(&b.b.rtp)
	if len(b.l.later) != 1 {
		t.Fatal("the rest is forgotten")
	}
	for range 10 {
		b.round()
	}
	if len(b.l.later) != 0 || b.l.taken != many {
		t.Errorf("%d of %d read", b.l.taken, many)
	}
}
