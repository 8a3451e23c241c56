package media

import (
	"net/netip"
	"testing"
	"time"
)

// TestLatchBelievesNoStranger: whoever sprays the port range while the peer has not spoken yet, or is silent, neither hears the call nor
// speaks into it (T12). The peer's own host may use another port.
func TestLatchBelievesNoStranger(t *testing.T) {
	at := netip.MustParseAddrPort
	announced := at("192.0.2.1:4000")
	for _, row := range []struct {
		name  string
		src   netip.AddrPort
		heard time.Duration // since the peer was heard last; 0: never
		want  bool
	}{
		{"the peer", announced, 0, true},
		{"another port of the peer, before it has spoken", at("192.0.2.1:4002"), 0, true},
		{"another port of the peer while it speaks", at("192.0.2.1:4002"), 20 * time.Millisecond, false},
		{"a stranger before the peer has spoken", at("198.51.100.9:4000"), 0, false},
		{"a stranger while the peer is silent", at("198.51.100.9:4000"), 5 * time.Second, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			var la latch
			la.announce(announced)
			now := int64(time.Minute)
			if row.heard != 0 {
				la.heard = now - int64(row.heard)
			}
			believed := false
			for seq := range uint16(2 * latchPackets) {
				ok, _ := la.accept(&packet{seq: seq, ssrc: 7}, row.src, now+int64(seq), func(netip.AddrPort) bool { return false })
				believed = believed || ok
			}
			if believed != row.want || (la.source == row.src) != row.want {
				t.Errorf("believed %t, media goes to %s", believed, la.source)
			}
		})
	}
}
