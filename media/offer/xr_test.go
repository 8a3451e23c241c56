package offer

import (
	"net/netip"
	"strings"
	"testing"
)

func TestVoIPMetricsAreSentToWhomThatWantsThem(t *testing.T) {
	phone := func(lines string) []byte {
		return []byte(crlf(`
v=0
o=- 1 1 IN IP4 198.51.100.7
s=-
c=IN IP4 198.51.100.7
t=0 0
m=audio 30000 RTP/AVP 8
` + lines))
	}
	for _, c := range []struct {
		lines string
		want  [3]bool // by policy: asked, on, off
	}{
		{"", [3]bool{false, true, false}},
		{"a=rtcp-xr:voip-metrics\n", [3]bool{true, true, false}},
		{"a=rtcp-xr:rcvr-rtt=all:10000 stat-summary=loss,dup VOIP-METRICS\n", [3]bool{true, true, false}},
		{"a=rtcp-xr:rcvr-rtt=sender\n", [3]bool{false, true, false}},
		{"a=rtcp-xr\n", [3]bool{false, true, false}},
	} {
		for policy, want := range c.want {
			m := New(Config{XR: XR(policy), Codecs: codecNamed(t, "PCMA"), SessionID: 42})
			m.SetLocal(Local{RTP: netip.MustParseAddrPort("203.0.113.9:20000"), RTCP: netip.MustParseAddrPort("203.0.113.9:20001")})
			answer, st, err := m.Offered(phone(c.lines), SendRecv)
			if err != nil {
				t.Fatal(err)
			}
			if st.XR != want {
				t.Errorf("%q, policy %d: sent %v", c.lines, policy, st.XR)
			}
			if asks := strings.Contains(string(answer), "\r\na=rtcp-xr:voip-metrics\r\n"); asks != (XR(policy) == XROn) {
				t.Errorf("%q, policy %d: we ask %v", c.lines, policy, asks)
			}
		}
	}
}
