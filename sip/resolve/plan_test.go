package resolve

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
)

// everything is a realm that can send whatever there is.
var everything = Realm{Ways: []Way{{"udp", false}, {"udp", true}, {"tcp", false}, {"tcp", true}, {"tls", false}, {"tls", true}}}

var server = netip.MustParseAddrPort("192.0.2.53:53")

func newResolver(t testing.TB, z *zone, r Realm, edit ...func(*Config)) *Resolver {
	cfg := Config{Servers: []netip.AddrPort{server}, Realms: map[string]Realm{"r": r}, exchange: z.exchange}
	for _, e := range edit {
		e(&cfg)
	}
	res, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func uri(t testing.TB, s string) wire.URI {
	t.Helper()
	u, err := wire.ParseURI(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// text writes hops as network:address, and the name a certificate must bear.
func text(hops []txn.Hop) string {
	var out []string
	for _, h := range hops {
		s := h.Network + ":" + h.Addr.String()
		if h.Strict {
			s += "!"
		}
		if h.Name != "" {
			s += "=" + h.Name
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

// run starts a resolver inside a bubble; the function it returns ends it and waits.
func run(r *Resolver) func() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = r.Run(ctx) // the cause is our own cancel
	}()
	return func() { cancel(); <-done }
}

// hops waits for an answer; "busy" when it is refused.
func hops(r *Resolver, u wire.URI) string {
	ch := make(chan []txn.Hop, 1)
	if got, known := r.Hops("r", u, func(h []txn.Hop) { ch <- h }); known {
		return text(got)
	}
	return text(<-ch)
}

var plans = []struct {
	name, uri string
	zone      string // one record a line
	realm     Realm
	want      string
}{
	// RFC 3263 section 4.1 and 4.2: numbers and ports.
	{"numeric", "sip:192.0.2.7", "", everything, "udp:192.0.2.7:5060"},
	{"numeric, UDP in words: datagrams of any size", "sip:192.0.2.7;transport=udp", "", everything, "udp:192.0.2.7:5060!"},
	{"numeric, transport", "sip:192.0.2.7;transport=TCP", "", everything, "tcp:192.0.2.7:5060"},
	{"numeric, TLS", "sip:192.0.2.7;transport=tls", "", everything, "tls:192.0.2.7:5061"},
	{"numeric, sips", "sips:192.0.2.7", "", everything, "tls:192.0.2.7:5061"},
	{"numeric, sips over tcp is TLS", "sips:192.0.2.7;transport=tcp", "", everything, "tls:192.0.2.7:5061"},
	{"numeric, IPv6", "sip:[2001:db8::7]:5070", "", everything, "udp:[2001:db8::7]:5070"},
	{"sips over udp leads nowhere", "sips:192.0.2.7;transport=udp", "", everything, ""},
	{"an unknown network leads nowhere", "sip:192.0.2.7;transport=sctp", "", everything, ""},
	{"no socket of the family", "sip:[2001:db8::7]", "", Realm{Ways: []Way{{"udp", false}}}, ""},
	{"a number has no name to prove", "sip:192.0.2.7;transport=tls;maddr=198.51.100.9", "", everything, "tls:192.0.2.7:5061"},
	{"name and port: no SRV", "sip:a.example:5080", "_sip._udp.a.example. SRV 0 0 5060 b.example.\nb.example. A 192.0.2.9\na.example. A 192.0.2.8", everything, "udp:192.0.2.8:5080"},
	{"name and port, TLS", "sips:a.example:5080", "a.example. A 192.0.2.8", everything, "tls:192.0.2.8:5080=a.example"},

	// Section 4.1: NAPTR chooses the network.
	{"NAPTR", "sip:a.example", "a.example. NAPTR 20 10 \"s\" \"SIP+D2U\" \"\" _sip._udp.a.example.\na.example. NAPTR 10 10 \"s\" \"SIP+D2T\" \"\" _sip._tcp.x.example.\n" +
		"_sip._tcp.x.example. SRV 0 0 5070 b.example.\n_sip._udp.a.example. SRV 0 0 5072 b.example.\nb.example. A 192.0.2.9", everything,
		"tcp:192.0.2.9:5070 udp:192.0.2.9:5072"},
	{"NAPTR, only what we speak", "sip:a.example", "a.example. NAPTR 10 10 \"s\" \"SIP+D2T\" \"\" _sip._tcp.a.example.\na.example. NAPTR 20 10 \"s\" \"SIP+D2U\" \"\" _sip._udp.a.example.\n" +
		"_sip._tcp.a.example. SRV 0 0 5070 b.example.\n_sip._udp.a.example. SRV 0 0 5072 b.example.\nb.example. A 192.0.2.9", Realm{Ways: []Way{{"udp", false}}},
		"udp:192.0.2.9:5072"},
	{"NAPTR, preference", "sip:a.example", "a.example. NAPTR 10 30 \"s\" \"SIP+D2U\" \"\" _sip._udp.a.example.\na.example. NAPTR 10 20 \"S\" \"sips+d2t\" \"\" _sips._tcp.a.example.\n" +
		"_sips._tcp.a.example. SRV 0 0 5071 b.example.\n_sip._udp.a.example. SRV 0 0 5072 b.example.\nb.example. A 192.0.2.9", everything,
		"tls:192.0.2.9:5071=a.example udp:192.0.2.9:5072"},
	{"NAPTR of other services", "sip:a.example", "a.example. NAPTR 10 30 \"u\" \"E2U+sip\" \"!^.*$!sip:x@y!\" .\na.example. A 192.0.2.9", everything, "udp:192.0.2.9:5060"},
	{"no NAPTR: SRV of each network", "sip:a.example", "_sip._tcp.a.example. SRV 0 0 5070 b.example.\nb.example. A 192.0.2.9", everything, "tcp:192.0.2.9:5070"},
	{"nothing but an address", "sip:a.example", "a.example. A 192.0.2.9", everything, "udp:192.0.2.9:5060"},
	{"sips without a port is SRV for TLS", "sips:a.example", "_sips._tcp.a.example. SRV 0 0 5099 b.example.\nb.example. A 192.0.2.9\na.example. A 192.0.2.1", everything, "tls:192.0.2.9:5099=a.example"},
	{"sips, nothing but an address", "sips:a.example", "a.example. A 192.0.2.9", everything, "tls:192.0.2.9:5061=a.example"},

	// Section 4.2: SRV.
	{"transport: its SRV", "sip:a.example;transport=tcp", "_sip._udp.a.example. SRV 0 0 1 c.example.\n_sip._tcp.a.example. SRV 0 0 5070 b.example.\nb.example. A 192.0.2.9", everything, "tcp:192.0.2.9:5070"},
	{"transport=tls asks for _sips._tcp", "sip:a.example;transport=tls", "_sip._tls.a.example. SRV 0 0 1 b.example.\n_sips._tcp.a.example. SRV 0 0 5071 b.example.\nb.example. A 192.0.2.9", everything, "tls:192.0.2.9:5071=a.example"},
	{"transport, no SRV", "sip:a.example;transport=tcp", "a.example. A 192.0.2.9", everything, "tcp:192.0.2.9:5060"},
	{"priority", "sip:a.example;transport=udp", "_sip._udp.a.example. SRV 20 0 5060 c.example.\n_sip._udp.a.example. SRV 10 0 5060 b.example.\nb.example. A 192.0.2.2\nc.example. A 192.0.2.3", everything,
		"udp:192.0.2.2:5060! udp:192.0.2.3:5060!"},
	{"decidedly no service", "sip:a.example;transport=udp", "_sip._udp.a.example. SRV 0 0 0 .\na.example. A 192.0.2.9", everything, ""},
	{"one dead target", "sip:a.example;transport=udp", "_sip._udp.a.example. SRV 10 0 5060 gone.example.\n_sip._udp.a.example. SRV 20 0 5060 b.example.\nb.example. A 192.0.2.2", everything, "udp:192.0.2.2:5060!"},
	{"the same hop once", "sip:a.example;transport=udp", "_sip._udp.a.example. SRV 10 0 5060 b.example.\n_sip._udp.a.example. SRV 20 0 5060 b.example.\nb.example. A 192.0.2.2", everything, "udp:192.0.2.2:5060!"},

	// Addresses.
	{"IPv4 first", "sip:a.example:5060", "a.example. AAAA 2001:db8::1\na.example. A 192.0.2.9", everything, "udp:192.0.2.9:5060 udp:[2001:db8::1]:5060"},
	{"IPv6 first", "sip:a.example:5060", "a.example. A 192.0.2.9\na.example. AAAA 2001:db8::1", Realm{Ways: everything.Ways, Family: V6First}, "udp:[2001:db8::1]:5060 udp:192.0.2.9:5060"},
	{"IPv6 only", "sip:a.example:5060", "a.example. A 192.0.2.9\na.example. AAAA 2001:db8::1", Realm{Ways: everything.Ways, Family: V6Only}, "udp:[2001:db8::1]:5060"},
	{"no IPv6 socket", "sip:a.example:5060", "a.example. A 192.0.2.9\na.example. AAAA 2001:db8::1", Realm{Ways: []Way{{"udp", false}}}, "udp:192.0.2.9:5060"},
	{"an alias", "sip:a.example:5060", "a.example. CNAME b.example.\nb.example. A 192.0.2.9", everything, "udp:192.0.2.9:5060"},
	{"a loop of aliases", "sip:a.example:5060", "a.example. CNAME b.example.\nb.example. CNAME a.example.", everything, ""},

	// What must not be obeyed (security.md T46, RFC 6761).
	{".invalid", "sip:abc.invalid", "abc.invalid. A 192.0.2.9", everything, ""},
	{".invalid behind SRV", "sip:a.example;transport=udp", "_sip._udp.a.example. SRV 0 0 5060 b.invalid.\nb.invalid. A 192.0.2.9", everything, ""},
	{"an inside answer for a public realm", "sip:a.example:5060", "a.example. A 10.0.0.1\na.example. A 127.0.0.1\na.example. A 100.64.0.1\na.example. AAAA fe80::1\na.example. AAAA fd00::1\na.example. A 192.0.2.9", everything, "udp:192.0.2.9:5060"},
	{"an inside answer for a private realm", "sip:a.example:5060", "a.example. A 10.0.0.1", Realm{Ways: everything.Ways, Private: true}, "udp:10.0.0.1:5060"},
	{"nobody's address", "sip:a.example:5060", "a.example. A 0.0.0.0\na.example. A 224.0.0.1\na.example. A 255.255.255.255\na.example. AAAA ff02::1", Realm{Ways: everything.Ways, Private: true}, ""},
	{"maddr is not obeyed", "sip:a.example:5060;maddr=192.0.2.66", "a.example. A 192.0.2.9", everything, "udp:192.0.2.9:5060"},
	{"NXDOMAIN", "sip:none.example", "", everything, ""},
}

func TestPlans(t *testing.T) {
	for _, c := range plans {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var lines []string
				if c.zone != "" {
					lines = strings.Split(c.zone, "\n")
				}
				z := newZone(t, lines...)
				r := newResolver(t, z, c.realm)
				defer run(r)()
				if got := hops(r, uri(t, c.uri)); got != c.want {
					t.Errorf("got  %s\nwant %s\nasked %v", got, c.want, z.asked)
				}
				if nowhere(strings.TrimPrefix(c.uri, "sip:")) && len(z.asked) > 0 {
					t.Errorf("asked for %v", z.asked)
				}
				z.take()
				if got := hops(r, uri(t, c.uri)); got != c.want || len(z.asked) > 0 {
					t.Errorf("from the cache: got %q, asked %v", got, z.asked)
				}
			})
		})
	}
}

