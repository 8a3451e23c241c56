package b2bua

import (
	"net/netip"
	"testing"

	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
)

type farFlow struct{ txn.Flow }

func (farFlow) SentBy() netip.AddrPort { return netip.MustParseAddrPort("192.0.2.5:5060") }

func TestWhoIsCallingTowardsEachSide(t *testing.T) {
	in := wire.NewRequest(wire.INVITE, wire.URI{Scheme: "sip", User: "+4930200", Host: "near.example.com"})
	numbered := Party{Name: "alice", Number: "+4930100"}
	for _, tt := range []struct {
		name   string
		caller Party
		callee Party
		want   string
	}{
		{"a trunk is told the number", numbered, Party{Trunk: true, Realm: Realm{Domain: "far.example.com"}}, "sip:+4930100@far.example.com"},
		{"an account is told the name", numbered, Party{Realm: Realm{Domain: "far.example.com"}}, "sip:alice@far.example.com"},
		{"an account without a number", Party{Name: "alice"}, Party{Trunk: true, Realm: Realm{Domain: "far.example.com"}}, "sip:alice@far.example.com"},
		{"a realm without a domain", numbered, Party{Trunk: true}, "sip:+4930100@192.0.2.5"},
	} {
		m := outbound(in, &Setup{Caller: &tt.caller, From: "alice", To: "+4930200"}, &tt.callee, &Target{}, farFlow{})
		if got := m.From.URI.String(); got != tt.want {
			t.Errorf("%s: From %s, want %s", tt.name, got, tt.want)
		}
	}
}
