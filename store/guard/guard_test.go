package guard

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"drawbridge/policy/limit"
	"drawbridge/policy/number"
	"drawbridge/policy/shield"
	"drawbridge/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// heard collects events.
type heard struct {
	mu     sync.Mutex
	alarms []telemetry.Alarmed
	bans   []telemetry.Denied
}

func (h *heard) listener() telemetry.Listener {
	return telemetry.Listener{
		Alarmed: func(e telemetry.Alarmed) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.alarms = append(h.alarms, e)
		},
		Denied: func(e telemetry.Denied) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.bans = append(h.bans, e)
		},
	}
}

var (
	trunk    = netip.MustParsePrefix("192.0.2.0/28")
	attacker = netip.MustParseAddr("198.51.100.7")
)

func open(t *testing.T, cfg Config) (*Guard, *heard) {
	t.Helper()
	h := &heard{}
	cfg.Rules = shield.Rules{Classes: shield.Defaults(), MaxSignal: limit.PerSecond(40, 200)}
	cfg.Events = h.listener()
	cfg.Scanners = []string{"friendly-scanner", "sipvicious"}
	cfg.Known = trunk.Contains
	cfg.Trunks = func() []netip.Prefix { return []netip.Prefix{trunk} }
	cfg.Realms = []string{"access"}
	g, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return g, h
}

func (g *Guard) refuse(n int, kind string, src netip.Addr) {
	for range n {
		g.Listener().Refused(telemetry.Refused{Kind: kind, Realm: "access", Source: src.String(), Count: 1})
	}
}

// A flood of one address: one ban, nothing is read after it, and a minute of quiet ends it (SEC-01).
func TestFloodIsBannedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, h := open(t, Config{})
		read := 0
		for range 4000 { // two seconds
			if g.Message("access", attacker) {
				read++
			}
			time.Sleep(time.Second / 2000)
		}
		if len(h.bans) != 1 || h.bans[0].Reason != "max-signal" || h.bans[0].TTL != time.Minute {
			t.Fatalf("bans %+v", h.bans)
		}
		if read > 210 {
			t.Errorf("%d of 4000 were read", read)
		}
		if n := g.Dropped()["access"]; n != uint64(4000-read) {
			t.Errorf("%d counted as dropped of %d", n, 4000-read)
		}
		time.Sleep(time.Minute)
		if !g.Message("access", attacker) {
			t.Error("denied after the ban")
		}
	})
}

func TestTrunksAndFriendsAreSpared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spared := netip.MustParseAddr("203.0.113.1")
		allowed := netip.MustParseAddr("203.0.113.2")
		g, h := open(t, Config{
			Settings: Settings{NeverBlock: []netip.Prefix{netip.PrefixFrom(spared, 32)}, Allow: []netip.Prefix{netip.PrefixFrom(allowed, 32)}},
		})
		for _, src := range []netip.Addr{trunk.Addr(), spared, allowed} {
			g.refuse(100, "malformed", src)
			if g.Denied("access", src) {
				t.Errorf("%s is banned", src)
			}
		}
		var got []string
		for _, a := range h.alarms {
			got = append(got, a.Source+" "+a.Severity)
		}
		want := "[192.0.2.0 minor 192.0.2.0 major 203.0.113.1 minor 203.0.113.1 major]"
		if fmt.Sprint(got) != want {
			t.Errorf("alarms %v, want %s", got, want)
		}
	})
}

