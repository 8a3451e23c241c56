package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"drawbridge/tests/gateway"
)

// level is what the gateway holds.
type level struct {
	calls, dialogs, outside, transactions, timers, sessions, ports, goroutines, files, heap, panics, overload float64
}

func read(gw *gateway.Gateway) (level, error) {
	m, err := gw.ReadMetrics()
	if err != nil {
		return level{}, err
	}
	var missing error
	value := func(name string) float64 {
		v, ok := m[name]
		if !ok {
			missing = errors.Join(missing, fmt.Errorf("no metric %s", name))
		}
		return v
	}
	return level{
		calls: value("drawbridge_calls_active"), dialogs: value("drawbridge_dialogs"), transactions: m.Sum("drawbridge_transactions"),
		outside: value("drawbridge_subscriptions") + value("drawbridge_errands"),
		timers:  value("drawbridge_timers"), sessions: value("drawbridge_media_sessions"), ports: m.Sum("drawbridge_media_ports"),
		goroutines: value("go_goroutines"), files: value("process_open_fds") - value("drawbridge_media_sockets_resting"), heap: value("go_memstats_heap_alloc_bytes"),
		panics: value("drawbridge_panics_total"), overload: value("drawbridge_overload_total"),
	}, missing
}

func (l level) String() string {
	return fmt.Sprintf("calls=%.0f dialogs=%.0f transactions=%.0f timers=%.0f ports=%.0f goroutines=%.0f files=%.0f heap_mb=%.1f",
		l.calls, l.dialogs, l.transactions, l.timers, l.ports, l.goroutines, l.files, l.heap/(1<<20))
}

// busy is what ends with the calls.
func (l level) busy() float64 {
	return l.calls + l.dialogs + l.outside + l.transactions + l.sessions + l.ports
}

// Room that the second look may take. Reading itself has a connection; maps keep their size, but a burst may have made one grow.
const (
	roomCount = 3
	roomHeap  = 3 << 20
)

// leaks names what was held before and is held more of after.
func (l level) leaks(after level) []string {
	var out []string
	for _, c := range []struct {
		what                string
		before, after, room float64
	}{
		{"calls", 0, after.calls, 0}, {"dialogs", 0, after.dialogs, 0}, {"requests outside calls", 0, after.outside, 0},
		{"transactions", 0, after.transactions, 0},
		{"media sessions", 0, after.sessions, 0}, {"port pairs", 0, after.ports, 0},
		{"timers", l.timers, after.timers, roomCount}, {"goroutines", l.goroutines, after.goroutines, roomCount},
		{"open files", l.files, after.files, roomCount}, {"bytes of heap", l.heap, after.heap, roomHeap},
	} {
		if c.after > c.before+c.room {
			out = append(out, fmt.Sprintf("%s: %.0f before, %.0f after", c.what, c.before, c.after))
		}
	}
	return out
}

// settle waits until nothing is busy any more, or until the rest is over, and reads the level without garbage.
func settle(ctx context.Context, gw *gateway.Gateway) (level, error) {
	ctx, cancel := context.WithTimeout(ctx, rest)
	defer cancel()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		l, err := read(gw)
		if err != nil {
			return l, err
		}
		if l.busy() == 0 {
			break
		}
		select {
		case <-tick.C:
			continue
		case <-ctx.Done():
		}
		break
	}
	for range 2 { // a sync.Pool is empty after the second collection
		if err := gw.CollectGarbage(); err != nil {
			return level{}, err
		}
	}
	return read(gw)
}
