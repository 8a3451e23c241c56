package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"drawbridge/topology"
)

const passing = `realms:
  access: {media: {udp: 0}}
  carrier:
    listen: [udp:192.0.2.1:5060]
    pass: {in: {headers: [X-A]}}
trunks:
  acme:
    realm: carrier
    targets: [sip:192.0.2.9]
    pass: {in: {headers: [%s], bodies: [%s], sdp: [%s]}, out: {headers: [X-C]}}
`

func TestPasses(t *testing.T) {
	snap, err := Parse("F", fmt.Appendf(nil, passing, "Geolocation", "application/pidf+xml", "x-note"), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := &topology.Passes{
		In:  topology.Pass{Headers: []string{"X-A", "Geolocation"}, Bodies: []string{"application/pidf+xml"}, SDP: []string{"x-note"}},
		Out: topology.Pass{Headers: []string{"X-C"}},
	}
	if diff := cmp.Diff(want, snap.Realms["carrier"].Pass.Join(snap.Trunks["acme"].Pass).Lists()); diff != "" {
		t.Error(diff)
	}
	if got := snap.Realms["access"].Pass.Lists(); got != nil {
		t.Errorf("%+v", got)
	}
	for _, c := range []struct{ headers, bodies, sdp, at string }{
		{"Via", "text/plain", "x-n", "F:10:27: "}, {"P-Asserted-Identity", "text/plain", "x-n", "F:10:27: "}, {"X-A", "application/sdp", "x-n", "F:10:42: "},
		{"X-A", "multipart/mixed", "x-n", "F:10:42: "}, {"X-A", "text", "x-n", "F:10:42: "}, {"X-A", "text/plain", "candidate", "F:10:61: "}, {"X-A", "text/plain", "a b", "F:10:61: "},
	} {
		_, err := Parse("F", fmt.Appendf(nil, passing, c.headers, c.bodies, c.sdp), nil)
		if err == nil || !strings.Contains(err.Error(), c.at) || strings.Count(err.Error(), "may cross") != 1 {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
