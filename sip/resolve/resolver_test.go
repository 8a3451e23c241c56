package resolve

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"drawbridge/sip/txn"
	"drawbridge/telemetry"
)

func TestTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := newZone(t, "a.example. 60 A 192.0.2.1")
		r := newResolver(t, z, Realm{Ways: []Way{{"udp", false}}})
		defer run(r)()
		a := uri(t, "sip:a.example:5060")
		equal(t, "first", hops(r, a), "udp:192.0.2.1:5060")
		z.clear()
		z.add(t, "a.example. 0 A 192.0.2.2")
		time.Sleep(59 * time.Second)
		equal(t, "within", hops(r, a), "udp:192.0.2.1:5060")
		time.Sleep(2 * time.Second)
		equal(t, "behind", hops(r, a), "udp:192.0.2.2:5060")
		equal(t, "asked", questions(z), []string{"a.example A", "a.example A"})
		time.Sleep(minTTL - time.Second)
		hops(r, a)
		equal(t, "TTL 0 is a few seconds", len(z.take()), 0)
	})
}

func TestNegativeAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := newZone(t)
		r := newResolver(t, z, Realm{Ways: []Way{{"udp", false}}})
		defer run(r)()
		a := uri(t, "sip:a.example:5060")
		equal(t, "none", hops(r, a), "")
		z.add(t, "a.example. A 192.0.2.1")
		equal(t, "still none", hops(r, a), "")
		equal(t, "asked once", questions(z), []string{"a.example A"})
		time.Sleep(minTTL)
		equal(t, "there", hops(r, a), "udp:192.0.2.1:5060")
	})
	soa := new(dns.Msg)
	rr, _ := dns.NewRR("example. 300 SOA ns.example. hostmaster.example. 1 2 3 4 120")
	soa.Ns = []dns.RR{rr}
	equal(t, "SOA minimum", negativeTTL(soa), 2*time.Minute)
	rr, _ = dns.NewRR("example. 86400 SOA ns.example. hostmaster.example. 1 2 3 4 86400")
	soa.Ns = []dns.RR{rr}
	equal(t, "capped", negativeTTL(soa), maxNegative)
}

// TestStale: an address that cannot be renewed is good enough until a server answers again.
func TestStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := newZone(t, "a.example. 60 A 192.0.2.1")
		r := newResolver(t, z, Realm{Ways: []Way{{"udp", false}}})
		defer run(r)()
		a := uri(t, "sip:a.example:5060")
		hops(r, a)
		z.silence("")
		time.Sleep(2 * time.Minute)
		began := time.Now()
		equal(t, "stale", hops(r, a), "udp:192.0.2.1:5060")
		if d := time.Since(began); d > lookupLimit {
			t.Errorf("waited %s", d)
		}
		_, known := r.Hops("r", a, nil)
		equal(t, "at once for a while", known, true)
		z.silence()
		z.clear()
		z.add(t, "a.example. 60 A 192.0.2.2")
		time.Sleep(failureTTL + time.Second)
		equal(t, "renewed", hops(r, a), "udp:192.0.2.2:5060")
		z.silence("")
		time.Sleep(maxStale + 2*time.Minute)
		equal(t, "too old", hops(r, a), "")
	})
}

// TestBrokenAAAA: an AAAA question that nobody answers costs half a second once, and none of the calls behind it.
func TestBrokenAAAA(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := newZone(t, "a.example. A 192.0.2.1")
		z.silence("a.example AAAA")
		r := newResolver(t, z, everything)
		defer run(r)()
		a := uri(t, "sip:a.example:5060")
		began := time.Now()
		equal(t, "first", hops(r, a), "udp:192.0.2.1:5060")
		equal(t, "waited", time.Since(began), slowAAAA)
		got, known := r.Hops("r", a, nil)
		equal(t, "second", text(got), "udp:192.0.2.1:5060")
		equal(t, "at once", known, true)
	})
}

func TestLateAAAAIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := newZone(t, "a.example. A 192.0.2.1", "a.example. AAAA 2001:db8::1")
		r := newResolver(t, z, everything)
		defer run(r)()
		z.answer = time.Second
		equal(t, "both", hops(r, uri(t, "sip:a.example:5060")), "udp:192.0.2.1:5060 udp:[2001:db8::1]:5060")
	})
}

