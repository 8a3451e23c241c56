// Package load calls the gateway at a rate, and then looks for what was not given back.
package load

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"drawbridge/tests/gateway"
	"drawbridge/tests/phone"
)

const (
	calls  = 2000
	warmUp = 400
	rate   = 200              // calls per second
	talk   = time.Second      // so that about 200 calls are up at a time
	rest   = 60 * time.Second // transactions of answered calls live for 32 s, RFC 6026
)

var calleeAddr = netip.MustParseAddr("127.0.4.1")

func TestMain(m *testing.M) {
	if err := gateway.Alone(); err != nil {
		fmt.Fprintln(os.Stderr, "tests/load:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// TestTwoThousandCalls goes from trunk to trunk, and nothing may be left.
func TestTwoThousandCalls(t *testing.T) {
	if testing.Short() {
		t.Skip("2 000 calls take a minute")
	}
	phone.Need(t, "sipp")
	callee := netip.AddrPortFrom(calleeAddr, uint16(gateway.FreeUDP(t, calleeAddr)))
	caller := netip.AddrPortFrom(gateway.PhoneAddr, uint16(gateway.FreeUDP(t, gateway.PhoneAddr)))
	gw := gateway.Start(t, gateway.Config{
		Trunks: []gateway.Trunk{{Name: "from", Target: caller}, {Name: "to", Target: callee}},
		Routes: []gateway.Route{{From: "carrier", To: "+4970*", Via: "to"}},
		Ports:  4000,
		Pprof:  true,
	})
	drive(t, gw, caller, callee, warmUp) // what is made once in a process is made now
	before := collected(t, gw)
	start := time.Now()
	drive(t, gw, caller, callee, calls)
	t.Logf("%d calls in %.1f s", calls, time.Since(start).Seconds())
	if n := answered(t, gw); n != calls+warmUp {
		t.Errorf("%d answered calls in the records, want %d", n, calls+warmUp)
	}
	compare(t, before, settle(t, gw))
}

// drive places n calls at the rate; every one must go as written on both sides.
func drive(t *testing.T, gw *gateway.Gateway, caller, callee netip.AddrPort, n int) {
	t.Helper()
	limit := time.Duration(n/rate)*time.Second + 40*time.Second
	uas := phone.Start(t, phone.Scenario{Name: "uas_answer", Addr: callee.Addr(), Port: int(callee.Port()), Calls: n, Rate: rate, Limit: limit})
	uac := phone.Start(t, phone.Scenario{
		Name: "uac_bye", Port: int(caller.Port()), Target: gw.SIP, Number: "+4970123", Calls: n, Rate: rate, Talk: talk, Limit: limit,
	})
	uac.Wait(t)
	uas.Wait(t)
}

// level is what the gateway holds.
type level struct{ goroutines, sockets, ports, sessions, transactions, timers, heap float64 }

func read(t *testing.T, gw *gateway.Gateway) level {
	t.Helper()
	m := gw.Metrics(t)
	return level{
		goroutines: m.Value(t, "go_goroutines"), sockets: m.Value(t, "process_open_fds") - m.Value(t, "drawbridge_media_sockets_resting"),
		ports: m.Sum("drawbridge_media_ports"), sessions: m.Value(t, "drawbridge_media_sessions"),
		transactions: m.Sum("drawbridge_transactions"), timers: m.Value(t, "drawbridge_timers"),
		heap: m.Value(t, "go_memstats_heap_alloc_bytes"),
	}
}

// settle waits until the last transaction is over, collects garbage and reads the level.
func settle(t *testing.T, gw *gateway.Gateway) level {
	t.Helper()
	gateway.Eventually(t, rest, "the last transaction and session end", func() bool {
		l := read(t, gw)
		return l.transactions == 0 && l.sessions == 0
	})
	return collected(t, gw)
}

// collected reads the level without garbage. A sync.Pool is empty after the second collection.
func collected(t *testing.T, gw *gateway.Gateway) level {
	t.Helper()
	gw.Collect(t)
	gw.Collect(t)
	return read(t, gw)
}

// mapRoom is what the heap may keep: maps do not shrink, and 2 000 calls at this rate have 8 000 transactions at a time. More loads of the
// same size do not raise it.
const mapRoom = 3 << 20

// compare allows that room, and a few goroutines and descriptors of the reading itself.
func compare(t *testing.T, before, after level) {
	t.Helper()
	t.Logf("before %+v", before)
	t.Logf("after  %+v", after)
	for _, c := range []struct {
		what         string
		after, limit float64
	}{
		{"goroutines", after.goroutines, before.goroutines + 3},
		{"open files", after.sockets, before.sockets + 3},
		{"RTP port pairs", after.ports, before.ports},
		{"timers", after.timers, before.timers + 3},
		{"bytes of heap", after.heap, before.heap + mapRoom},
	} {
		if c.after > c.limit {
			t.Errorf("%.0f %s are left, at most %.0f were expected", c.after, c.what, c.limit)
		}
	}
}

// answered counts the records of calls that were answered and ended by the caller.
func answered(t *testing.T, gw *gateway.Gateway) int {
	t.Helper()
	var n int
	gateway.Eventually(t, 5*time.Second, "the last call record", func() bool {
		n = 0
		for _, c := range gw.CDRs(t) {
			if c.Answer != nil && c.Cause.Q850 == 16 && strings.EqualFold(c.Cause.By, "a") {
				n++
			}
		}
		return n >= calls+warmUp
	})
	return n
}