// TestBounds: a domain that names a thousand servers gets ten of them asked for and tried.
func TestBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := newZone(t)
		for i := range 200 {
			z.add(t, fmt.Sprintf("_sip._udp.a.example. SRV 1 1 5060 h%d.example.", i), fmt.Sprintf("h%d.example. A 192.0.2.%d", i, i+1),
				fmt.Sprintf("a.example. NAPTR 1 1 \"s\" \"SIP+D2T\" \"\" _sip._tcp.n%d.example.", i), fmt.Sprintf("one.example. A 192.0.2.%d", i+1))
		}
		r := newResolver(t, z, everything)
		defer run(r)()
		for _, u := range []string{"sip:a.example;transport=udp", "sip:one.example:5060"} {
			if n := len(strings.Fields(hops(r, uri(t, u)))); n != maxHops {
				t.Errorf("%s: %d hops", u, n)
			}
		}
		if n := len(z.take()); n > 2+2*maxHops+2 {
			t.Errorf("%d questions", n)
		}
		_ = hops(r, uri(t, "sip:a.example"))
		if n := len(z.take()); n > 3+maxHops {
			t.Errorf("NAPTR: %d questions", n)
		}
	})
}

// TestWeights: within a priority the lot falls by weight (RFC 2782), and weight 0 is drawn now and then.
func TestWeights(t *testing.T) {
	in := []srv{{priority: 1, weight: 60, target: "a"}, {priority: 1, weight: 30, target: "b"}, {priority: 1, weight: 10, target: "c"},
		{priority: 1, weight: 0, target: "z"}, {priority: 0, weight: 0, target: "first"}}
	const draws = 20_000
	second := map[string]int{}
	for range draws {
		out := ordered(in)
		if len(out) != len(in) || out[0].target != "first" {
			t.Fatalf("%+v", out)
		}
		second[out[1].target]++
	}
	for target, want := range map[string]float64{"a": .594, "b": .297, "c": .099, "z": .0099} {
		if got := float64(second[target]) / draws; got < want*.8-.003 || got > want*1.2+.003 {
			t.Errorf("%s is drawn %.3f of the time, want %.3f", target, got, want)
		}
	}
	if in[0].target != "a" {
		t.Error("the cache's records have been put in another order")
	}
}

func TestAddressesAreSpread(t *testing.T) {
	z := newZone(t)
	r := newResolver(t, z, everything)
	first := map[string]bool{}
	r.cache.store(question{"a.example", 1}, records{addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")}}, time.Hour, time.Now())
	r.cache.store(question{"a.example", 28}, records{}, time.Hour, time.Now())
	for range 200 {
		got, known := r.Hops("r", uri(t, "sip:a.example:5060"), nil)
		if !known || len(got) != 2 {
			t.Fatal(got, known)
		}
		first[got[0].Addr.String()] = true
	}
	if len(first) != 2 {
		t.Errorf("always the same one first: %v", first)
	}
}

func questions(z *zone) []string {
	out := z.take()
	slices.Sort(out)
	return out
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}