// A ban is for an IPv6 customer's whole network, but not where a trunk or a friend has an address in it: their neighbour alone is banned, or
// whoever forges one would make the trunk deaf.
func TestNeighbourOfATrunk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		six := netip.MustParsePrefix("2001:db8:1:1::5/128")
		friend := netip.MustParsePrefix("2001:db8:2:2::/80")
		g, _ := open(t, Config{Settings: Settings{NeverBlock: []netip.Prefix{friend}}})
		g.cfg.Trunks = func() []netip.Prefix { return []netip.Prefix{trunk, six} }
		g.cfg.Known = six.Contains
		for _, src := range []string{"2001:db8:1:1::66", "2001:db8:2:2:f::66", "2001:db8:3:3::66"} {
			g.refuse(30, "malformed", netip.MustParseAddr(src))
		}
		for src, want := range map[string]bool{
			"2001:db8:1:1::66": true, "2001:db8:1:1::5": false, "2001:db8:1:1::67": false,
			"2001:db8:2:2:f::66": true, "2001:db8:2:2::1": false, "2001:db8:3:3::66": true, "2001:db8:3:3::67": true,
		} {
			if g.Denied("access", netip.MustParseAddr(src)) != want {
				t.Errorf("%s: denied %t", src, !want)
			}
		}
	})
}

// What is over hides nothing that is not: neither a longer ban of a wider network, nor a ban behind an allowance that was for a while.
func TestWhatIsOverHidesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := open(t, Config{})
		now := time.Now()
		for _, e := range []*Entry{
			{Kind: Source, Value: "198.51.100.7", Until: now.Add(time.Second)}, {Kind: Source, Value: "198.51.100.0/24"}, {Kind: Source, Value: "198.51.0.0/16"},
			{Allow: true, Kind: Source, Value: "198.51.100.7", Until: now.Add(time.Second)},
		} {
			if err := g.Add(e, false); err != nil {
				t.Fatal(err)
			}
		}
		if g.Denied("access", attacker) {
			t.Error("denied while he is allowed")
		}
		time.Sleep(2 * time.Second)
		for range 100 { // the order of a map is by chance
			if !g.Denied("access", attacker) {
				t.Fatal("not denied")
			}
		}
	})
}

// Whoever names himself a scanner hears nothing, and is banned at the fifth probe.
func TestScannerIsSilenced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, h := open(t, Config{})
		probes := 0
		for !g.Denied("access", attacker) {
			if probes++; !g.Unwelcome(Caller{Realm: "access", Source: attacker, Agent: "Friendly-Scanner"}) {
				t.Fatal("it is answered")
			}
		}
		if probes > 20 || len(h.bans) != 1 || h.bans[0].Detail != "friendly-scanner" {
			t.Errorf("%d probes, bans %+v", probes, h.bans)
		}
		phone := Caller{Realm: "access", Source: netip.MustParseAddr("203.0.113.3"), Agent: "Zoiper", Names: []string{"O'Brien"}}
		if g.Unwelcome(phone) {
			t.Error("a phone is silenced")
		}
		phone.Names = []string{"x' OR 1=1"}
		if !g.Unwelcome(phone) {
			t.Error("an attack on a database is answered")
		}
	})
}

// A realm with rules of its own bans by them, and counts messages for itself.
func TestRealmHasItsOwnRules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own := shield.Rules{Classes: shield.Defaults(), MaxSignal: limit.PerSecond(1, 5)}
		own.Classes[shield.Malformed].Deny = 3
		g, h := open(t, Config{Settings: Settings{Realms: map[string]*shield.Rules{"access": &own}}})
		other := netip.MustParseAddr("198.51.100.8")
		for i := range 3 {
			g.offend("access", attacker, shield.Offence{Class: shield.Malformed}, "")
			g.offend("carrier", other, shield.Offence{Class: shield.Malformed}, "")
			if denied := g.Denied("access", attacker); denied != (i == 2) {
				t.Errorf("denied %t after %d offences", denied, i+1)
			}
		}
		if g.Denied("carrier", other) || len(h.bans) != 1 {
			t.Errorf("bans %+v", h.bans)
		}
		phone := netip.MustParseAddr("203.0.113.3")
		for range 100 {
			if !g.Message("carrier", phone) {
				t.Fatal("a hundred at once are too many for the gateway's rate")
			}
		}
		for i := range 6 {
			if heard := g.Message("access", phone); heard != (i < 5) {
				t.Errorf("message %d of the realm with a rate of 1/s is heard: %t", i+1, heard)
			}
		}
	})
}

