package main

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"drawbridge/config"
	"drawbridge/telemetry"
)

const reloadable = `
web: {listen: [], plain: ["127.0.0.1:0"]}
admin: {listen: "127.0.0.1:0"}
cdr: {file: "off"}
realms:
  access: {media: {udp: 0, bind: 127.0.0.1}}
  carrier: {listen: ["udp:127.0.0.1:0"], media: {ports: 0-0}}
users: {local: [{name: alice, password: one, numbers: ["100"]}]}
trunks:
  acme: {realm: carrier, targets: ["sip:127.0.0.1:5999"]}
routes: [{to: "*", via: [acme]}]
limits: {transcodes: 10}
`

// running is a gateway in this process whose file is a string.
type running struct {
	*gateway
	hangups chan os.Signal

	told chan string // what has become of the life of the process

	mu   sync.Mutex
	file string
}

func startReloadable(t *testing.T) *running {
	t.Helper()
	r := &running{file: reloadable, hangups: make(chan os.Signal, 1), told: make(chan string, 256)}
	load := func() (*config.Snapshot, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		return config.Parse("F", []byte(r.file), nil)
	}
	snap, err := load()
	if err != nil {
		t.Fatal(err)
	}
	note := func(e telemetry.Lifecycle) { r.told <- e.What }
	r.gateway, err = open(t.Context(), snap, extras{
		log: slog.New(slog.DiscardHandler), quiet: true, load: load, hangup: r.hangups, events: telemetry.Listener{Lifecycle: note},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return r
}

func (r *running) write(old, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.file = strings.Replace(reloadable, old, text, 1)
}

// TestReload goes through what may change, what may not, and what is broken: either all of it is in force, or nothing of it.
func TestReload(t *testing.T) {
	r := startReloadable(t)
	socket := r.transport.Addrs("carrier")[0]
	for _, row := range []struct{ name, old, text, refused string }{
		{"the same", "", "", ""},
		{"a trunk more", "trunks:", "trunks:\n  backup: {realm: carrier, targets: [\"sip:127.0.0.1:5998\"]}", ""},
		{"no trunk", "trunks:\n  acme: {realm: carrier, targets: [\"sip:127.0.0.1:5999\"]}\nroutes: [{to: \"*\", via: [acme]}]", "", ""},
		{"a realm more", "realms:", "realms:\n  office: {listen: [\"udp:127.0.0.1:0\", \"tcp:127.0.0.1:0\"], open: true, media: {ports: 0-0}}", ""},
		{"other users", "{name: alice, password: one, numbers: [\"100\"]}", "{name: bob, password: two}", ""},
		{"other limits", "transcodes: 10", "transcodes: 20, calls: 3, cps: 5", ""},
		{"fraud", "limits:", "fraud: [{name: f, critical: {per_minute: 5}}]\nlimits:", ""},
		{"shield", "limits:", "shield: {deny: [198.51.100.0/24]}\nlimits:", ""},
		{"another word of a trunk", "targets:", "dtmf: info, health: {options: 10s}, targets:", ""},
		{"no file at all", "web:", "web: [", "F:"},
		{"a route to nowhere", "via: [acme]", "via: [acne]", `F:11:26: there is no trunk "acne"`},
		{"the web port", "plain: [\"127.0.0.1:0\"]", "plain: [\"127.0.0.1:1\"]", "web.plain: needs a restart"},
		{"the domain of accounts and the log", "users: {", "log: {level: debug}\nusers: {domain: other, ", "users.domain, log: needs a restart"},
		{"the browsers' port", "udp: 0", "udp: 40404", "realms.access.media.udp: needs a restart"},
		{"another browsers' realm", "realms:", "realms:\n  more: {media: {udp: 0, bind: 127.0.0.2}}", "realms.more.media.udp: needs a restart"},
		{"a mark", "carrier: {", "carrier: {dscp: {signalling: 40}, ", "realms.carrier.dscp: needs a restart"},
		{"a socket that cannot be had", "[\"udp:127.0.0.1:0\"]", "[\"udp:127.0.0.1:0\", \"udp:192.0.2.1:5060\"]", "realm carrier"},
	} {
		before := r.now()
		r.write(row.old, row.text)
		_, err := r.reload(t.Context())
		info := r.configInfo()
		switch {
		case row.refused == "" && (err != nil || r.now().version.Number != before.version.Number+1 || info.Refused != ""):
			t.Errorf("%s: %v, number %d", row.name, err, r.now().version.Number)
		case row.refused != "" && (err == nil || !strings.Contains(err.Error(), row.refused) || r.now() != before || info.Refused != err.Error()):
			t.Errorf("%s: %v, want %q", row.name, err, row.refused)
		}
		if got := r.transport.Addrs("carrier"); len(got) != 1 || got[0] != socket {
			t.Fatalf("%s: the socket is %v now", row.name, got)
		}
	}
	if n := r.slots.Load(); n != 10 {
		t.Errorf("transcodes: %d", n)
	}
}

// TestReloadsMeet: reloads at once come one after the other, hang-ups that nobody has obeyed yet are one, and what is drained is not
// changed any more.
func TestReloadsMeet(t *testing.T) {
	r := startReloadable(t)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if i%2 == 0 {
				r.write("transcodes: 10", "transcodes: 20")
			} else {
				r.write("transcodes: 10", "transcodes: many")
			}
			_, _ = r.reload(t.Context())
		})
		select {
		case r.hangups <- syscall.SIGHUP:
		default:
		}
	}
	wg.Wait()
	r.write("transcodes: 10", "transcodes: 30")
	r.hangups <- syscall.SIGHUP // behind one that may wait
	for r.slots.Load() != 30 {
		select {
		case <-r.told:
		case <-time.After(20 * time.Second):
			t.Fatalf("after a hang-up: %d", r.slots.Load())
		}
	}
	tries, refusals := reloads(&r.renewal, func(n *renewal) uint64 { return n.tries }), reloads(&r.renewal, func(n *renewal) uint64 { return n.refusals })
	if taken := r.now().version.Number - 1; uint64(taken) != tries-refusals {
		t.Errorf("%d tries, %d refused, and %d were in force", tries, refusals, taken)
	}
	r.draining.Store(true)
	if _, err := r.reload(t.Context()); !errors.Is(err, errDraining) {
		t.Errorf("while it drains: %v", err)
	}
}

