package wire

import (
	"strings"
	"testing"
	"unsafe"
)

// TestPlainNumbersReadAsTheCodecReadsThem: the short way and the codec's give the same number or the same refusal.
func TestPlainNumbersReadAsTheCodecReadsThem(t *testing.T) {
	for _, name := range []string{"CSeq", "Max-Forwards", "Content-Length"} {
		h, _ := lookup(name)
		for _, value := range strings.Split("0|7|007|70 |+7|-1|7x|2147483647|2147483648|4294967295|4294967296|99999999999999999999|7 INVITE|"+
			"0 ACK|7  INVITE|7 INVITE x|7\tINVITE|7 |2147483647 BYE|2147483648 BYE|x INVITE|7 invite", "|") {
			short, long := newParser(), newParser()
			value = strings.TrimSpace(value)
			err, want := short.number(h, value), long.decoded(h, value)
			if (err == nil) != (want == nil) {
				t.Errorf("%s: %q: %v, the codec says %v", name, value, err, want)
				continue
			}
			if err == nil && (short.m.CSeq != long.m.CSeq || short.m.MaxForwards != long.m.MaxForwards || short.length != long.length) {
				t.Errorf("%s: %q is read as %v %d %d", name, value, short.m.CSeq, short.m.MaxForwards, short.length)
			}
		}
	}
}

// TestRoomFits: what is made for each message fills a size that the allocator has, which keeps 8 bytes of it to itself.
func TestRoomFits(t *testing.T) {
	for name, c := range map[string]struct{ is, most uintptr }{
		"frame": {unsafe.Sizeof(frame{}), 1152 - 8}, "reply": {unsafe.Sizeof(reply{}), 896 - 8}, "asking": {unsafe.Sizeof(asking{}), 896 - 8},
	} {
		if c.is > c.most {
			t.Errorf("%s has %d bytes, %d at most", name, c.is, c.most)
		}
	}
}

// TestRoomIsNobodyElses: what is added to one list of a message is seen in no other.
func TestRoomIsNobodyElses(t *testing.T) {
	m := read(t, invite("Contact: <sip:a@b;x=1;y=2>;q=1"))
	before := m.Via[0].String() + m.From.String() + m.To.String() + m.Contact[0].String()
	for _, p := range []Params{m.Via[0].Params, m.From.Params, m.To.Params, m.Contact[0].Params, m.Contact[0].URI.Params} {
		_ = append(p, Param{"z", "1"})
	}
	if after := m.Via[0].String() + m.From.String() + m.To.String() + m.Contact[0].String(); after != before {
		t.Errorf("%s became %s", before, after)
	}
}
