package tests

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"

	"drawbridge/tests/gateway"
	"drawbridge/tests/phone"
)

// TestTrunkByName: a trunk that has nothing but a name. DNS says where it is (NAPTR, SRV, A), its second server takes the calls while the
// first one is dead, and what it calls with comes from where its name leads.
func TestTrunkByName(t *testing.T) {
	phone.Need(t, "sipp")
	port, dead := gateway.FreeUDP(t, gateway.PhoneAddr), netip.MustParseAddr("127.0.3.1")
	gw := gateway.Start(t, gateway.Config{
		DNS: serveDNS(t,
			`trunk.test. 60 NAPTR 10 10 "s" "SIP+D2U" "" _sip._udp.trunk.test.`,
			`_sip._udp.trunk.test. 60 SRV 10 0 5060 dead.trunk.test.`,
			fmt.Sprintf(`_sip._udp.trunk.test. 60 SRV 20 0 %d phone.trunk.test.`, port),
			`dead.trunk.test. 60 A `+dead.String(),
			`phone.trunk.test. 60 A `+gateway.PhoneAddr.String(),
		),
		Trunks: []gateway.Trunk{{Name: "acme", Host: "trunk.test"}},
		Routes: []gateway.Route{{From: "carrier", To: "+4970*", Via: "acme"}},
	})
	for i, want := range []struct{ least, most time.Duration }{
		{2900 * time.Millisecond, 8 * time.Second}, // the dead one is tried first
		{0, 1500 * time.Millisecond},               // and rests now
	} {
		uas := phone.Start(t, phone.Scenario{Name: "uas_answer", Port: port})
		uac := phone.Start(t, phone.Scenario{Name: "uac_bye", Target: gw.SIP, Number: dialled, Talk: 200 * time.Millisecond})
		uac.Wait(t)
		uas.Wait(t)
		c := gw.NextCDR(t, i)
		if c.Answer == nil || c.A.Peer != "acme" || c.B.Peer != "acme" {
			t.Fatalf("call %d: %+v", i, c)
		}
		if setup := time.Duration(c.SetupMS) * time.Millisecond; setup < want.least || setup > want.most {
			t.Errorf("call %d took %s to set up", i, setup)
		}
	}
}

// serveDNS answers for some records, as master files write them, on a loopback port.
func serveDNS(t *testing.T, records ...string) netip.AddrPort {
	t.Helper()
	var all []dns.RR
	for _, text := range records {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rr)
	}
	up, down := make(chan struct{}), make(chan error, 1)
	s := &dns.Server{Addr: netip.AddrPortFrom(gateway.AccessAddr, 0).String(), Net: "udp", NotifyStartedFunc: func() { close(up) }}
	s.Handler = dns.HandlerFunc(func(w dns.ResponseWriter, m *dns.Msg) {
		out := new(dns.Msg)
		out.SetReply(m)
		for _, rr := range all {
			if rr.Header().Name == m.Question[0].Name && rr.Header().Rrtype == m.Question[0].Qtype {
				out.Answer = append(out.Answer, rr)
			}
		}
		w.WriteMsg(out)
	})
	go func() { down <- s.ListenAndServe() }()
	select {
	case <-up:
	case err := <-down:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Shutdown()
		<-down
	})
	return netip.MustParseAddrPort(s.PacketConn.LocalAddr().String())
}