// TestReloadIsToldOf: whoever asks while a configuration is read is not kept waiting, and what he was told stays what it was.
func TestReloadIsToldOf(t *testing.T) {
	r := startReloadable(t)
	if _, err := r.reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	told := r.configInfo()
	tried, read := *told.Tried, r.renewal.load
	r.renewal.load = func() (*config.Snapshot, error) {
		asked := make(chan configInfo)
		go func() { asked <- r.configInfo() }()
		select {
		case <-asked:
		case <-time.After(20 * time.Second):
			t.Error("who asks waits for the reload")
		}
		return read()
	}
	if _, err := r.reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !told.Tried.Equal(tried) {
		t.Error("what was told of one reload has become another")
	}
}

// TestSettle: what a configuration takes away is there for half a minute, and then for as long as a call of before lasts.
func TestSettle(t *testing.T) {
	r := startReloadable(t)
	office := func() bool {
		_, ok := r.media.Stats().Ports["office"]
		return ok
	}
	for _, text := range []string{"realms:\n  office: {listen: [\"udp:127.0.0.1:0\"], open: true, media: {ports: 0-0}}", "realms:"} {
		r.write("realms:", text)
		if _, err := r.reload(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	phone := netip.MustParseAddr("198.51.100.7")
	if !r.hears("office", "udp", phone) || r.hears("carrier", "udp", phone) {
		t.Error("a phone in a call of before is not heard, or a stranger is")
	}
	if r.settle(); !office() {
		t.Error("taken away at once")
	}
	r.renewal.turn.Lock()
	r.renewal.leftover = time.Now().Add(-settleAfter)
	r.renewal.turn.Unlock()
	if r.settle(); office() || r.hears("office", "udp", phone) || len(r.transport.Addrs("carrier")) != 1 {
		t.Error("never taken away, or too much of it")
	}
	r.renewal.turn.Lock()
	defer r.renewal.turn.Unlock()
	if left := r.renewal.leftover; !left.IsZero() {
		t.Errorf("since %s something is kept for nobody", left)
	}
}
