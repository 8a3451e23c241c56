package offer

import (
	"net/netip"
	"testing"
)

// TestNAT tells peers behind NAT, whose media may come from the host that signals, from all others.
func TestNAT(t *testing.T) {
	for _, row := range []struct {
		name, announced, signals string
		nat                      bool
	}{
		{"a phone at home", "192.168.1.20", "198.51.100.7", true},
		{"a phone behind its carrier", "100.72.0.9", "198.51.100.7", true},
		{"a trunk", "198.51.100.8", "198.51.100.7", false},
		{"a private network", "10.0.0.5", "10.0.9.9", false},
		{"a public phone by a private proxy", "198.51.100.8", "10.0.9.9", false},
		{"nobody knows", "192.168.1.20", "", false},
		{"signalling over the other family", "192.168.1.20", "2001:db8::7", true}, // it may be a host of ours as well
		{"mapped", "192.168.1.20", "::ffff:198.51.100.7", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := newTrunk(t)
			signals, _ := netip.ParseAddr(row.signals) // "" is nowhere
			m.SetPeer(signals)
			sdp := crlf("\nv=0\no=- 1 1 IN IP4 " + row.announced + "\ns=-\nc=IN IP4 " + row.announced + "\nt=0 0\nm=audio 4000 RTP/AVP 8\n")
			_, st, err := m.Offered([]byte(sdp), SendRecv)
			if err != nil {
				t.Fatal(err)
			}
			var want netip.Addr
			if row.nat {
				want = signals.Unmap()
			}
			if st.NAT != want {
				t.Errorf("media may come from %s, want %s", st.NAT, want)
			}
			if st.Remote.Addr().String() != row.announced {
				t.Errorf("media goes to %s, want %s", st.Remote, row.announced)
			}
		})
	}
}

// A peer that signals from a public address sends no RTCP of ours to a private host by a=rtcp, other than its own.
func TestRTCPAtPrivateHost(t *testing.T) {
	for _, row := range []struct{ media, rtcp, signals, want string }{
		{"198.51.100.8", "192.168.1.20", "198.51.100.7", "invalid AddrPort"},
		{"192.168.1.21", "192.168.1.20", "198.51.100.7", "invalid AddrPort"},
		{"192.168.1.20", "192.168.1.20", "198.51.100.7", "192.168.1.20:4009"},
		{"198.51.100.8", "198.51.100.9", "198.51.100.7", "198.51.100.9:4009"},
		{"198.51.100.8", "192.168.1.20", "192.168.1.1", "192.168.1.20:4009"},
	} {
		m := newTrunk(t)
		m.SetPeer(netip.MustParseAddr(row.signals))
		sdp := crlf("\nv=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 " + row.media + "\nt=0 0\nm=audio 4000 RTP/AVP 8\na=rtcp:4009 IN IP4 " + row.rtcp + "\n")
		_, st, err := m.Offered([]byte(sdp), SendRecv)
		if err != nil || st.RemoteRTCP.String() != row.want {
			t.Errorf("%+v: RTCP goes to %s (%v)", row, st.RemoteRTCP, err)
		}
	}
}

// A hold by c=0.0.0.0 keeps what was known of the peer's NAT.
func TestHoldKeepsNAT(t *testing.T) {
	m := newTrunk(t)
	m.SetPeer(netip.MustParseAddr("198.51.100.7"))
	var st *Stream
	for _, c := range []string{"192.168.1.20", "0.0.0.0"} {
		var err error
		if _, st, err = m.Offered([]byte(crlf("\nv=0\no=- 1 1 IN IP4 192.168.1.20\ns=-\nc=IN IP4 "+c+"\nt=0 0\nm=audio 4000 RTP/AVP 8\n")), SendRecv); err != nil {
			t.Fatal(err)
		}
	}
	if st.NAT != netip.MustParseAddr("198.51.100.7") {
		t.Errorf("media may come from %s", st.NAT)
	}
}
