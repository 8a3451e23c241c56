package transport

import (
	"encoding/hex"
	"net/netip"
	"testing"
)

const stunID = "b7e7a701bc34d686fa87dfae" // of RFC 5769 section 2.1

// TestSTUN: the addresses of the sample responses of RFC 5769 sections 2.2 and 2.3, and the form of RFC 3489.
func TestSTUN(t *testing.T) {
	for _, tt := range []struct{ request, from, want string }{
		{"000100002112a442" + stunID, "192.0.2.1:32853", "0101000c2112a442" + stunID + "002000080001a147e112a643"},
		{"000100002112a442" + stunID, "[2001:db8:1234:5678:11:2233:4455:6677]:32853",
			"010100182112a442" + stunID + "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9"},
		{"0001000011112222" + stunID, "192.0.2.1:32853", "0101000c11112222" + stunID + "000100080001" + "8055" + "c0000201"},
	} {
		req, err := hex.DecodeString(tt.request)
		if err != nil {
			t.Fatal(err)
		}
		if !stunRequest(req) {
			t.Errorf("%s is no request", tt.request)
		}
		if got := hex.EncodeToString(stunAnswer(req, netip.MustParseAddrPort(tt.from))); got != tt.want {
			t.Errorf("%s:\n%s, want\n%s", tt.from, got, tt.want)
		}
	}
}

// FuzzSTUN: what is answered is a Binding request, and the answer with its headers is never twice as long.
func FuzzSTUN(f *testing.F) {
	req, _ := hex.DecodeString("000100002112a442" + stunID)
	f.Add(req)
	f.Add([]byte("\x00\x00\x00\x00"))
	f.Add([]byte("OPTIONS sip:a SIP/2.0\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if !stunRequest(b) {
			return
		}
		for from, headers := range map[string]int{"192.0.2.1:1": 28, "[2001:db8::1]:1": 48} {
			out := stunAnswer(b, netip.MustParseAddrPort(from))
			if len(out)+headers >= 2*(len(b)+headers) || string(out[8:20]) != string(b[8:20]) || stunRequest(out) {
				t.Errorf("%x to %x", out, b)
			}
		}
	})
}