// A scan that does not say what it is gets twenty challenges however fast it asks, and a ban after them.
func TestFastScanHearsTwenty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, h := open(t, Config{})
		heard := 0
		for range 2000 {
			if !g.Denied("access", attacker) && !g.Unwelcome(Caller{Realm: "access", Source: attacker, Agent: "Phone/1.0"}) {
				heard++
				g.Answered("access", attacker, "REGISTER", 401)
			}
			time.Sleep(time.Second / 200)
		}
		if heard != 20 || len(h.bans) != 1 || h.bans[0].Reason != "auth-challenge-ignored" {
			t.Errorf("%d probes heard, bans %+v", heard, h.bans)
		}
	})
}

func TestAddressFormsAreOne(t *testing.T) {
	g, _ := open(t, Config{})
	for _, value := range []string{"198.51.100.0/24", "::ffff:203.0.113.0/120", "2001:db8:1::/48"} {
		if err := g.Add(&Entry{Kind: Source, Value: value}, false); err != nil {
			t.Fatal(err)
		}
	}
	for _, src := range []string{"198.51.100.7", "::ffff:198.51.100.7", "203.0.113.9", "2001:db8:1:2::3"} {
		if !g.Denied("access", netip.MustParseAddr(src)) {
			t.Errorf("%s is heard", src)
		}
	}
	if g.Denied("access", netip.MustParseAddr("198.51.101.7")) {
		t.Error("a neighbour is denied")
	}
	if err := g.Add(&Entry{Allow: true, Kind: Source, Value: "198.51.100.7"}, false); err != nil {
		t.Fatal(err)
	}
	if g.Denied("access", attacker) {
		t.Error("the allow list does not win")
	}
}

func TestDangerousEntriesTakeForce(t *testing.T) {
	g, _ := open(t, Config{})
	for value, want := range map[string]error{
		"0.0.0.0/0": ErrWide, "::/0": ErrWide, "192.0.2.3": ErrTrunk, "192.0.0.0/16": ErrTrunk, "::ffff:192.0.2.3": ErrTrunk, "nonsense": ErrEntry,
	} {
		if err := g.Add(&Entry{Kind: Source, Value: value}, false); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", value, err, want)
		}
	}
	if err := g.Add(&Entry{Kind: Source, Value: "192.0.2.3"}, true); err != nil {
		t.Fatal(err)
	}
	if g.Message("access", netip.MustParseAddr("192.0.2.3")) {
		t.Error("force does not deny a trunk")
	}
	if err := g.Remove(false, Source, "192.0.2.3"); err != nil {
		t.Fatal(err)
	}
	if err := g.Remove(false, Source, "192.0.2.3"); !errors.Is(err, ErrAbsent) {
		t.Errorf("removed twice: %v", err)
	}
	for _, e := range []*Entry{{Kind: "colour", Value: "red"}, {Kind: Agent, Value: " * "}, {Kind: To, Value: "+1\r\n"}} {
		if err := g.Add(e, true); !errors.Is(err, ErrEntry) {
			t.Errorf("%s %q: %v", e.Kind, e.Value, err)
		}
	}
}

