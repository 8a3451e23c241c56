package txn

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"drawbridge/sip/wire"
)

// TestServerRelic: what a copy is told by what stays of a server transaction, and what the user hears of it.
func TestServerRelic(t *testing.T) {
	for _, row := range []struct {
		method             wire.Method
		reach, event       string
		sent, heard, about string
	}{
		{wire.INVITE, "200 settle", "again", "", "", "a copy of the INVITE is nobody's business"},
		{wire.INVITE, "200 settle", "ACK", "", "stray ACK", "an ACK is the dialog's"},
		{wire.INVITE, "200 settle", "CANCEL", "200", "", "too late, as before"},
		{wire.INVITE, "200 settle", "other", "482", "", "a merged request is still found out"},
		{wire.INVITE, "200 settle", "200", "200", "", "the user may send a further 2xx"},
		{wire.INVITE, "486 ACK", "other", "482", "", ""},
		{wire.INVITE, "486 ACK", "CANCEL", "200", "", ""},
		{wire.OPTIONS, "200", "again again", "200 200", "", "each copy gets the answer"},
		{wire.OPTIONS, "200", "other", "482", "", ""},
		{wire.INVITE, "200 settle life", "again", "", "INVITE", "it is forgotten"},
		{wire.OPTIONS, "200 life", "again", "", "OPTIONS", "it is forgotten"},
	} {
		t.Run(strings.Join([]string{string(row.method), row.reach, row.event}, "/"), func(t *testing.T) {
			d := newServerDrive(t, row.method, false)
			for _, e := range strings.Fields(row.reach) {
				d.do(e)
			}
			d.flow.take()
			d.b.user.take()
			if !d.tx.buried || len(d.b.sh.servers) != 0 {
				t.Fatal("the machine is still there")
			}
			for _, e := range strings.Fields(row.event) {
				d.do(e)
			}
			if diff := cmp.Diff([]string{row.sent, row.heard}, []string{strings.Join(d.flow.take(), " "), strings.Join(d.b.user.take(), " ")}); diff != "" {
				t.Errorf("%s: %s", row.about, diff)
			}
		})
	}
}

// TestRelicAnswerIsTheSame: a copy gets the very bytes, and CANCEL the INVITE's To tag.
func TestRelicAnswerIsTheSame(t *testing.T) {
	d := newServerDrive(t, wire.OPTIONS, false)
	d.do("200")
	d.do("again")
	if diff := cmp.Diff(d.flow.sent[0].Bytes(), d.flow.sent[1].Bytes()); diff != "" {
		t.Error(diff)
	}
	d = newServerDrive(t, wire.INVITE, false)
	d.do("200")
	d.tx.Settle()
	d.do("CANCEL")
	if a, b := d.flow.sent[0].ToTag(), d.flow.sent[1].ToTag(); a != b {
		t.Errorf("To tag %q, CANCEL's %q", a, b)
	}
}

// TestRelicsKeepTheirTime: none ends early, none much later, whatever else lies in the same day.
func TestRelicsKeepTheirTime(t *testing.T) {
	b := newBench(t)
	ends := map[time.Duration]int{TimerI: 0, TimerJ: 0}
	for d := range ends {
		for i := range 100 {
			b.sh.bury(relic{key: key{uint64(i), uint64(d)}, kind: relicConfirmed}, b.sh.clock.due(d, life), []byte("x"), nil)
		}
	}
	left := func(d time.Duration) (n int) {
		for i := range 100 {
			if !b.over(key{uint64(i), uint64(d)}) {
				n++
			}
		}
		return n
	}
	for _, step := range []struct {
		by         time.Duration
		fives, all int
	}{{TimerI - dayLength, 100, 100}, {2 * dayLength, 0, 100}, {TimerJ - TimerI - 2*dayLength, 0, 100}, {2 * dayLength, 0, 0}} {
		b.elapse(step.by)
		if fives, all := left(TimerI), left(TimerJ); fives != step.fives || all != step.all {
			t.Errorf("after another %v: %d and %d are left, want %d and %d", step.by, fives, all, step.fives, step.all)
		}
	}
	b.left(t)
}

// packed is a user that can be written down, and the one that makes it again.
type packed struct {
	fakeUser
	made []string
}

func (u *packed) Pack(room []byte) []byte { return append(room, "will"...) }

func (u *packed) Unpack(_ *Shard, _ Flow, b []byte) ClientUser {
	u.made = append(u.made, string(b))
	return u
}

// TestPack: another 2xx brings a packed user back, once, until the transaction ends; nothing else does.
func TestPack(t *testing.T) {
	for _, row := range []struct{ events, heard, made string }{
		{"200 pack", "200", ""},
		{"200 pack 200 200", "200 200 200", "will"},
		{"200 pack 486 180", "200", ""},
		{"200 pack life 200", "200", ""},
		{"200 pack 200 life 200", "200 200", "will"},
		{"200 pack pack 200", "200 200", "will"},
		{"180 pack 200", "180 200", ""},
		{"486 pack 486", "486", ""},
	} {
		t.Run(row.events, func(t *testing.T) {
			d, u := newClientDrive(t, wire.INVITE, false), &packed{}
			d.b.core.user, d.cl.user = u, u
			for _, e := range strings.Fields(row.events) {
				switch e {
				case "pack":
					d.cl.Pack()
				case "life":
					d.b.elapse(TimerM + dayLength)
				default:
					d.do(e)
				}
			}
			if diff := cmp.Diff([]string{row.heard, row.made}, []string{strings.Join(u.take(), " "), strings.Join(u.made, " ")}); diff != "" {
				t.Error(diff)
			}
			d.b.elapse(time.Hour)
			d.b.left(t)
		})
	}
}

// TestPackedStaysInItsRealm: who answers from another realm brings nobody back.
func TestPackedStaysInItsRealm(t *testing.T) {
	d, u := newClientDrive(t, wire.INVITE, false), &packed{}
	d.b.core.user, d.cl.user = u, u
	d.do("200")
	d.cl.Pack()
	other := newFakeFlow("198.51.100.1:5060", false)
	other.key.Realm = "elsewhere"
	d.b.receive(other, wire.NewResponse(d.req, 200, "", "x"))
	if len(u.made) != 0 {
		t.Error("it was brought back")
	}
}

// TestRelicAllocs: a relic takes no memory of its own where one was before.
func TestRelicAllocs(t *testing.T) {
	b, f := newBench(t), newFakeFlow("198.51.100.1:5060", false)
	answer := []byte(strings.Repeat("x", 400))
	n := uint64(0)
	round := func() {
		for range 100 {
			n++
			b.sh.bury(relic{key: key{n, n}, kind: relicRefused}, b.sh.clock.due(TimerJ, life), answer, f)
		}
		b.elapse(TimerJ + dayLength)
	}
	for range 20 {
		round()
	}
	if got := testing.AllocsPerRun(50, round); got > 20 {
		t.Errorf("%v allocs for 100 relics", got)
	}
	b.left(t)
}

// BenchmarkRelic is one transaction over.
func BenchmarkRelic(b *testing.B) {
	d, f := newBench(b), newFakeFlow("198.51.100.1:5060", false)
	answer := []byte(strings.Repeat("x", 400))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		d.sh.bury(relic{key: key{uint64(i), 1}, kind: relicRefused}, d.sh.clock.due(TimerJ, life), answer, f)
		if i%1000 == 0 {
			d.elapse(TimerJ + dayLength)
		}
	}
}
