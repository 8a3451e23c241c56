package offer

import (
	"net/netip"
	"strings"
	"testing"
)

// TestNoEvents: a side whose digits go another way neither reads nor writes telephone-event, as offerer and as answerer.
func TestNoEvents(t *testing.T) {
	pcma, _ := Lookup("PCMA")
	host := netip.MustParseAddr("127.0.0.1")
	for _, silent := range []bool{false, true} {
		machine := func(none bool, port uint16) *Machine {
			m := New(Config{Codecs: []Codec{pcma}, NoEvents: none, AllowLoopback: true})
			m.SetLocal(Local{RTP: netip.AddrPortFrom(host, port), RTCP: netip.AddrPortFrom(host, port+1)})
			return m
		}
		for name, ours := range map[string]bool{"offers": true, "answers": false} {
			a, b := machine(silent && ours, 4000), machine(silent && !ours, 4002)
			sdp, err := a.Offer(SendRecv)
			if err != nil {
				t.Fatal(err)
			}
			answer, taken, err := b.Offered(sdp, SendRecv)
			if err != nil {
				t.Fatal(err)
			}
			st, err := a.Answered(answer)
			if err != nil {
				t.Fatal(err)
			}
			has := st.SendEvent.Name != "" && st.RecvEvent.Name != "" && taken.SendEvent.Name != "" && strings.Contains(string(answer), "telephone-event")
			none := st.SendEvent.Name == "" && st.RecvEvent.Name == "" && taken.SendEvent.Name == "" && !strings.Contains(string(answer), "telephone-event")
			if silent && !none || !silent && !has {
				t.Errorf("silent %v, %s: %+v %+v\n%s", silent, name, st, taken, answer)
			}
		}
	}
}
