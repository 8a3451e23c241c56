package tests

import (
	"context"
	"math"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"

	"drawbridge/tests/browser"
	"drawbridge/tests/gateway"
	"drawbridge/tests/light"
	"drawbridge/tests/phone"
	"drawbridge/transcode"
)

// running is a call that must not notice an attack: a light client that says 1000 Hz to a phone that says 620 Hz, G.711 on both sides.
type running struct {
	client *light.Client
	line   *light.Line
	media  *phone.Media
	run    *phone.Run

	stop  chan struct{}
	loops sync.WaitGroup
	mu    sync.Mutex
	heard []int16 // the newest 250 ms
}

const signInLimit = 10 * time.Second

// newRunning sets the call up through the trunk at sipPort.
func newRunning(t *testing.T, gw *gateway.Gateway, sipPort int) *running {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), signInLimit)
	defer cancel()
	r := &running{media: phone.OpenMedia(t, "PCMA", tonePhone), stop: make(chan struct{})}
	r.run = phone.Start(t, phone.Scenario{Name: "uas_answer", Port: sipPort, Media: r.media, Limit: 2 * time.Minute})
	r.line = lineOf(ctx, t, gw)
	r.client = clientOf(t)
	r.client.OnRTP(r.hear)
	answer, err := r.line.Call("running", dialled, r.client.Offer("PCMA"))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.client.Connect(ctx, answer); err != nil {
		t.Fatal(err)
	}
	r.loops.Go(r.speak)
	t.Cleanup(func() {
		close(r.stop)
		r.loops.Wait()
	})
	r.unhurt(t)
	return r
}

func lineOf(ctx context.Context, t *testing.T, gw *gateway.Gateway) *light.Line {
	t.Helper()
	a := accountOf("json")
	line, err := light.SignIn(ctx, gw.Web, gw.Config.Key.Pool, a.Name, a.Password)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = line.Close() })
	return line
}

func clientOf(t *testing.T) *light.Client {
	t.Helper()
	c, err := light.New(gateway.AccessAddr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// speak sends 1000 Hz, a frame each 20 ms, and a check now and then to keep consent.
func (r *running) speak() {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: light.PTPCMA, SSRC: 77}, Payload: make([]byte, 160)}
	for n := 0; ; n++ {
		select {
		case <-r.stop:
			return
		case <-tick.C:
		}
		for i := range p.Payload {
			p.Payload[i] = transcode.ALawEncode(int16(8000 * math.Sin(2*math.Pi*browser.Microphone*float64(160*n+i)/8000)))
		}
		if r.client.Send(&p) != nil || n%100 == 0 && r.client.Consent() != nil {
			return // the socket is closed: the test is over
		}
		p.SequenceNumber++
		p.Timestamp += 160
	}
}

func (r *running) hear(p *rtp.Packet) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, b := range p.Payload {
		r.heard = append(r.heard, transcode.ALawDecode(b))
	}
	if extra := len(r.heard) - 2000; extra > 0 {
		r.heard = r.heard[extra:]
	}
}

// unhurt finds both tones in what is heard from now on.
func (r *running) unhurt(t *testing.T) {
	t.Helper()
	r.media.Hears(t, browser.Microphone, toneSeen)
	r.mu.Lock()
	r.heard = r.heard[:0]
	r.mu.Unlock()
	var tone float64
	if !gateway.Within(toneSeen, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		tone, _ = phone.Share(r.heard, tonePhone)
		return len(r.heard) == 2000 && tone > 0.9
	}) {
		t.Errorf("the browser's side does not hear %d Hz: share %.2f", tonePhone, tone)
	}
}

// hangUp ends the call and checks that nobody else did.
func (r *running) hangUp(t *testing.T) {
	t.Helper()
	if err := r.line.Hangup("running"); err != nil {
		t.Fatal(err)
	}
	r.run.Wait(t)
}

// besieged is a gateway with a running call on one trunk and a free one.
type besieged struct {
	gw   *gateway.Gateway
	call *running
	free int // SIP port behind numbers that begin with +4971
}

const freeNumber = "+4971000"

func newBesieged(t *testing.T) *besieged {
	t.Helper()
	phone.Need(t, "sipp")
	busy, free := gateway.FreeUDP(t, gateway.PhoneAddr), gateway.FreeUDP(t, gateway.PhoneAddr)
	at := func(port int) netip.AddrPort { return netip.AddrPortFrom(gateway.PhoneAddr, uint16(port)) }
	gw := gateway.Start(t, gateway.Config{
		Users:  []gateway.User{accountOf("json"), accountOf("jssip")},
		Trunks: []gateway.Trunk{{Name: "acme", Target: at(busy)}, {Name: "other", Target: at(free)}},
		Routes: []gateway.Route{{From: "access", To: "+4971*", Via: "other"}, {From: "access", To: "*", Via: "acme"}},
	})
	return &besieged{gw: gw, call: newRunning(t, gw, busy), free: free}
}

// counts expects that attack raises the metric of a refusal's kind by at least n, and writes one event to the log.
func (b *besieged) counts(t *testing.T, kind string, n int, attack func()) {
	t.Helper()
	label := `kind="` + kind + `"`
	before := b.gw.Metrics(t).Sum("drawbridge_refused_total", label)
	events := b.events(kind)
	attack()
	gateway.Eventually(t, eventSeen, "a refusal "+kind+" is counted", func() bool {
		return b.gw.Metrics(t).Sum("drawbridge_refused_total", label) >= before+float64(n)
	})
	gateway.Eventually(t, eventSeen, "a refusal "+kind+" is in the log", func() bool { return b.events(kind) > events })
	if lines := b.events(kind) - events; lines > 2 { // a second may end in the middle of an attack
		t.Errorf("%d log lines of kind %s for one attack", lines, kind)
	}
}

func (b *besieged) events(kind string) int { return countLines(b.gw.Log(), `"kind":"`+kind+`"`) }