func TestNamesAreRefused(t *testing.T) {
	g, _ := open(t, Config{})
	for _, e := range []*Entry{
		{Kind: To, Value: "+900*"}, {Kind: From, Value: "+4930666"}, {Kind: AOR, Value: "Mallory"}, {Kind: To, Allow: true, Value: "+900555"},
	} {
		if err := g.Add(e, false); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct{ peer, from, to, want string }{
		{"alice", "alice", "+90012345", "acl/called"},
		{"alice", "alice", "0090012345", "acl/called"},
		{"alice", "alice", "01190012345", "acl/called"},
		{"alice", "alice", "+900555", ""},
		{"alice", "+4930666", "+4930111", "acl/caller"},
		{"mallory", "alice", "+4930111", "acl/aor"},
		{"alice", "alice", "+4930111", ""},
	} {
		if got := g.Refuses(tc.peer, tc.from, tc.to); got != tc.want {
			t.Errorf("%+v: %q", tc, got)
		}
	}
}

// What is denied outlives the process, but for what has expired.
func TestDeniedNumberIsDeniedHoweverWritten(t *testing.T) {
	for _, c := range []struct{ country, to string }{
		{"", "25261555123"}, {"", "25261555123#"}, {"", "25261555123*1"}, {"ES", "25261555123#"}, {"DE", "0025261555123#"},
		{"DE", "+490252615551234"}, {"US", "+1011252615551234"}, {"DE", "*21*0025261555123#"}, {"DE", "*31#0025261555123#"},
	} {
		p, _ := number.Lookup(c.country)
		g, _ := open(t, Config{Settings: Settings{Plan: p}})
		if err := g.Add(&Entry{Kind: To, Value: "+252*"}, false); err != nil {
			t.Fatal(err)
		}
		if g.Refuses("alice", "alice", c.to) == "" {
			t.Errorf("%s %s is not denied", c.country, c.to)
		}
	}
}

func TestKeptOverARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "acl.json")
		g, _ := open(t, Config{File: file})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- g.Run(ctx) }()
		add := func(value string, ttl time.Duration) {
			e := &Entry{Kind: Source, Value: value, Reason: "manual"}
			if ttl > 0 {
				e.Until = time.Now().Add(ttl)
			}
			if err := g.Add(e, false); err != nil {
				t.Fatal(err)
			}
		}
		add("198.51.100.0/24", time.Hour)
		add("203.0.113.5", time.Second)
		add("203.0.113.6", 0)
		time.Sleep(2 * time.Second) // written without being told to stop
		if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), "198.51.100.0/24") {
			t.Fatalf("%v: %s", err, text)
		}
		stop()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		again, _ := open(t, Config{File: file})
		for src, want := range map[string]bool{"198.51.100.9": true, "203.0.113.5": false, "203.0.113.6": true} {
			if got := again.Denied("access", netip.MustParseAddr(src)); got != want {
				t.Errorf("%s: denied %t after the restart", src, got)
			}
		}
	})
}

func TestBrokenFileIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "acl.json")
	for _, text := range []string{"{", `[{"list":"maybe"}]`, `[{"list":"deny","kind":"source","value":"x"}]`} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := New(Config{File: file}); !errors.Is(err, ErrEntry) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// However many sources, what is kept is bounded; the ban that ends first makes room, and what an operator has put there for ever stays.
func TestListsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, h := open(t, Config{Entries: 50, Sources: 500})
		if err := g.Add(&Entry{Kind: Source, Value: "203.0.113.200"}, false); err != nil {
			t.Fatal(err)
		}
		for i := range 5000 {
			src := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
			g.refuse(30, "malformed", src)
			if !g.Denied("access", src) {
				t.Fatalf("source %d is not banned", i)
			}
			time.Sleep(time.Millisecond)
		}
		if n := len(g.List()); n > 50 {
			t.Errorf("%d entries, want 50 at most", n)
		}
		if n := g.Sources(); n > 500 {
			t.Errorf("%d sources, want 500 at most", n)
		}
		if len(h.bans) != 5001 || !g.Denied("access", netip.MustParseAddr("203.0.113.200")) {
			t.Errorf("%d bans told, or the operator's is gone", len(h.bans))
		}
	})
}