// TestServfail: the next server is asked; a kind of record that no server gives is as good as none.
func TestServfail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := newZone(t, "a.example. A 192.0.2.1")
		z.rcode["a.example NAPTR"] = dns.RcodeServerFailure
		r := newResolver(t, z, Realm{Ways: []Way{{"udp", false}}}, func(c *Config) { c.Servers = append(c.Servers, netip.MustParseAddrPort("192.0.2.54:53")) })
		defer run(r)()
		equal(t, "hops", hops(r, uri(t, "sip:a.example")), "udp:192.0.2.1:5060")
		equal(t, "counted", r.Stats(), Stats{Questions: 3, Failures: 1})
		equal(t, "asked", questions(z)[:4], []string{"_sip._udp.a.example SRV", "a.example A", "a.example NAPTR", "a.example NAPTR"})
	})
}

// TestOneLookUpForMany: a hundred calls to one name ask once, and a bounded number of them waits.
func TestOneLookUpForMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := newZone(t, "a.example. A 192.0.2.1")
		z.answer = 100 * time.Millisecond
		r := newResolver(t, z, Realm{Ways: []Way{{"udp", false}}})
		defer run(r)()
		var wg sync.WaitGroup
		var mu sync.Mutex
		served, refused := 0, 0
		for range 100 {
			wg.Add(1)
			_, known := r.Hops("r", uri(t, "sip:a.example:5060"), func(h []txn.Hop) {
				defer wg.Done()
				mu.Lock()
				defer mu.Unlock()
				served += len(h)
			})
			if known {
				refused++
				wg.Done()
			}
		}
		wg.Wait()
		equal(t, "served", served, waiting)
		equal(t, "refused", refused, 100-waiting)
		equal(t, "asked", questions(z), []string{"a.example A"})
	})
}

// TestFloodOfNames: what does not fit into the pool is refused at once, and the cache stays within its bounds.
func TestFloodOfNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := newZone(t)
		z.silence("")
		r := newResolver(t, z, Realm{Ways: []Way{{"udp", false}}})
		stop := run(r)
		synctest.Wait()
		refused := 0
		for i := range 2 * (queued + workers) {
			if _, known := r.Hops("r", uri(t, fmt.Sprintf("sip:n%d.example:5060", i)), func([]txn.Hop) {}); known {
				refused++
			}
		}
		if refused < queued {
			t.Errorf("%d refused", refused)
		}
		stop()
	})
	c, now := newCache(), time.Now()
	for i := range 2 * maxEntries {
		c.store(question{fmt.Sprint(i), 1}, records{}, time.Hour, now)
	}
	if n := len(c.entries); n > maxEntries {
		t.Errorf("%d entries", n)
	}
	late := now.Add(2 * time.Hour)
	for i := range maxEntries / 8 {
		c.store(question{fmt.Sprint("new", i), 1}, records{}, time.Hour, late)
	}
	for i := range maxEntries / 8 {
		if _, fresh := c.find(question{fmt.Sprint("new", i), 1}, late); !fresh {
			t.Fatalf("new%d has been thrown out before the expired", i)
		}
	}
}

// TestWatch: a watched name is fresh when a call comes, and its addresses are told when they change.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := newZone(t, "a.example. 20 A 192.0.2.1")
		var mu sync.Mutex
		var told []string
		r := newResolver(t, z, Realm{Ways: []Way{{"udp", false}}}, func(c *Config) {
			c.Watch = []Watch{{Realm: "r", URI: uri(t, "sip:a.example:5060"), Found: func(h []txn.Hop) {
				mu.Lock()
				defer mu.Unlock()
				told = append(told, text(h))
			}}}
		})
		stop := run(r)
		time.Sleep(time.Second)
		_, known := r.Hops("r", uri(t, "sip:a.example:5060"), nil)
		equal(t, "known before the first call", known, true)
		z.clear()
		z.add(t, "a.example. 3600 A 192.0.2.2")
		time.Sleep(2 * watchEvery)
		stop()
		equal(t, "told", told, []string{"udp:192.0.2.1:5060", "udp:192.0.2.2:5060", "udp:192.0.2.2:5060"})
		equal(t, "a long TTL is not asked for again", len(z.take()), 2)
	})
}

func TestInsideAnswersAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := newZone(t, "a.example. A 10.0.0.1")
		var told []telemetry.Refused
		r := newResolver(t, z, Realm{Ways: []Way{{"udp", false}}}, func(c *Config) {
			c.Events = telemetry.Listener{Refused: func(e telemetry.Refused) { told = append(told, e) }}
		})
		stop := run(r)
		hops(r, uri(t, "sip:a.example:5060"))
		stop()
		equal(t, "event", told, []telemetry.Refused{{Kind: "dns-inside", Realm: "r", Detail: "a.example", Count: 1}})
	})
}

func TestAnswersToOtherQuestionsAreRefused(t *testing.T) {
	q := question{"a.example", dns.TypeA}
	in := new(dns.Msg)
	for _, l := range []string{"b.example. A 192.0.2.66", "a.example. AAAA 2001:db8::66"} {
		rr, _ := dns.NewRR(l)
		in.Answer = append(in.Answer, rr)
	}
	if rec, _ := read(in, q); len(rec.addrs) != 0 {
		t.Errorf("took %v", rec.addrs)
	}
}

// TestOverTheWire runs against a DNS server on loopback, an answer that does not fit a datagram included.
func TestOverTheWire(t *testing.T) {
	z := newZone(t, "a.example. NAPTR 10 10 \"s\" \"SIP+D2U\" \"\" _sip._udp.a.example.")
	for i := range 30 {
		z.add(t, fmt.Sprintf("_sip._udp.a.example. 60 SRV %d 0 5060 a-rather-long-host-name-%d.%s.example.", i, i, strings.Repeat("x", 40)))
	}
	z.add(t, fmt.Sprintf("a-rather-long-host-name-0.%s.example. A 192.0.2.1", strings.Repeat("x", 40)))
	at := serve(t, z)
	r, err := New(Config{Servers: []netip.AddrPort{at}, Realms: map[string]Realm{"r": {Ways: []Way{{"udp", false}}}}})
	if err != nil {
		t.Fatal(err)
	}
	defer run(r)()
	equal(t, "hops", hops(r, uri(t, "sip:a.example")), "udp:192.0.2.1:5060")
}

// serve answers for a zone over UDP and TCP on one loopback port.
func serve(t *testing.T, z *zone) netip.AddrPort {
	t.Helper()
	h := dns.HandlerFunc(func(w dns.ResponseWriter, m *dns.Msg) {
		out := z.reply(m)
		if w.RemoteAddr().Network() == "udp" {
			out.Truncate(int(m.IsEdns0().UDPSize()))
		}
		_ = w.WriteMsg(out) // the client has given up
	})
	udp := &dns.Server{Addr: "127.0.0.1:0", Net: "udp", Handler: h}
	start(t, udp)
	at := netip.MustParseAddrPort(udp.PacketConn.LocalAddr().String())
	start(t, &dns.Server{Addr: at.String(), Net: "tcp", Handler: h})
	return at
}

func start(t *testing.T, s *dns.Server) {
	t.Helper()
	up, down := make(chan struct{}), make(chan error, 1)
	s.NotifyStartedFunc = func() { close(up) }
	go func() { down <- s.ListenAndServe() }()
	select {
	case <-up:
	case err := <-down:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.Shutdown()
		<-down
	})
}

func TestNew(t *testing.T) {
	if _, err := New(Config{Servers: []netip.AddrPort{server}}); err != nil {
		t.Error(err)
	}
}

// TestSet: other names are kept fresh at once, what is known stays known, and another realm is asked by its own rules.
func TestSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := newZone(t, "a.example. 3600 A 192.0.2.1", "b.example. 3600 A 192.0.2.2")
		r := newResolver(t, z, Realm{Ways: []Way{{"udp", false}}}, func(*Config) {})
		stop := run(r)
		hops(r, uri(t, "sip:a.example:5060"))
		z.take()
		err := r.Set(Config{
			Realms: map[string]Realm{"r": {Ways: []Way{{"udp", false}, {"tcp", false}}}}, Servers: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.53:53")},
			Watch: []Watch{{Realm: "r", URI: uri(t, "sip:b.example:5060")}},
		})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		equal(t, "asked", len(z.take()), 1)
		for _, known := range []string{"sip:a.example:5060", "sip:b.example:5060;transport=tcp"} {
			found, ok := r.Hops("r", uri(t, known), nil)
			equal(t, known, []bool{len(found) == 1, ok}, []bool{true, true})
		}
		found, ok := r.Hops("other", uri(t, "sip:a.example:5060"), nil)
		equal(t, "a realm that has gone", []bool{len(found) == 0, ok}, []bool{true, true})
		stop()
	})
}
