package classify

import (
	"net/netip"
	"testing"
)

// TestHosts is the table of SEC-05: what looks like an allowed host and is not.
func TestHosts(t *testing.T) {
	allowed, bad := NewHosts([]string{"allowed.example.com", "192.0.2.1", "2001:db8::1", "xn--bcher-kva.example"})
	if len(bad) > 0 {
		t.Fatal(bad)
	}
	for host, want := range map[string]bool{
		"allowed.example.com": true, "ALLOWED.Example.COM": true, "192.0.2.1": true, "::ffff:192.0.2.1": true, "[2001:db8::1]": true, "2001:DB8:0::1": true,
		"xn--bcher-kva.example": true, "XN--BCHER-KVA.example": true,
		"allowed.example.com.evil.com": false, "evil-allowed.example.com": false, "example.com": false, "a.allowed.example.com": false,
		"%61llowed.example.com": false, "allowed.example.com.": false, "allowed..example.com": false, ".allowed.example.com": false,
		"аllowed.example.com": false /* Cyrillic а */, "bücher.example": false, "allowed.example.com%00": false, "allowed.example.com\x00": false,
		"192.0.2.2": false, "192.0.2.1.": false, "0xC0000201": false, "3221225985": false, "192.0.2.01": false, "fe80::1%eth0": false, "": false, "-": false,
	} {
		if got := allowed.Has(host); got != want {
			t.Errorf("%q: %t", host, got)
		}
	}
	if !(Hosts{}).Has("%61") {
		t.Error("an empty set allows everything")
	}
	if _, bad := NewHosts([]string{"ok.example", "bücher.example", "a b"}); len(bad) != 2 {
		t.Errorf("bad ones: %q", bad)
	}
}

func TestRows(t *testing.T) {
	hosts := func(all ...string) Hosts {
		h, _ := NewHosts(all)
		return h
	}
	s := Source{Local: netip.MustParseAddrPort("192.0.2.9:5060"), Host: "sbc.example.com", From: "pbx.example.com", User: "+4930123", Agent: "Asterisk PBX 20"}
	for _, row := range []struct {
		name string
		row  Row
		want bool
	}{
		{"nothing asked", Row{}, true},
		{"socket", Row{Local: []netip.AddrPort{netip.MustParseAddrPort("[::ffff:192.0.2.9]:5060")}}, true},
		{"any port", Row{Local: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.9:0")}}, true},
		{"other port", Row{Local: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.9:5070")}}, false},
		{"host", Row{Hosts: hosts("SBC.example.com")}, true},
		{"other host", Row{Hosts: hosts("example.com")}, false},
		{"From", Row{From: hosts("other.example.com", "pbx.example.com")}, true},
		{"other From", Row{From: hosts("pbx.example.com.evil.com")}, false},
		{"user", Row{Users: []string{"+4930*"}}, true},
		{"whole user", Row{Users: []string{"+4930"}}, false},
		{"agent", Row{Agents: []string{"asterisk"}}, true},
		{"agent behind", Row{Agents: []string{"PBX"}}, false},
		{"longer agent", Row{Agents: []string{"Asterisk PBX 20.1"}}, false},
		{"all but one", Row{Hosts: hosts("sbc.example.com"), Users: []string{"+49*"}, Agents: []string{"FreeSWITCH"}}, false},
	} {
		if got := row.row.Fits(s); got != row.want {
			t.Errorf("%s: %t", row.name, got)
		}
	}
}

func FuzzHost(f *testing.F) {
	f.Add("Example.com")
	f.Add("[::1]")
	f.Fuzz(func(t *testing.T, s string) {
		host, ok := Host(s)
		if again, fine := Host(host); ok && (!fine || again != host) {
			t.Errorf("%q becomes %q, then %q", s, host, again)
		}
	})
}