func TestKernelSet(t *testing.T) {
	dir := t.TempDir()
	base := time.Now()
	fake := filepath.Join(dir, "nft")
	if err := os.WriteFile(fake, []byte("#!/bin/sh\ncat > "+dir+"/told\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	g, _ := open(t, Config{NFT: NFT{Set4: "inet filter four", Set6: "inet filter six", Program: fake}})
	for _, e := range []*Entry{
		{Kind: Source, Value: "198.51.100.0/24"}, {Kind: Source, Value: "198.51.100.7"}, // inside the other
		{Kind: Source, Value: "203.0.113.5", Until: base.Add(time.Hour)}, {Kind: Source, Value: "2001:db8::/64"}, {Kind: Agent, Value: "bad"},
		{Kind: Source, Value: "192.168.7.0/24"}, {Allow: true, Kind: Source, Value: "192.168.7.7"}, // the kernel knows no exceptions
	} {
		if err := g.Add(e, false); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.cfg.NFT.put(t.Context(), g.List(), base); err != nil {
		t.Fatal(err)
	}
	told, err := os.ReadFile(filepath.Join(dir, "told"))
	if err != nil {
		t.Fatal(err)
	}
	want := "flush set inet filter four\nadd element inet filter four { 198.51.100.0/24, 203.0.113.5 timeout 3600s }\n" +
		"flush set inet filter six\nadd element inet filter six { 2001:db8::/64 }\n"
	if string(told) != want {
		t.Errorf("nft was told\n%swant\n%s", told, want)
	}
	if _, err := New(Config{NFT: NFT{Set4: "inet filter x", Program: filepath.Join(dir, "none")}}); !errors.Is(err, ErrNFT) {
		t.Errorf("without nft: %v", err)
	}
}

// New settings take the place of the old ones; what an operator has listed, and who is banned, stays.
func TestSet(t *testing.T) {
	first, second := netip.MustParsePrefix("203.0.113.0/26"), netip.MustParsePrefix("203.0.113.64/26")
	g, _ := open(t, Config{Settings: Settings{Deny: []netip.Prefix{first}, Allow: []netip.Prefix{second}}})
	if err := g.Add(&Entry{Kind: Source, Value: "203.0.113.200", Reason: "manual"}, false); err != nil {
		t.Fatal(err)
	}
	g.refuse(30, "malformed", attacker)
	s := *g.set.Load()
	s.Deny, s.Allow, s.Scanners = []netip.Prefix{second}, nil, []string{"newtool"}
	g.Set(s)
	for src, want := range map[string]bool{"203.0.113.1": false, "203.0.113.70": true, "203.0.113.200": true, attacker.String(): true} {
		if g.Denied("access", netip.MustParseAddr(src)) != want {
			t.Errorf("%s: denied %t", src, !want)
		}
	}
	if !g.Unwelcome(Caller{Source: netip.MustParseAddr("192.168.0.1"), Agent: "NewTool/2"}) || len(g.List()) != 3 || g.total != 3 {
		t.Errorf("%d entries, %d counted", len(g.List()), g.total)
	}
	g.Set(s)
	if g.total != 3 {
		t.Errorf("%d counted after the same settings", g.total)
	}
}

func TestTogether(t *testing.T) {
	g, h := open(t, Config{})
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			g.refuse(20, "malformed", attacker)
			g.Message("access", attacker)
			g.List()
		})
	}
	wg.Wait()
	if len(h.bans) != 1 {
		t.Errorf("%d bans, want 1", len(h.bans))
	}
}

func TestDoorAllocatesNothing(t *testing.T) {
	g, _ := open(t, Config{Settings: Settings{Deny: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}}})
	denied, stranger := netip.MustParseAddr("203.0.113.9"), netip.MustParseAddr("198.51.100.1")
	g.Message("access", stranger)
	if n := testing.AllocsPerRun(100, func() {
		g.Message("access", denied)
		g.Message("access", stranger)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkMessage(b *testing.B) {
	g, err := New(Config{Settings: Settings{
		Rules: shield.Rules{Classes: shield.Defaults(), MaxSignal: limit.PerSecond(1e6, 1e6)}, Deny: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")},
	}})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	i := uint32(0)
	for b.Loop() {
		i++
		g.Message("access", netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}))
	}
}

// TestATrunksMessagesAskNoClock: they are most messages, and a flood of them has to cost little.
func TestATrunksMessagesAskNoClock(t *testing.T) {
	looks := 0
	g, _ := open(t, Config{now: func() time.Time { looks++; return time.Now() }})
	looks = 0
	if !g.Message("access", trunk.Addr()) || looks != 0 {
		t.Errorf("%d looks at the clock", looks)
	}
	if !g.Message("access", attacker) || looks == 0 {
		t.Error("nobody counts a stranger's")
	}
}
