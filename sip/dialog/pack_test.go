package dialog

import (
	"testing"

	"drawbridge/sip/wire"
	"github.com/google/go-cmp/cmp"
)

// A packed dialog goes on as if it had not been: the same requests, the same judgement of what comes in.
func TestPack(t *testing.T) {
	for _, routes := range [][]string{nil, {"<sip:p1;lr>", "<sip:p2;lr>"}, {"<sip:strict>", "<sip:p2;lr>"}} {
		plain, packed := uas(t, routes...), uas(t, routes...)
		packed.Pack()
		if packed.ends != nil {
			t.Fatal("not packed")
		}
		for _, m := range []wire.Method{wire.INVITE, wire.BYE, wire.INFO} {
			if diff := cmp.Diff(string(plain.Request(m).Bytes()), string(packed.Request(m).Bytes())); diff != "" {
				t.Errorf("%s: %s", m, diff)
			}
			packed.Pack()
			packed.Pack()
		}
		if diff := cmp.Diff(plain.ID(), packed.ID()); diff != "" {
			t.Error(diff)
		}
		again := answer(t, 200, "<sip:elsewhere@192.0.2.7>")
		if a, b := plain.Refresh(again), packed.Refresh(again); a != b || plain.Target().String() != packed.Target().String() {
			t.Errorf("refreshed %t and %t, to %v and %v", a, b, plain.Target(), packed.Target())
		}
	}
}
