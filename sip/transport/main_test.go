package transport

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/goleak"

	"drawbridge/sip/txn"
	"drawbridge/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sink is a Receiver that a test waits on.
type sink struct {
	got  chan message
	lost chan error
}

type message struct {
	flow txn.Flow
	text string
}

func newSink() *sink { return &sink{got: make(chan message, 1024), lost: make(chan error, 16)} }

func (s *sink) Receive(f txn.Flow, raw []byte) { s.got <- message{f, string(raw)} }
func (s *sink) FlowLost(_ txn.Flow, why error) { s.lost <- why }

// wait takes from a channel, or fails the test after a time that only a broken one needs.
func wait[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(20 * time.Second):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// events collects what is refused.
func events(c chan telemetry.Refused) telemetry.Listener {
	return telemetry.Listener{Refused: func(e telemetry.Refused) { c <- e }}
}

// start runs a transport until the test ends.
func start(t *testing.T, cfg Config) *Transport {
	t.Helper()
	tr, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- tr.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v", err)
		}
	})
	return tr
}

func ap(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }
