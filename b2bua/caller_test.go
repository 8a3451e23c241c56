package b2bua

import (
	"net/netip"
	"testing"
	"testing/synctest"

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
			if s := w.sw.trunkAt(f); s != nil {
				got = s.trunk.Name
			}
			if got != tt.want {
				t.Errorf("%s %v: trunk %q, want %q", tt.from, tt.names, got, tt.want)
			}
			leg := sipLeg{legCore: legCore{party: w.sw.trunks["named"].party}, flow: &memFlow{remote: netip.MustParseAddrPort("192.0.2.1:5061"), realm: "carrier", transport: "TLS"}}
			if leg.from(f) != (tt.want == "named") {
				t.Errorf("%s %v: in the dialog of the named trunk: %v", tt.from, tt.names, leg.from(f))
			}
		}
		looked := w.sw.trunks["named"].party
		looked.Sources = nil // its host is known by DNS alone
		own := &memFlow{remote: netip.MustParseAddrPort("192.0.2.1:5061"), realm: "carrier", transport: "TLS"}
		again := &proven{memFlow{w: w, realm: "carrier", remote: netip.MustParseAddrPort("192.0.2.1:5071"), transport: "TLS"}, []string{"sip.carrier.example"}}
		if !sameSource(looked, own, again) || sameSource(looked, own, &again.memFlow) {
			t.Error("over another connection of the same host the name counts, and nothing else")
		}
		if hop := w.sw.trunks["named"].party.named(txn.Hop{Network: "tls", Name: "from.dns.example"}); hop.Name != "sip.carrier.example" {
			t.Errorf("hop %+v", hop)
		}
	})
}
