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

// TestTrunkByName: a trunk that has nothing but a name. DNS says where it is (NAPTR, SRV, A), its second server takes the call that the
// first one refuses and is the first to be asked next time, and what the trunk calls with comes from where its name leads.
func TestTrunkByName(t *testing.T) {
	phone.Need(t, "sipp")
	port, busy := gateway.FreeUDP(t, gateway.PhoneAddr), netip.MustParseAddr("127.0.3.1")
	refusing := phone.Start(t, phone.Scenario{Name: "uas_refuse", Addr: busy, Keys: map[string]string{"status": "503", "reason": "Service Unavailable"}})
	gw := gateway.Start(t, gateway.Config{
		DNS: serveDNS(t,
			`trunk.test. 60 NAPTR 10 10 "s" "SIP+D2U" "" _sip._udp.trunk.test.`,
			fmt.Sprintf(`_sip._udp.trunk.test. 60 SRV 10 0 %d busy.trunk.test.`, refusing.Port),
			fmt.Sprintf(`_sip._udp.trunk.test. 60 SRV 20 0 %d phone.trunk.test.`, port),
			`busy.trunk.test. 60 A `+busy.String(),
			`phone.trunk.test. 60 A `+gateway.PhoneAddr.String(),
		),
		Trunks: []gateway.Trunk{{Name: "acme", Host: "trunk.test"}},
		Routes: []gateway.Route{{From: "carrier", To: "+4970*", Via: "acme"}},
	})
	for i := range 2 {
		uas := phone.Start(t, phone.Scenario{Name: "uas_answer", Port: port})
		uac := phone.Start(t, phone.Scenario{Name: "uac_bye", Target: gw.SIP, Number: dialled, Talk: 200 * time.Millisecond})
		uac.Wait(t)
		uas.Wait(t)
		if c := gw.NextCDR(t, i); c.Answer == nil || c.A.Peer != "acme" || c.B.Peer != "acme" {
			t.Errorf("call %d: %+v", i, c)
		}
	}
	refusing.Wait(t) // it takes one call
	if n := gw.Metrics(t).Value(t, "drawbridge_targets_resting"); n != 1 {
		t.Errorf("%v targets rest", n)
	}
}

// TestRefusedConnection: a target that refuses its TCP connection costs no time; the next one has the call, and the first one rests.
func TestRefusedConnection(t *testing.T) {
	phone.Need(t, "sipp")
	at := func(port int) netip.AddrPort { return netip.AddrPortFrom(gateway.PhoneAddr, uint16(port)) }
	port, dead := gateway.FreeUDP(t, gateway.PhoneAddr), gateway.FreeUDP(t, gateway.PhoneAddr)
	gw := gateway.Start(t, gateway.Config{
		Trunks: []gateway.Trunk{{Name: "dead", Target: at(dead), Transport: "tcp"}, {Name: "acme", Target: at(port)}},
		Routes: []gateway.Route{{From: "carrier", To: "+4970*", Via: "dead, acme"}},
	})
	uas := phone.Start(t, phone.Scenario{Name: "uas_answer", Port: port})
	phone.Start(t, phone.Scenario{Name: "uac_bye", Target: gw.SIP, Number: dialled, Talk: 200 * time.Millisecond}).Wait(t)
	uas.Wait(t)
	c := gw.NextCDR(t, 0)
	if setup := time.Duration(c.SetupMS) * time.Millisecond; c.Answer == nil || c.B.Peer != "acme" || setup > 1500*time.Millisecond {
		t.Errorf("%s: %+v", setup, c)
	}
	if n := gw.Metrics(t).Value(t, "drawbridge_targets_resting"); n != 1 {
		t.Errorf("%v targets rest", n)
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
