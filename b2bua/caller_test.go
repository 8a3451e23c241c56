package b2bua

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/media/offer"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
)

func TestUnservable(t *testing.T) {
	for _, tt := range []struct {
		name   string
		scheme string
		hops   int
		over   string
		status int
	}{
		{"a call", "sip", 70, "UDP", 0}, {"without Max-Forwards", "sip", -1, "UDP", 0}, {"the last hop", "sip", 0, "UDP", 483},
		{"a number", "tel", 70, "UDP", 0}, {"TLS to the end", "sips", 70, "TLS", 0}, {"a browser's", "sips", 70, "WSS", 0},
		{"TLS but for the first hop", "sips", 70, "TCP", 480},
	} {
		m := wire.NewRequest(wire.INVITE, wire.URI{Scheme: tt.scheme, User: "bob", Host: "example.com"})
		m.MaxForwards = tt.hops
		status := 0
		if d := unservable(&memFlow{transport: tt.over}, m); d != nil {
			status = d.Status
		}
		if status != tt.status {
			t.Errorf("%s: %d, want %d", tt.name, status, tt.status)
		}
	}
}

// TestOpenRealm: who is no trunk of an open realm proves to be an account, over any transport. Elsewhere nobody is asked.
func TestOpenRealm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *Config) {
			c.Realms["office"] = Realm{Name: "office", Open: true, Codecs: []offer.Codec{pcma}, Domain: "example.com"}
			c.Trunks = append(c.Trunks, Trunk{Name: "pbx", Realm: "office", Targets: []wire.URI{{Scheme: "sip", Host: "10.9.0.2"}}})
			c.Auth = func(_ txn.Flow, m *wire.Message, _ time.Time) (string, []wire.Field, int) {
				if !m.Has("Proxy-Authorization") {
					return "", []wire.Field{{Name: "Proxy-Authenticate", Value: "Digest"}}, 407
				}
				return "alice", nil, 0
			}
		})
		defer w.close()
		for _, tt := range []struct {
			realm, from, user string
			proof             bool
			status            int
			name              string
			trunk             bool
		}{
			{"office", "10.9.0.11:5060", "alice", false, 407, "", false},
			{"office", "10.9.0.11:5060", "alice", true, 0, "alice", false},
			{"office", "10.9.0.11:5060", "bob", true, 403, "alice", false},
			{"office", "10.9.0.2:5060", "alice", false, 0, "pbx", true},
			{"carrier", "10.9.0.11:5060", "alice", true, 403, "", false},
		} {
			m := w.peers["T"].call("100")
			m.From.URI.User = tt.user
			if tt.proof {
				m.Add("Proxy-Authorization", "Digest x")
			}
			f := &memFlow{w: w, realm: tt.realm, remote: netip.MustParseAddrPort(tt.from), transport: "UDP"}
			who := w.sw.identify(w.sw.view(), f, m)
			status := who.status
			if who.refusal != nil {
				status = who.refusal.Status
			}
			party := Party{}
			if who.party != nil {
				party = *who.party
			}
			if status != tt.status || party.Name != tt.name || party.Trunk != tt.trunk {
				t.Errorf("%s as %s in %s: %d, party %q, trunk %v; want %d, %q, %v",
					tt.from, tt.user, tt.realm, status, party.Name, party.Trunk, tt.status, tt.name, tt.trunk)
			}
		}
	})
}

// proven is a flow whose peer has proved names.
type proven struct {
	memFlow
	names []string
}

func (f *proven) Identity() []string { return f.names }

