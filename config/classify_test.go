package config

import (
	"strings"
	"testing"
)

const classes = "realms: {access: {media: {udp: 1}}, c: {listen: ['udp:203.0.113.9:5060', 'udp:203.0.113.9:5062'], R}}\ntrunks: {t: {realm: c, targets: ['sip:198.51.100.7'], T}}\n"

func TestClasses(t *testing.T) {
	parse := func(realm, trunk string) (*Snapshot, error) {
		return Parse("F", []byte(strings.NewReplacer("R}", realm+"}", "T}", trunk+"}").Replace(classes)), nil)
	}
	snap, err := parse("trust: low, unknown: reject, domains: [PBX.example.com, '::1']", "match: {listen: ['udp:203.0.113.9:5062'], hosts: [a.example], users: ['+49*'], agents: [Asterisk]}")
	if err != nil {
		t.Fatal(err)
	}
	if snap.Realms["c"].Believes() || !snap.Realms["access"].Believes() || snap.Realms["access"].Unknown != "silent" {
		t.Errorf("%+v", snap.Realms)
	}
	if row := snap.Trunks["t"].Match.Row(); !row.Asks() || len(row.Local) != 1 || !row.Hosts.Has("A.example") || row.Hosts.Has("b.example") {
		t.Errorf("%+v", row)
	}
	for _, row := range []struct{ realm, trunk, want string }{
		{"trust: some", "", "none of none, low"}, {"unknown: shout", "", "none of silent"}, {"domains: [bücher.example]", "", "F:1:"}, {"domains: ['a.example.']", "", "xn--"},
		{"", "match: {from: ['%61']}", "neither an address"}, {"", "match: {listen: ['udp:203.0.113.9:5070']}", "is no socket"},
		{"", "match: {users: ['*9']}", "user part"}, {"", "match: {agents: ['']}", "empty word"},
	} {
		if _, err := parse(row.realm, row.trunk); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s %s: %v", row.realm, row.trunk, err)
		}
	}
}
