package media

import "testing"

// Packets for phones leave when the round is over, or when no more can be collected, each of them once; what the kernel refuses is counted.
func TestWhatPhonesGetIsCollected(t *testing.T) {
	w := newPhones(t, stream(pcmaCodec, 0), stream(pcmaCodec, 0))
	l, g := w.l, w.b
	b := []byte{0x80, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xd5}
	for range batchSize {
		l.queueOwn(g.rtp.fd, b, &g.to)
	}
	if n := l.singles.n; n != batchSize {
		t.Errorf("%d are collected, want %d", n, batchSize)
	}
	l.queueOwn(-1, b, &g.to)
	if n := l.singles.n; n != 1 {
		t.Errorf("%d are left behind a full batch", n)
	}
	if n := len(w.sent(t)); n != batchSize {
		t.Errorf("%d have left, want %d", n, batchSize)
	}
	if n := l.count.drop[DropSend].Load(); n != 1 || l.singles.n != 0 {
		t.Errorf("%d refused, want 1; %d are left", n, l.singles.n)
	}
}

// A leg's socket does not go, to rest or to another loop, before what was to leave by it.
func TestNothingIsLeftForASocketThatGoes(t *testing.T) {
	for what, away := range map[string]func(l *loop, g *leg){
		"end":  func(l *loop, g *leg) { g.session.end(l) },
		"give": func(l *loop, g *leg) { l.give(g.session, l, soon) },
	} {
		w := newPhones(t, stream(pcmaCodec, 0), stream(pcmaCodec, 0))
		if d := w.speak(t, w.a, 8, 1, 160, make([]byte, 160)); d != Delivered || w.l.singles.n != 1 {
			t.Fatalf("%s: %v, %d are collected", what, d, w.l.singles.n)
		}
		away(w.l, w.a)
		if n := w.l.singles.n; n != 0 {
			t.Errorf("%s: %d packets are left", what, n)
		}
		if n := len(w.sent(t)); n != 1 {
			t.Errorf("%s: %d packets have left, want 1", what, n)
		}
	}
}
