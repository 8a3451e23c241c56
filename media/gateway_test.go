package media_test

import (
	"context"
	"net/netip"
	"sync"
	"testing"
	"time"

	"drawbridge/media"
	"drawbridge/media/mediatest"
	"drawbridge/media/offer"
	"drawbridge/telemetry"
)

// limit is how long a test waits for what must come: only a broken one needs that long, however busy the machine is.
const limit = 20 * time.Second

var loopback = netip.MustParseAddr("127.0.0.1")

// gateway is a running engine with one realm for browsers and one for phones.
type gateway struct {
	*media.Engine
	mu      sync.Mutex
	refused map[string]uint64
	changed chan struct{} // a refusal has been reported
}

func newGateway(t testing.TB, loops int) *gateway {
	t.Helper()
	return startGateway(t, loops, media.Realm{Bind: loopback, AllowLoopback: true})
}

func startGateway(t testing.TB, loops int, core media.Realm) *gateway {
	t.Helper()
	return startRealms(t, loops, map[string]media.Realm{
		"access": {WebRTC: []netip.AddrPort{netip.AddrPortFrom(loopback, 0)}, AllowLoopback: true},
		"core":   core,
	})
}

func startRealms(t testing.TB, loops int, realms map[string]media.Realm) *gateway {
	t.Helper()
	gw := &gateway{refused: map[string]uint64{}, changed: make(chan struct{}, 64)}
	e, err := media.New(media.Config{
		Loops:  loops,
		Realms: realms,
		Events: telemetry.Listener{Refused: gw.onRefused},
	})
	if err != nil {
		t.Fatal(err)
	}
	gw.Engine = e
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return gw
}

func (gw *gateway) onRefused(r telemetry.Refused) {
	gw.mu.Lock()
	gw.refused[r.Kind] += r.Count
	gw.mu.Unlock()
	select {
	case gw.changed <- struct{}{}:
	default:
	}
}

// waitRefused waits until so many refusals of a kind have become events.
func (gw *gateway) waitRefused(t testing.TB, kind string, n uint64) {
	t.Helper()
	deadline := time.After(limit)
	for {
		gw.mu.Lock()
		got := gw.refused[kind]
		gw.mu.Unlock()
		if got >= n {
			return
		}
		select {
		case <-gw.changed:
		case <-deadline:
			t.Fatalf("refused %s: %d, want %d; drops %v", kind, got, n, gw.Stats().Drops)
		}
	}
}

// call is a session with its events.
type call struct {
	*media.Session
	t      testing.TB
	events chan media.Event
	trunkB netip.AddrPort // where the phone of leg B sends
}

func (gw *gateway) open(t testing.TB) *call {
	t.Helper()
	c := &call{t: t, events: make(chan media.Event, 4096)}
	c.Session = gw.Open("call-1", func(ev media.Event) { c.events <- ev })
	t.Cleanup(c.Close)
	return c
}

// wait returns the next event of a kind; others are skipped.
func (c *call) wait(kind media.EventKind) media.Event {
	c.t.Helper()
	deadline := time.After(limit)
	for {
		select {
		case ev := <-c.events:
			if ev.Kind == kind {
				return ev
			}
		case <-deadline:
			c.t.Fatalf("event %d did not come", kind)
		}
	}
}

// never fails when an event of a kind is among those that have come.
func (c *call) never(kind media.EventKind) {
	c.t.Helper()
	for {
		select {
		case ev := <-c.events:
			if ev.Kind == kind {
				c.t.Fatalf("event %d: %+v", kind, ev)
			}
		default:
			return
		}
	}
}

var (
	pcmu  = offer.Codec{Name: "PCMU", PT: 0, Clock: 8000, Channels: 1}
	pcma  = offer.Codec{Name: "PCMA", PT: 8, Clock: 8000, Channels: 1}
	tev8k = offer.Codec{Name: "telephone-event", PT: 101, Clock: 8000, Channels: 1}
)

func (c *call) Bind(leg media.LegID, st offer.Stream) { c.Session.Bind(leg, &st) }

// trunkStream is what the offer machine says of a phone.
func trunkStream(p *mediatest.Phone, codec offer.Codec) offer.Stream {
	return offer.Stream{
		Remote: p.Addr(), RemoteRTCP: p.RTCPAddr(), Send: codec, Recv: codec, SendEvent: tev8k, RecvEvent: tev8k,
		MaySend: true, MayRecv: true, PtimeMS: 20,
	}
}

// trunk adds and binds a leg for a phone; the address is where the phone sends.
func (c *call) trunk(leg media.LegID, p *mediatest.Phone, codec offer.Codec) netip.AddrPort {
	c.t.Helper()
	local, err := c.Add(leg, media.Side{Realm: "core", Profile: offer.RTP})
	if err != nil {
		c.t.Fatal(err)
	}
	c.Bind(leg, trunkStream(p, codec))
	return local.RTP
}

// waitDrop waits until a counter has reached n.
func waitDrop(t testing.TB, gw *gateway, kind string, n uint64) {
	t.Helper()
	until(t, func() bool { return gw.Stats().Drops[kind] >= n })
}
