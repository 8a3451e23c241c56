package txn

import (
	"strconv"
	"testing"

	"drawbridge/sip/wire"
)

// discard is a flow that sends nowhere.
type discard struct{ *fakeFlow }

func (discard) Send([]byte) error { return nil }

// quick answers every INVITE 200.
type quick struct{ fakeUser }

func (u *quick) Request(_ *Shard, tx *Server, _ Flow, m *wire.Message) {
	if tx != nil {
		_ = tx.Respond(wire.NewResponse(m, 200, "", tx.Tag()))
	}
}

// callDrive runs INVITE -> 200 -> ACK on one shard and ends the transaction.
type callDrive struct {
	b    *bench
	flow discard
	raw  [][]byte // ways to write the same call with other identifiers
	next int
}

func newCallDrive(t testing.TB) *callDrive {
	d := &callDrive{b: newBench(t), flow: discard{newFakeFlow("198.51.100.1:5060", false)}}
	d.b.core.user = new(quick)
	for i := range 64 {
		m := request(wire.INVITE, "z9hG4bK"+strconv.Itoa(i), "")
		m.CallID += strconv.Itoa(i)
		ack := request(wire.ACK, "z9hG4bKack"+strconv.Itoa(i), "dialog")
		d.raw = append(d.raw, m.Bytes(), ack.Bytes())
	}
	return d
}

func (d *callDrive) call() {
	sh := d.b.sh
	for range 2 {
		d.b.core.Receive(d.flow, d.raw[d.next%len(d.raw)])
		d.next++
	}
	batch := sh.box.take(nil)
	for i := range batch {
		sh.handle(&batch[i])
		sh.box.handled(&batch[i])
	}
	for _, tx := range sh.servers {
		tx.terminate()
	}
}

// parsed is what the same two messages cost before this package sees them.
func (d *callDrive) parsed() {
	for range 2 {
		wire.Read(d.raw[d.next%len(d.raw)], wire.CanonOptions{})
		d.next++
	}
}

// Budget: 12 allocs beyond parsing, the user's response and its bytes included.
func TestCallAllocs(t *testing.T) {
	d := newCallDrive(t)
	all := testing.AllocsPerRun(200, d.call)
	parse := testing.AllocsPerRun(200, d.parsed)
	if all-parse > 12 {
		t.Errorf("%v allocs, %v of them for parsing", all, parse)
	}
}

// BenchmarkCall is INVITE -> 200 -> ACK through parser, mailbox and machine.
func BenchmarkCall(b *testing.B) {
	d := newCallDrive(b)
	b.ReportAllocs()
	for b.Loop() {
		d.call()
	}
}

// BenchmarkParseOnly is the part of BenchmarkCall that is not this package's.
func BenchmarkParseOnly(b *testing.B) {
	d := newCallDrive(b)
	b.ReportAllocs()
	for b.Loop() {
		d.parsed()
	}
}

// BenchmarkOverload is a refused INVITE: it must cost a small part of a call.
func BenchmarkOverload(b *testing.B) {
	d := newCallDrive(b)
	d.b.sh.box.limit = 0
	b.ReportAllocs()
	for b.Loop() {
		d.b.core.Receive(d.flow, d.raw[0])
	}
}
