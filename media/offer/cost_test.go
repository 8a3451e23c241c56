package offer

import (
	"net/netip"
	"strings"
	"testing"
)

// BenchmarkCall is the SDP of a call from trunk to trunk: an offer read and answered, one made, and its answer read.
func BenchmarkCall(b *testing.B) {
	cfg := Config{Codecs: codecNamed(b, "PCMA", "PCMU"), SessionID: 42}
	local := Local{RTP: netip.MustParseAddrPort("203.0.113.9:20000"), RTCP: netip.MustParseAddrPort("203.0.113.9:20001")}
	sdp := []byte(strings.Replace(file(b, "sipp.sdp"), "PCMU/8000\r\n", "PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendrecv\r\n", 1))
	b.ReportAllocs()
	for b.Loop() {
		caller, callee := New(cfg), New(cfg)
		caller.SetLocal(local)
		callee.SetLocal(local)
		if _, _, err := caller.Offered(sdp, SendRecv); err != nil {
			b.Fatal(err)
		}
		callee.Suit(caller.Shared()...)
		if _, err := callee.Offer(SendRecv); err != nil {
			b.Fatal(err)
		}
		st, err := callee.Answered(sdp)
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := caller.Revise(st.Send); err != nil {
			b.Fatal(err)
		}
	}
}
