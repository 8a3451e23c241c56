package resolve

import (
	"testing"

	"github.com/miekg/dns"
)

// FuzzRead: whatever a server answers, the records taken are bounded and of the kind asked for.
func FuzzRead(f *testing.F) {
	z := newZone(f, "a.example. CNAME b.example.", "b.example. A 192.0.2.1", "s.example. SRV 1 2 3 b.example.", `n.example. NAPTR 1 2 "s" "SIP+D2U" "" s.example.`)
	for name, kind := range map[string]uint16{"a.example.": dns.TypeA, "s.example.": dns.TypeSRV, "n.example.": dns.TypeNAPTR, "none.example.": dns.TypeAAAA} {
		m := new(dns.Msg)
		m.SetQuestion(name, kind)
		wire, err := z.reply(m).Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(wire, name, kind)
	}
	f.Fuzz(func(t *testing.T, b []byte, name string, kind uint16) {
		in := new(dns.Msg)
		if in.Unpack(b) != nil {
			return
		}
		rec, ttl := read(in, question{canonical(name), kind})
		if len(rec.addrs) > maxHops || len(rec.srv) > maxHops || len(rec.naptr) > maxHops {
			t.Errorf("%d addresses, %d SRV, %d NAPTR", len(rec.addrs), len(rec.srv), len(rec.naptr))
		}
		if ttl < minTTL {
			t.Errorf("good for %s", ttl)
		}
	})
}
