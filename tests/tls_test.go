package tests

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"drawbridge/tests/gateway"
	"drawbridge/tests/phone"
)

// TestCallsOverTLS: both ends prove who they are. A phone without a certificate, or with one of another authority, makes no call from the
// same host, and neither does one over TCP.
func TestCallsOverTLS(t *testing.T) {
	phone.Need(t, "sipp")
	ca, stranger := gateway.NewAuthority(t), gateway.NewAuthority(t)
	own, peer := ca.Issue(t, "gateway.test"), ca.Issue(t, "phone.test")
	inner := gateway.FreeUDP(t, gateway.PhoneAddr)
	callee := phone.Tunnel{
		Listen: netip.AddrPortFrom(gateway.PhoneAddr, 0), From: gateway.PhoneAddr, To: netip.AddrPortFrom(gateway.PhoneAddr, uint16(inner)),
		Server: &tls.Config{Certificates: peer.Pair(t), ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.Pool},
	}.Start(t)
	gw := gateway.Start(t, gateway.Config{
		TLS:    own,
		Trunks: []gateway.Trunk{{Name: "secure", Target: callee, Transport: "tls", More: "tls: {name: phone.test}"}},
		Routes: []gateway.Route{{From: "carrier", To: "+4970*", Via: "secure"}},
	})
	client := func(certs []tls.Certificate) netip.AddrPort {
		return phone.Tunnel{
			Listen: netip.AddrPortFrom(gateway.PhoneAddr, 0), From: gateway.PhoneAddr, To: gw.SIPS,
			Client: &tls.Config{Certificates: certs, RootCAs: ca.Pool, ServerName: "gateway.test"},
		}.Start(t)
	}
	const calls = 10
	uas := phone.Start(t, phone.Scenario{Name: "uas_answer", Port: inner, Over: "t1", Calls: calls})
	uac := phone.Start(t, phone.Scenario{
		Name: "uac_bye", Over: "t1", Target: client(peer.Pair(t)), Number: "+4970123", Calls: calls, Rate: 20, Talk: 200 * time.Millisecond,
	})
	uac.Wait(t)
	uas.Wait(t)
	gateway.Eventually(t, 5*time.Second, "the call records", func() bool { return len(gw.CDRs(t)) == calls })
	for _, c := range gw.CDRs(t) {
		if c.Answer == nil || c.Cause.Q850 != 16 || c.A.Peer != "secure" {
			t.Errorf("%+v", c)
		}
	}
	for name, sc := range map[string]phone.Scenario{
		"no certificate": {Name: "uac_refused", Over: "t1", Target: client(nil)},
		"over TCP":       {Name: "uac_refused", Over: "t1", Target: gw.SIP},
		"over UDP":       {Name: "uac_refused", Target: gw.SIP},
	} {
		t.Run(name, func(t *testing.T) {
			sc.Number = "+4970123"
			phone.Start(t, sc).Wait(t)
		})
	}
	t.Run("another authority", func(t *testing.T) {
		sc := phone.Scenario{Name: "uac_refused", Over: "t1", Target: client(stranger.Issue(t, "phone.test").Pair(t)), Number: "+4970123", Limit: 5 * time.Second}
		before := gw.Metrics(t).Sum("drawbridge_refused_total", `kind="tls"`)
		if phone.Start(t, sc).Code() == 0 {
			t.Error("it was answered")
		}
		if after := gw.Metrics(t).Sum("drawbridge_refused_total", `kind="tls"`); after <= before {
			t.Errorf("handshakes refused: %v, then %v", before, after)
		}
	})
	if n := len(gw.CDRs(t)); n != calls {
		t.Errorf("%d call records more", n-calls)
	}
}

// TestCertificatesAreReplaced: new connections to the SIP port and to the web port see the new certificates, an old one stays up.
func TestCertificatesAreReplaced(t *testing.T) {
	ca := gateway.NewAuthority(t)
	own, web := ca.Issue(t, "gateway.test"), ca.Issue(t, "web.test")
	gw := gateway.Start(t, gateway.Config{
		TLS: own, Key: gateway.Identity{CertFile: web.Cert, KeyFile: web.Key},
		Trunks: []gateway.Trunk{{Name: "phones", Target: netip.AddrPortFrom(gateway.PhoneAddr, 5060)}},
	})
	ports := map[string]netip.AddrPort{"gateway.test": gw.SIPS, "web.test": gw.Web}
	shake := func(name string) (*tls.Conn, string) {
		d := tls.Dialer{NetDialer: &net.Dialer{LocalAddr: &net.TCPAddr{IP: gateway.PhoneAddr.AsSlice()}}, Config: &tls.Config{
			RootCAs: ca.Pool, ServerName: name, NextProtos: []string{"http/1.1"},
		}}
		c, err := d.DialContext(t.Context(), "tcp", ports[name].String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		conn := c.(*tls.Conn)
		return conn, conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	conns, serials := map[string]*tls.Conn{}, map[string]string{}
	for name := range ports {
		conns[name], serials[name] = shake(name)
	}
	alive := func() error {
		const ask = "OPTIONS sip:gateway.test SIP/2.0\r\nVia: SIP/2.0/TLS phone.test;branch=z9hG4bK%d\r\nMax-Forwards: 70\r\nFrom: <sip:phone.test>;tag=1\r\n" +
			"To: <sip:gateway.test>\r\nCall-ID: %d\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
		n := time.Now().UnixNano()
		if _, err := fmt.Fprintf(conns["gateway.test"], ask, n, n); err != nil {
			return err
		}
		_, err := conns["gateway.test"].Read(make([]byte, 4096))
		return err
	}
	if err := alive(); err != nil {
		t.Fatal(err)
	}
	ca.Issue(t, "gateway.test")
	ca.Issue(t, "web.test")
	for name := range ports {
		gateway.Eventually(t, 30*time.Second, "the new certificate of "+name, func() bool {
			c, serial := shake(name)
			_ = c.Close()
			return serial != serials[name]
		})
	}
	if err := alive(); err != nil {
		t.Errorf("the old connection: %v", err)
	}
}