// TestTrunkWithAName: it is known by what its certificate proves, from one of its sources, and by nothing else; the others are known by
// their source as before.
func TestTrunkWithAName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *Config) {
			host := []wire.URI{{Scheme: "sip", Host: "192.0.2.1"}}
			c.Trunks = []Trunk{
				{Name: "plain", Realm: "carrier", Targets: host},
				{Name: "named", Realm: "carrier", Targets: host, TLSName: "sip.carrier.example"},
				{Name: "alone", Realm: "carrier", Targets: []wire.URI{{Scheme: "sip", Host: "192.0.2.9"}}, TLSName: "alone.example"},
			}
		})
		defer w.close()
		for _, tt := range []struct {
			from  string
			names []string
			want  string
		}{
			{"192.0.2.1:5060", nil, "plain"},
			{"192.0.2.1:5060", []string{"other.example"}, "plain"},
			{"192.0.2.1:40000", []string{"x", "sip.carrier.example"}, "named"},
			{"192.0.2.9:5060", nil, ""},
			{"192.0.2.9:5060", []string{"sip.carrier.example"}, ""},
			{"192.0.2.9:5061", []string{"alone.example"}, "alone"},
			{"198.51.100.1:5061", []string{"alone.example"}, ""},
		} {
			f := &proven{memFlow{w: w, realm: "carrier", remote: netip.MustParseAddrPort(tt.from), transport: "TLS"}, tt.names}
			got := ""
			if s := w.sw.view().trunkAt(f, wire.NewRequest(wire.INVITE, wire.URI{})); s != nil {
				got = s.trunk.Name
			}
			if got != tt.want {
				t.Errorf("%s %v: trunk %q, want %q", tt.from, tt.names, got, tt.want)
			}
			leg := sipLeg{legCore: legCore{party: w.sw.view().trunks["named"].party}, flow: &memFlow{remote: netip.MustParseAddrPort("192.0.2.1:5061"), realm: "carrier", transport: "TLS"}}
			if leg.from(f) != (tt.want == "named") {
				t.Errorf("%s %v: in the dialog of the named trunk: %v", tt.from, tt.names, leg.from(f))
			}
		}
		looked := w.sw.view().trunks["named"].party
		looked.Sources = nil // its host is known by DNS alone
		own := &memFlow{remote: netip.MustParseAddrPort("192.0.2.1:5061"), realm: "carrier", transport: "TLS"}
		again := &proven{memFlow{w: w, realm: "carrier", remote: netip.MustParseAddrPort("192.0.2.1:5071"), transport: "TLS"}, []string{"sip.carrier.example"}}
		if !sameSource(looked, own, again) || sameSource(looked, own, &again.memFlow) {
			t.Error("over another connection of the same host the name counts, and nothing else")
		}
		if hop := w.sw.view().trunks["named"].party.named(txn.Hop{Network: "tls", Name: "from.dns.example"}); hop.Name != "sip.carrier.example" {
			t.Errorf("hop %+v", hop)
		}
	})
}

// TestTrunkFromAnywhere: a trunk that may come from anywhere is awaited everywhere, but nobody is it, or may be sent to by it, for his
// address alone.
func TestTrunkFromAnywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *Config) {
			all := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
			c.Trunks = []Trunk{{Name: "roaming", Realm: "carrier", Targets: []wire.URI{{Scheme: "sip", Host: "192.0.2.1"}}, Sources: all, TLSName: "any.example"}}
		})
		defer w.close()
		for src, known := range map[string]bool{"192.0.2.1": true, "::ffff:192.0.2.1": true, "198.51.100.66": false, "2001:db8::1": false, "127.0.0.1": false} {
			a := netip.MustParseAddr(src)
			if got := w.sw.Knows("carrier", a); got != known {
				t.Errorf("%s is known: %v", src, got)
			}
			if got := belongs(a, w.sw.view().trunks["roaming"].sources()); got != known {
				t.Errorf("%s may be sent to: %v", src, got)
			}
			if !w.sw.Awaits("carrier", a) || w.sw.Awaits("access", a) {
				t.Errorf("%s is awaited in carrier %v, in access %v", src, w.sw.Awaits("carrier", a), w.sw.Awaits("access", a))
			}
			f := &proven{memFlow{w: w, realm: "carrier", remote: netip.AddrPortFrom(a, 5061), transport: "TLS"}, []string{"any.example"}}
			if w.sw.view().trunkAt(f, wire.NewRequest(wire.INVITE, wire.URI{})) == nil {
				t.Errorf("%s is not believed with its name", src)
			}
		}
	})
}
