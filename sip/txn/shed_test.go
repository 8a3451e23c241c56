package txn

import (
	"bytes"
	"testing"

	"drawbridge/sip/wire"
	"drawbridge/telemetry"
)

// pressedBench is a shard whose mailbox refuses everything new.
func pressedBench(t testing.TB) (*bench, FlowKey) {
	b := newBench(t)
	b.sh.box.limit = 0
	return b, newFakeFlow("198.51.100.1:5060", false).Key()
}

// TestShedAnswersAsReadingWould: the same 503, byte for byte or nearly, and its ACK ends here.
func TestShedAnswersAsReadingWould(t *testing.T) {
	b, k := pressedBench(t)
	f := newFakeFlow("198.51.100.1:5060", false)
	var told uint64
	b.core.cfg.Events.Refused = func(e telemetry.Refused) { told += e.Count }
	m := request(wire.INVITE, "z9hG4bKa", "")
	answer, done := b.core.Shed(k, m.Bytes(), nil)
	b.core.Receive(f, m.Bytes())
	if !done || len(f.sent) != 1 {
		t.Fatalf("%t %q, read: %v", done, answer, f.sent)
	}
	if got, v := wire.Read(answer, wire.CanonOptions{}); v.Status != 0 || !bytes.Equal(got.Bytes(), f.sent[0].Bytes()) {
		t.Errorf("%q\nread: %q", answer, f.sent[0].Bytes())
	}
	got, _ := wire.Read(answer, wire.CanonOptions{})
	if answer, done = b.core.Shed(k, request(wire.ACK, "z9hG4bKa", got.ToTag()).Bytes(), nil); !done || len(answer) != 0 {
		t.Errorf("the ACK: %t %q", done, answer)
	}
	if s := b.core.Stats(); s.Overload != 2 {
		t.Errorf("%+v", s)
	}
	b.core.shed.settle(b.core.cfg.Events)
	if told != 2 {
		t.Errorf("%d are told of", told)
	}
}

// TestShedLeavesToReading what is no new INVITE, and everything when there is room.
func TestShedLeavesToReading(t *testing.T) {
	b, k := pressedBench(t)
	far := request(wire.INVITE, "z9hG4bKfar", "")
	far.Via[0].Host = "198.51.100.9" // its answers go to where it came from, with received
	legacy := request(wire.INVITE, "1", "")
	known := request(wire.INVITE, "z9hG4bKknown", "")
	b.sh.box.limit = 100
	if _, done := b.core.Shed(k, known.Bytes(), nil); done {
		t.Error("there is room")
	}
	b.core.Receive(newFakeFlow("198.51.100.1:5060", false), known.Bytes())
	b.sh.box.limit = 0
	for name, m := range map[string]*wire.Message{
		"BYE": request(wire.BYE, "z9hG4bKb", "t"), "in a dialog": request(wire.INVITE, "z9hG4bKc", "t"), "ACK of a dialog": request(wire.ACK, "z9hG4bKd", "t"),
		"sent-by elsewhere": far, "RFC 2543": legacy, "let in before": known,
	} {
		if answer, done := b.core.Shed(k, m.Bytes(), nil); done {
			t.Errorf("%s: %q", name, answer)
		}
	}
}

// TestShedDropsTheACKOfARefusalAtAnyTime: it comes when there is room again, too. The ACK of a dialog is for its call.
func TestShedDropsTheACKOfARefusalAtAnyTime(t *testing.T) {
	b, k := pressedBench(t)
	m := request(wire.INVITE, "z9hG4bKa", "")
	tag := b.core.statelessTag(m)
	b.sh.box.limit = 100
	for ack, want := range map[*wire.Message]bool{
		request(wire.ACK, "z9hG4bKa", tag): true, request(wire.ACK, "z9hG4bKa", b.sh.Token()): false, request(wire.ACK, "z9hG4bKa", ""): false,
		request(wire.ACK, "z9hG4bKa", "--"+tag[nodeLen:]): false,
	} {
		if answer, done := b.core.Shed(k, ack.Bytes(), nil); done != want || len(answer) > 0 {
			t.Errorf("To tag %q: dropped %t, answer %q", ack.ToTag(), done, answer)
		}
	}
}

// Budget: nothing, but for what is told.
func TestShedDoesNotAllocate(t *testing.T) {
	b, k := pressedBench(t)
	b.core.cfg.Server = "Drawbridge of some length/1.2.3"
	raw, room := request(wire.INVITE, "z9hG4bKa", "").Bytes(), make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(100, func() { b.core.Shed(k, raw, room) }); n != 0 {
		t.Errorf("%v", n)
	}
}

// BenchmarkShed is an INVITE that is turned away unread, and the ACK to that.
func BenchmarkShed(bm *testing.B) {
	b, k := pressedBench(bm)
	room := make([]byte, 0, 1024)
	raw, ack := request(wire.INVITE, "z9hG4bKa", "").Bytes(), request(wire.ACK, "z9hG4bKa", "aaabcdefghijkl").Bytes()
	bm.ReportAllocs()
	for bm.Loop() {
		b.core.Shed(k, raw, room)
		b.core.Shed(k, ack, room)
	}
}
