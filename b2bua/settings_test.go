package b2bua

import (
	"net/netip"
	"testing"

	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
)

// TestWhoLeavesIsHeard: the source of a trunk that has gone is known as long as a call of before lasts, and it is no trunk to new requests.
func TestWhoLeavesIsHeard(t *testing.T) {
	core, err := txn.New(txn.Config{})
	if err != nil {
		t.Fatal(err)
	}
	acme := Trunk{Name: "acme", Realm: "carrier", Targets: []wire.URI{{Scheme: "sip", Host: "192.0.2.1"}}}
	moved := acme
	moved.Targets = []wire.URI{{Scheme: "sip", Host: "192.0.2.9"}}
	src, f := netip.MustParseAddr("192.0.2.1"), &memFlow{realm: "carrier", remote: netip.MustParseAddrPort("192.0.2.1:5060")}
	for name, next := range map[string]Settings{"gone": {}, "moved": {Trunks: []Trunk{moved}}} {
		s := New(Config{Core: core, Settings: Settings{Trunks: []Trunk{acme}}})
		old := s.view()
		old.calls.Add(1)
		s.Set(next)
		if !s.Knows("carrier", src) || s.Knows("other", src) || !s.KnowsAnywhere(src) || s.Settled() {
			t.Errorf("%s: a call of it is not heard, or too much is", name)
		}
		if s.view().trunkAt(f, wire.NewRequest(wire.INVITE, wire.URI{})) != nil {
			t.Errorf("%s: it may call", name)
		}
		s.Set(next)
		if !s.Knows("carrier", src) {
			t.Errorf("%s: forgotten by the next settings", name)
		}
		old.calls.Add(-1)
		if !s.Settled() || s.Knows("carrier", src) || s.KnowsAnywhere(src) {
			t.Errorf("%s: heard without a call", name)
		}
	}
}
