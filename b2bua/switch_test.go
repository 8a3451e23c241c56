package b2bua

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"drawbridge/media"
	"drawbridge/media/offer"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
	"drawbridge/telemetry"
)

// brokenMedia is a defect: binding the caller's leg panics.
type brokenMedia struct{ *memMedia }

func (m brokenMedia) Bind(leg media.LegID, st *offer.Stream) {
	if leg == media.A {
		panic("defect")
	}
	m.memMedia.Bind(leg, st)
}

// TestPanicEndsOneCall: a defect ends the call it strikes, with a CDR and without a leak; the next call on the same shard is served.
func TestPanicEndsOneCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w *world
		broken := true
		w = newWorld(t, func(c *Config) {
			sound := c.open
			c.open = func(call string, notify func(media.Event)) session {
				m := sound(call, notify)
				if broken {
					return brokenMedia{m.(*memMedia)}
				}
				return m
			}
		})
		p := &player{world: w}
		run := func(lines string) {
			for line := range strings.SplitSeq(lines, ";") {
				p.text = line
				p.step(strings.Fields(line))
				synctest.Wait()
			}
		}
		run("A -> INVITE 100; T <- INVITE; T -> 200; T <- ACK; A <- 200; T <- BYE; T -> 200; A -> ACK; A <- BYE; A -> 200")
		run("expect ended sip=500 by=gateway text=internal")
		broken = false
		run("A -> INVITE 100; T <- INVITE; T -> 486; T <- ACK; A <- 486; expect cdrs 2")
		panics := 0
		w.record(func() {
			w.events, panics = dropPanics(w.events)
		})
		if panics != 1 {
			t.Errorf("%d panics reported", panics)
		}
		w.close()
	})
}

// TestDialogsAreCounted: one for each leg, early or not, until the stragglers of the call have gone.
func TestDialogsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(*Config) {})
		p := &player{world: w}
		for _, c := range []struct {
			lines string
			want  int
		}{
			{"A -> INVITE 100; T <- INVITE; T -> 180; A <- 180", 2},
			{"T -> 200; T <- ACK; A <- 200; A -> ACK", 2},
			{"A -> BYE; A <- 200; T <- BYE; T -> 200; wait 31s", 2},
			{"wait 9s", 0},
		} {
			for line := range strings.SplitSeq(c.lines, ";") {
				p.text = line
				p.step(strings.Fields(line))
				synctest.Wait()
			}
			if n := w.sw.Dialogs(); n != c.want {
				t.Errorf("%d dialogs after %q, want %d", n, c.lines, c.want)
			}
		}
		w.close()
	})
}

// hopelessMedia panics whatever it is asked for.
type hopelessMedia struct{ brokenMedia }

func (m hopelessMedia) Close() {
	m.w.record(func() { m.closed = 1 })
	panic("defect")
}

// TestHopelessCallIsDiscarded: when a call cannot even hang up, its slots and its place in the books come back all the same.
func TestHopelessCallIsDiscarded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *Config) {
			sound := c.open
			c.open = func(call string, notify func(media.Event)) session {
				return hopelessMedia{brokenMedia{sound(call, notify).(*memMedia)}}
			}
		})
		p := &player{world: w}
		for line := range strings.SplitSeq("A -> INVITE 100; T <- INVITE; T -> 486; T <- ACK; A <- 486; expect ended sip=500 text=internal", ";") {
			p.text = line
			p.step(strings.Fields(line))
			synctest.Wait()
		}
		w.record(func() { w.events, _ = dropPanics(w.events) })
		w.close()
	})
}

func dropPanics(events []any) (rest []any, panics int) {
	for _, e := range events {
		if l, ok := e.(telemetry.Lifecycle); ok && l.What == "panic" {
			panics++
			continue
		}
		rest = append(rest, e)
	}
	return rest, panics
}

// TestACallOwnsItsNumbers: limits and fraud rules keep them while the call is up, and would keep the INVITE that they stand in.
func TestACallOwnsItsNumbers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		defer w.close()
		for _, from := range []string{"A", "U"} {
			w.peers[from].send(w.peers[from].call("100"))
			synctest.Wait()
			for _, b := range w.sw.books {
				for at := range b.seats {
					s := at.call.setup
					for _, number := range []string{s.From, s.To, at.slots.number} {
						for _, word := range []string{s.Invite.URI.User, s.Invite.From.URI.User, s.Invite.To.URI.User} {
							if number != "" && unsafe.StringData(number) == unsafe.StringData(word) {
								t.Errorf("%s of %s is a part of the INVITE", number, from)
							}
						}
					}
				}
			}
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = w.sw.Drain(ctx) // cuts them
	})
}

func TestDrainOfAnIdleSwitchReturnsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		defer w.close()
		start := time.Now()
		if err := w.sw.Drain(t.Context()); err != nil || time.Since(start) != 0 {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestDrainCutsWhatDoesNotEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		defer w.close()
		w.peers["A"].send(w.peers["A"].call("100"))
		synctest.Wait()
		if w.sw.Active() != 1 {
			t.Fatalf("%d calls", w.sw.Active())
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := w.sw.Drain(ctx); !errors.Is(err, ErrDraining) {
			t.Errorf("%v", err)
		}
	})
}

func TestKnows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *Config) {
			c.Trunks[0].Sources = []netip.Prefix{netip.MustParsePrefix("192.0.2.128/25")}
		})
		defer w.close()
		rows := map[string]bool{
			"access 203.0.113.77": false, "carrier 192.0.2.1": true, "carrier 192.0.2.200": true, "carrier ::ffff:192.0.2.200": true,
			"carrier 198.51.100.66": false, "elsewhere 192.0.2.1": false,
		}
		for row, want := range rows {
			realm, src, _ := strings.Cut(row, " ")
			if got := w.sw.Knows(realm, netip.MustParseAddr(src)); got != want {
				t.Errorf("%s: %t", row, got)
			}
		}
	})
}

// Budget: a whole call through Handle, both legs' SIP and SDP included, in well under a millisecond.
func BenchmarkCall(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		r := newRig(&testing.T{})
		r.play("invite; 1 180; 1 200; a ACK; a BYE; 1 200 BYE")
	}
}

// TestTrunksOnOneHost: two trunks of one provider differ by their port only.
func TestTrunksOnOneHost(t *testing.T) {
	core, err := txn.New(txn.Config{})
	if err != nil {
		t.Fatal(err)
	}
	source := []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")}
	s := New(Config{Core: core, Settings: Settings{Trunks: []Trunk{
		{Name: "other", Realm: "elsewhere", Sources: source},
		{Name: "first", Realm: "carrier", Targets: []wire.URI{{Scheme: "sip", Host: "192.0.2.1"}}, Sources: source},
		{Name: "second", Realm: "carrier", Targets: []wire.URI{{Scheme: "sip", Host: "192.0.2.1", Port: 5070}}, Sources: source},
	}}})
	for from, want := range map[string]string{"192.0.2.1:5060": "first", "192.0.2.1:5070": "second", "192.0.2.1:40000": "first", "192.0.2.9:5070": ""} {
		got := ""
		if found := s.view().trunkAt(&memFlow{realm: "carrier", remote: netip.MustParseAddrPort(from)}, wire.NewRequest(wire.INVITE, wire.URI{})); found != nil {
			got = found.trunk.Name
		}
		if got != want {
			t.Errorf("%s is trunk %q, want %q", from, got, want)
		}
	}
}
